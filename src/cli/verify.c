/* dpc verify: two people compare the safety number of their keys, and mark each other verified. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/qr.h"
#include "crypto/node_id.h"

#define GROUPS_A_LINE 4
#define ANSWER_MAX 32
#define TYPED_MAX 512 /* what is too long for the node too */

static int ask_peer(const struct cli *cli, json_t **ret_peer)
{
	char path[CLI_API_PATH_MAX] = "/peers/";
	if (!api_path_add_encoded(path, cli->args[0]))
		return cli_wrong(cli, "the peer's name is too long");
	return api_ask(cli, &(struct api_request){.path = path}, ret_peer);
}

/* `number` NULL takes the mark back. */
static int set_mark(
	const struct cli *cli, const char *node_id, const char *number, json_t **ret_peer)
{
	char path[CLI_API_PATH_MAX] = "/peers/";
	if (!api_path_add_encoded(path, node_id) || !api_path_add(path, "/verify"))
		return cli_wrong(cli, "the peer's name is too long");
	struct api_request request = {.path = path,
		.body = json_pack(
			"{s:b, s:s*}", "verified", number != NULL, "safety_number", number)};
	return request.body ? api_ask(cli, &request, ret_peer) : cli_fail("out of memory");
}

/* ---- For a person ---- */

static void print_number(const char *number)
{
	for (size_t group = 0; *number; group++) {
		size_t size = strcspn(number, " ");
		bool ends = group % GROUPS_A_LINE == GROUPS_A_LINE - 1 || !number[size];
		if (group % GROUPS_A_LINE == 0)
			printf("  %s", colour(COLOUR_BOLD));
		printf("%.*s%s", (int)size, number, ends ? colour(COLOUR_NONE) : " ");
		if (ends)
			putchar('\n');
		number += size + (number[size] == ' ');
	}
}

/* The digits alone: what a camera reads can be given to 'dpc verify' on the other side. */
static bool print_qr(const char *number)
{
	char digits[NODE_SAFETY_NUMBER_MAX];
	size_t count = 0;
	for (; *number && count < sizeof(digits) - 1; number++) {
		if (*number != ' ')
			digits[count++] = *number;
	}
	digits[count] = 0;
	return qr_print(digits);
}

static int show(const struct cli *cli, const json_t *peer)
{
	char name[NAME_TEXT_MAX];
	const char *number = field_text(peer, "safety_number");
	bool verified = json_is_true(json_object_get(peer, "verified"));
	printf("safety number with %s%s:\n", name_text(peer, name), verified ? ", verified" : "");
	print_number(number);
	if (cli_has(cli, "qr") && !print_qr(number))
		return cli_fail("the number does not fit into a QR code");
	return CLI_DONE;
}

enum answer {
	ANSWER_SAME,
	ANSWER_DIFFERENT,
	ANSWER_NONE,
};

static enum answer ask_person(const json_t *peer)
{
	static const struct {
		const char *word;
		enum answer answer;
	} words[] = {{"y", ANSWER_SAME}, {"yes", ANSWER_SAME}, {"n", ANSWER_DIFFERENT},
		{"no", ANSWER_DIFFERENT}, {"", ANSWER_NONE}};
	char name[NAME_TEXT_MAX], line[ANSWER_MAX];
	name_text(peer, name);
	for (;;) {
		printf("does %s see the same number? yes, no, or Enter to leave it as it is: ",
			name);
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin)) {
			putchar('\n');
			return ANSWER_NONE;
		}
		line[strcspn(line, "\n")] = 0;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strcmp(line, words[i].word) == 0)
				return words[i].answer;
		}
	}
}

static int print_marked(const struct cli *cli, const json_t *peer)
{
	char name[NAME_TEXT_MAX];
	bool verified = json_is_true(json_object_get(peer, "verified"));
	if (cli->json)
		print_json(peer);
	else
		printf("%s is %s\n", name_text(peer, name), verified ? "verified" : "not verified");
	return CLI_DONE;
}

/* ---- What is to be done ---- */

static int mark(const struct cli *cli, const json_t *peer, const char *number)
{
	json_t *marked = NULL;
	int status = set_mark(cli, field_text(peer, "node_id"), number, &marked);
	if (status == CLI_DONE)
		status = print_marked(cli, marked);
	json_decref(marked);
	return status;
}

static int different(const struct cli *cli, const json_t *peer)
{
	char name[NAME_TEXT_MAX];
	int status = set_mark(cli, field_text(peer, "node_id"), NULL, NULL);
	if (status != CLI_DONE)
		return status;
	return cli_fail("%s is not verified: with different numbers one of you has the key of "
			"somebody else; exchange the dpc:// addresses and start anew, with "
			"'dpc remove' and 'dpc add'",
		name_text(peer, name));
}

static int compare(const struct cli *cli, const json_t *peer)
{
	const char *number = field_text(peer, "safety_number");
	bool marks = cli_has(cli, "yes");
	int status = cli->json ? CLI_DONE : show(cli, peer);
	if (status != CLI_DONE)
		return status;
	if (marks)
		return mark(cli, peer, number);
	if (cli->json) {
		print_json(peer);
		return CLI_DONE;
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return CLI_DONE;
	switch (ask_person(peer)) {
	case ANSWER_SAME:
		return mark(cli, peer, number);
	case ANSWER_DIFFERENT:
		return different(cli, peer);
	case ANSWER_NONE:
		return CLI_DONE;
	}
	UNREACHABLE();
}

/* What the other side's program shows was given: the node compares. */
static int check(const struct cli *cli, const json_t *peer)
{
	char typed[TYPED_MAX];
	struct writer w = writer_of(typed, sizeof(typed) - 1);
	for (size_t i = 1; i < cli->arg_count; i++)
		write_text(&w, cli->args[i]);
	if (w.failed)
		return cli_wrong(cli, "a safety number has %d digits", 5 * NODE_SAFETY_GROUPS);
	typed[w.size] = 0;
	return mark(cli, peer, typed);
}

int command_verify(const struct cli *cli)
{
	json_t *peer = NULL;
	bool undo = cli_has(cli, "undo");
	char name[NAME_TEXT_MAX];
	if (undo + cli_has(cli, "yes") + (cli->arg_count > 1) > 1)
		return cli_wrong(cli, "'--yes', '--undo' and a number exclude each other");
	int status = ask_peer(cli, &peer);
	if (status != CLI_DONE)
		return status;
	if (undo)
		status = mark(cli, peer, NULL);
	else if (!*field_text(peer, "safety_number"))
		status = cli_fail(
			"no key of '%s' is known yet; connect first, with 'dpc connect %s'",
			name_text(peer, name), name);
	else
		status = cli->arg_count > 1 ? check(cli, peer) : compare(cli, peer);
	json_decref(peer);
	return status;
}
