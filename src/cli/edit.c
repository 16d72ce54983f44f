/* dpc edit: another text for a message that was sent. */
#include <stdio.h>

#include "base/buffer.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"

int command_edit(const struct cli *cli)
{
	const char *text;
	char path[CLI_API_PATH_MAX] = "/messages/", name[NAME_TEXT_MAX];
	struct buffer typed = buffer_with_max(CLI_STDIN_MAX);
	json_t *message = NULL;

	if (!api_path_add_encoded(path, cli->args[1]) || !api_path_add(path, "/edit"))
		return cli_wrong(cli, "the message's id is too long");
	int status = input_argument(cli->args[2], &typed, &text);
	if (status == CLI_DONE) {
		struct api_request request = {.path = path,
			.body = json_pack("{s:s, s:s}", "peer", cli->args[0], "text", text)};
		status =
			request.body ? api_ask(cli, &request, &message) : cli_fail("out of memory");
	}
	if (status == CLI_DONE && cli->json)
		print_json(message);
	else if (status == CLI_DONE)
		printf("edited; %s sees it as soon as there is a link\n", name_text(message, name));
	json_decref(message);
	buffer_deinit(&typed);
	return status;
}
