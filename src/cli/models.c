/* dpc models: the AI models of a peer that it lets us use, or our own and those of all peers that
 * are connected. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

#define TIMEOUT_MS 15000
#define ANSWER_MARGIN_MS 25000 /* the node may have to connect first */

/* One line a model: "llama3@bob", or "llama3" for our own. */
static void print_models(const struct cli *cli, const char *peer, const json_t *answer)
{
	const json_t *models = json_object_get(answer, "models");
	if (cli->json) {
		json_t *line = json_pack("{s:s?, s:O}", "peer", peer, "models", models);
		print_json(line);
		json_decref(line);
		return;
	}
	for (size_t i = 0; i < json_array_size(models); i++) {
		print_safe(stdout, json_string_value(json_array_get(models, i)), false);
		if (peer) {
			putchar('@');
			print_safe(stdout, peer, false);
		}
		putchar('\n');
	}
}

static int print_own(const struct cli *cli)
{
	json_t *answer = NULL;
	struct api_request request = {.path = "/ai/models"};
	int status = api_ask(cli, &request, &answer);
	if (status == CLI_DONE)
		print_models(cli, NULL, answer);
	json_decref(answer);
	return status;
}

static int print_peer(const struct cli *cli, const char *peer)
{
	json_t *answer = NULL;
	struct api_request request = {
		.path = "/ai/models",
		.timeout_ms = TIMEOUT_MS + ANSWER_MARGIN_MS,
		.body = json_pack("{s:s, s:i}", "peer", peer, "timeout_ms", TIMEOUT_MS),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE)
		print_models(cli, peer, answer);
	json_decref(answer);
	return status;
}

/* One that fails does not keep the others from being shown. */
static int print_all(const struct cli *cli)
{
	json_t *answer = NULL;
	int status = api_ask(cli, &(struct api_request){.path = "/peers"}, &answer);
	if (status == CLI_DONE)
		status = print_own(cli);
	const json_t *peers = json_object_get(answer, "peers");
	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *peer = json_array_get(peers, i);
		if (strcmp(field_text(peer, "state"), "connected") != 0)
			continue;
		int failed = print_peer(cli, field_text(peer, "name"));
		if (failed != CLI_DONE)
			status = failed;
	}
	json_decref(answer);
	return status;
}

int command_models(const struct cli *cli)
{
	return cli->arg_count > 0 ? print_peer(cli, cli->args[0]) : print_all(cli);
}
