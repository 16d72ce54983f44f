/* dpc remove: forget a contact. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

int command_remove(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/peers/", safe[NAME_TEXT_MAX];
	if (!api_path_add_encoded(path, cli->args[0]))
		return cli_wrong(cli, "the peer's name is too long");
	int status = api_ask(cli, &(struct api_request){.method = "DELETE", .path = path}, NULL);
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		puts("{}");
	else
		printf("removed %s\n", text_safe(cli->args[0], safe, sizeof(safe)));
	return CLI_DONE;
}
