/* dpc logout: leave the hub and forget its tokens. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

int command_logout(const struct cli *cli)
{
	bool all = cli_has(cli, "all");
	struct api_request request = {.path = "/logout", .body = json_pack("{s:b}", "all", all)};
	int status = request.body ? api_ask(cli, &request, NULL) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		puts("{}");
	else
		puts(all ? "logged out, here and everywhere" : "logged out");
	return CLI_DONE;
}
