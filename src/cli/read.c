/* dpc read: what a peer has sent is read. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

int command_read(const struct cli *cli)
{
	const char *id = cli->arg_count > 1 ? cli->args[1] : NULL;
	json_t *answer = NULL;
	struct api_request request = {
		.path = "/read", .body = json_pack("{s:s, s:s*}", "peer", cli->args[0], "id", id)};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(answer);
	else
		printf("%.0f unread\n", field_number(answer, "unread", 0));
	json_decref(answer);
	return CLI_DONE;
}
