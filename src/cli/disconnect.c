/* dpc disconnect: close a link, and leave it closed. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

int command_disconnect(const struct cli *cli)
{
	char name[NAME_TEXT_MAX];
	json_t *answer = NULL;
	int status = api_post_peer(cli, "/disconnect", cli->args[0], &answer);
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(answer);
	else
		printf("disconnected from %s\n", name_text(json_object_get(answer, "peer"), name));
	json_decref(answer);
	return CLI_DONE;
}
