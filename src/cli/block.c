/* dpc block: answer a stranger with no, or stop talking to a contact. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

int command_block(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/peers/", safe[NAME_TEXT_MAX];
	if (!api_path_add_encoded(path, cli->args[0]) || !api_path_add(path, "/block"))
		return cli_wrong(cli, "the peer's name is too long");
	struct api_request request = {.path = path, .body = json_object()};
	json_t *answer = NULL;
	int status = api_ask(cli, &request, &answer);
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	else if (status == CLI_DONE)
		printf("blocked %s; 'dpc accept' lifts it\n",
			text_safe(cli->args[0], safe, sizeof(safe)));
	json_decref(answer);
	return status;
}
