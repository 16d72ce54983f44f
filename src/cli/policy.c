/* dpc policy: over which ways a contact may be connected. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

static void print_policy(const json_t *peer)
{
	char name[NAME_TEXT_MAX];
	printf("%s: %s\n", name_text(peer, name), field_text(peer, "policy"));
}

int command_policy(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/peers/";
	bool set = cli->arg_count > 1;
	if (!api_path_add_encoded(path, cli->args[0]) || (set && !api_path_add(path, "/policy")))
		return cli_wrong(cli, "the peer's name is too long");
	struct api_request request = {.path = path};
	if (set)
		request.body = json_pack("{s:s}", "policy", cli->args[1]);
	json_t *answer = NULL;
	int status = api_ask(cli, &request, &answer);
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	else if (status == CLI_DONE)
		print_policy(answer);
	json_decref(answer);
	return status;
}
