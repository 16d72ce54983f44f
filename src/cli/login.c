/* dpc login: at a hub, through the running node, which holds the key. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

int command_login(const struct cli *cli)
{
	const char *hub = cli_value(cli, "hub"), *provider = cli_value(cli, "provider");
	char safe[CLI_PROBLEM_MAX];
	json_t *answer = NULL;
	struct api_request request = {
		.path = "/login",
		.body = json_pack(
			"{s:s*, s:s}", "hub", hub, "provider", provider ? provider : "key"),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(answer);
	else
		printf("logged in at %s\n",
			text_safe(field_text(json_object_get(answer, "hub"), "url"), safe,
				sizeof(safe)));
	json_decref(answer);
	return CLI_DONE;
}
