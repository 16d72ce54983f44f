/* dpc delete: takes a message back. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

int command_delete(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/messages/", name[NAME_TEXT_MAX];
	json_t *message = NULL;

	if (!api_path_add_encoded(path, cli->args[1]) || !api_path_add(path, "/delete"))
		return cli_wrong(cli, "the message's id is too long");
	int status = api_post_peer(cli, path, cli->args[0], &message);
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(message);
	else if (strcmp(field_text(message, "direction"), "out") == 0)
		printf("deleted here, and with %s as soon as there is a link\n",
			name_text(message, name));
	else
		printf("deleted here; %s still has it\n", name_text(message, name));
	json_decref(message);
	return CLI_DONE;
}
