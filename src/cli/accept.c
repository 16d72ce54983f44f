/* dpc accept: answer a stranger who asks to connect with yes. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

int command_accept(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/peers/", name[NAME_TEXT_MAX];
	json_t *peer = NULL;
	if (!api_path_add_encoded(path, cli->args[0]) || !api_path_add(path, "/accept"))
		return cli_wrong(cli, "the peer's name is too long");
	struct api_request request = {
		.path = path,
		.body = json_pack("{s:s*}", "name", cli_value(cli, "name")),
	};
	int status = request.body ? api_ask(cli, &request, &peer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(peer);
	else
		printf("accepted %s, %s\n", name_text(peer, name), field_text(peer, "node_id"));
	json_decref(peer);
	return CLI_DONE;
}
