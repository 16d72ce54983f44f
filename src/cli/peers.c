/* dpc peers: the contacts, and the strangers who wait for an answer. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

static void print_peer(const json_t *peer)
{
	char name[NAME_TEXT_MAX], link[LINK_TEXT_MAX], safe[CLI_PROBLEM_MAX];
	const json_t *found = json_object_get(peer, "link");
	bool connected = json_is_object(found);
	bool blocked = json_is_true(json_object_get(peer, "blocked"));
	const char *state = field_text(peer, "state"), *error = field_text(peer, "error");
	double queued = field_number(peer, "queued", 0);

	bool verified = json_is_true(json_object_get(peer, "verified"));
	printf("%s%-16s%s %s  %s%s%s%s", colour(COLOUR_BOLD), name_text(peer, name),
		colour(COLOUR_NONE), field_text(peer, "node_id"),
		connected ? colour(COLOUR_GREEN) : colour(COLOUR_DIM), state, colour(COLOUR_NONE),
		blocked ? ", blocked" : "");
	if (connected)
		printf(" %s", link_text(found, link));
	if (queued > 0)
		printf(", %.0f waiting", queued);
	if (verified)
		printf(", verified");
	if (!connected && *error)
		printf(": %s", text_safe(error, safe, sizeof(safe)));
	putchar('\n');
}

static void print_stranger(const json_t *stranger)
{
	char name[NAME_TEXT_MAX], address[NAME_TEXT_MAX];
	const char *called = field_text(stranger, "name"), *from = field_text(stranger, "address");
	printf("a stranger asks to connect: %s", field_text(stranger, "node_id"));
	if (*called)
		printf(", who says '%s'", text_safe(called, name, sizeof(name)));
	if (*from)
		printf(", from %s", text_safe(from, address, sizeof(address)));
	printf("; 'dpc accept %s' or 'dpc block %s'\n", field_text(stranger, "node_id"),
		field_text(stranger, "node_id"));
}

int command_peers(const struct cli *cli)
{
	json_t *answer = NULL;
	int status = api_ask(cli, &(struct api_request){.path = "/peers"}, &answer);
	if (status != CLI_DONE)
		return status;
	const json_t *peers = json_object_get(answer, "peers");
	const json_t *strangers = json_object_get(answer, "strangers");
	if (cli->json) {
		print_json(answer);
	} else {
		for (size_t i = 0; i < json_array_size(peers); i++)
			print_peer(json_array_get(peers, i));
		for (size_t i = 0; i < json_array_size(strangers); i++)
			print_stranger(json_array_get(strangers, i));
		if (json_array_size(peers) + json_array_size(strangers) == 0)
			fputs("no contacts; add one with 'dpc add'\n", stderr);
	}
	json_decref(answer);
	return CLI_DONE;
}
