/* dpc logout: leave the hub and forget its tokens. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

int command_logout(const struct cli *cli)
{
	struct api_request request = {.path = "/logout", .body = json_object()};
	int status = api_ask(cli, &request, NULL);
	if (status == CLI_DONE)
		puts(cli->json ? "{}" : "logged out");
	return status;
}
