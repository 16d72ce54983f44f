/* dpc ping: the round trip of our own message to a peer, over the link in use. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

#define COUNT_MAX 1000

static int ping_once(const struct cli *cli)
{
	char name[NAME_TEXT_MAX], safe[NAME_TEXT_MAX];
	json_t *answer = NULL;
	int status = api_post_peer(cli, "/ping", cli->args[0], &answer);
	if (status != CLI_DONE)
		return status;
	if (cli->json)
		print_json(answer);
	else
		printf("%s answers over %s in %.2f ms\n",
			name_text(json_object_get(answer, "peer"), name),
			text_safe(field_text(answer, "path"), safe, sizeof(safe)),
			field_number(answer, "rtt_ms", 0));
	json_decref(answer);
	return CLI_DONE;
}

int command_ping(const struct cli *cli)
{
	const char *count = cli_value(cli, "count");
	uint32_t times = 1;
	if (count && (!text_to_u32(count, &times) || times == 0 || times > COUNT_MAX))
		return cli_wrong(cli, "'--count' is a number from 1 to %d", COUNT_MAX);
	int status = CLI_DONE;
	for (uint32_t i = 0; i < times && status == CLI_DONE; i++)
		status = ping_once(cli);
	return status;
}
