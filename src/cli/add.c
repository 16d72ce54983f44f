/* dpc add: a contact, by node id or dpc:// address. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

int command_add(const struct cli *cli)
{
	char name[NAME_TEXT_MAX];
	json_t *peer = NULL;
	struct api_request request = {
		.path = "/peers",
		.body = json_pack(
			"{s:s, s:s*}", "peer", cli->args[0], "name", cli_value(cli, "name")),
	};
	int status = request.body ? api_ask(cli, &request, &peer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(peer);
	else
		printf("added %s, %s\n", name_text(peer, name), field_text(peer, "node_id"));
	json_decref(peer);
	return CLI_DONE;
}
