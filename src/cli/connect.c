/* dpc connect: bring a link up, and say which way it goes. */
#include <stdio.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

#define TIMEOUT_SECONDS 20
#define ANSWER_MARGIN_MS 5000 /* for the node to say that the time is over */

int command_connect(const struct cli *cli)
{
	bool direct = cli_has(cli, "direct"), webrtc = cli_has(cli, "webrtc");
	const char *timeout = cli_value(cli, "timeout");
	char name[NAME_TEXT_MAX], link[LINK_TEXT_MAX];
	uint32_t seconds = TIMEOUT_SECONDS;
	json_t *answer = NULL;

	if (direct && webrtc)
		return cli_wrong(cli, "'--direct' and '--webrtc' exclude each other");
	if (timeout &&
		(!text_to_u32(timeout, &seconds) || seconds == 0 || seconds > CLI_WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--timeout' is a number of seconds");
	struct api_request request = {
		.path = "/connect",
		.timeout_ms = seconds * 1000 + ANSWER_MARGIN_MS,
		.body = json_pack("{s:s, s:s, s:I}", "peer", cli->args[0], "via",
			direct   ? "direct"
			: webrtc ? "webrtc"
				 : "auto",
			"timeout_ms", (json_int_t)seconds * 1000),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status != CLI_DONE)
		return status;
	const json_t *peer = json_object_get(answer, "peer");
	if (cli->json)
		print_json(answer);
	else
		printf("connected to %s %s\n", name_text(peer, name),
			link_text(json_object_get(peer, "link"), link));
	json_decref(answer);
	return CLI_DONE;
}
