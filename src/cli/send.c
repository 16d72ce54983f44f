/* dpc send: one chat message, and files with it. When it returns 0 the message is on disk, and will
 * be delivered. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"

#define ANSWER_MARGIN_MS 10000

static void report(const struct cli *cli, const json_t *message)
{
	char name[NAME_TEXT_MAX], safe[NAME_TEXT_MAX];
	const char *state = field_text(message, "state"), *given = field_text(message, "name");
	text_safe(*given ? given : cli->args[0], name, sizeof(name));
	if (cli->json)
		print_json(message);
	else if (json_is_true(json_object_get(message, "deleted")))
		printf("deleted before it was delivered to %s\n", name);
	else if (strcmp(state, "delivered") == 0 || strcmp(state, "read") == 0)
		printf("delivered to %s\n", name);
	else if (strcmp(state, "sent") == 0)
		printf("sent to %s\n", name);
	else
		printf("%s for %s; it goes out when there is a link\n",
			text_safe(state, safe, sizeof(safe)), name);
}

/* The paths behind the text, as the node sees them; NULL after the line on stderr. */
static json_t *attachments(const struct cli *cli)
{
	json_t *paths = json_array();
	for (size_t i = 2; paths && i < cli->arg_count; i++) {
		char absolute[PATH_MAX], safe[CLI_PROBLEM_MAX / 2];
		if (realpath(cli->args[i], absolute) &&
			json_array_append_new(paths, json_string(absolute)) == 0)
			continue;
		cli_fail("cannot send '%s': %s; a text of several words stands in quotes",
			text_safe(cli->args[i], safe, sizeof(safe)), strerror(errno));
		json_decref(paths);
		return NULL;
	}
	return paths;
}

int command_send(const struct cli *cli)
{
	const char *wait = cli_value(cli, "wait"), *text;
	struct buffer typed = buffer_with_max(CLI_STDIN_MAX);
	json_t *message = NULL;
	uint32_t seconds = 0;

	if (wait && (!text_to_u32(wait, &seconds) || seconds > CLI_WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--wait' is a number of seconds");
	json_t *paths = attachments(cli);
	if (!paths)
		return CLI_FAILED;
	int status = input_argument(cli->args[1], &typed, &text);
	if (status == CLI_DONE) {
		struct api_request request = {
			.path = "/messages",
			.timeout_ms = seconds * 1000 + ANSWER_MARGIN_MS,
			.body = json_pack("{s:s, s:s, s:I, s:s*, s:O}", "peer", cli->args[0],
				"text", text, "wait_ms", (json_int_t)seconds * 1000, "reply_to",
				cli_value(cli, "reply"), "attachments", paths),
		};
		status =
			request.body ? api_ask(cli, &request, &message) : cli_fail("out of memory");
	}
	if (status == CLI_DONE)
		report(cli, message);
	json_decref(message);
	json_decref(paths);
	buffer_deinit(&typed);
	return status;
}
