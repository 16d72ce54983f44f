/* dpc ask: a question to a peer's AI; the answer is printed as it comes. Ending the command ends
 * the work at the peer. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/field.h"
#include "cli/output.h"
#include "message/json.h"
#include "web/limits.h"

#define TIMEOUT_SECONDS 300

struct asking {
	const char *peer;
	bool json;
	bool done;   /* the last line came */
	bool midway; /* the terminal's line is not ended */
	char problem[CLI_PROBLEM_MAX];
};

static void take_delta(struct asking *asking, const char *delta)
{
	size_t size = strlen(delta);
	if (size == 0)
		return;
	print_safe(stdout, delta, true);
	fflush(stdout);
	asking->midway = delta[size - 1] != '\n';
}

static bool on_line(struct bytes line, void *user)
{
	struct asking *asking = user;
	json_t *object = NULL;
	if (line.size == 0)
		return true;
	if (json_parse_object(line, WEB_CLIENT_LINE_MAX, &object) != ERR_OK) {
		snprintf(asking->problem, sizeof(asking->problem),
			"the node's answer cannot be read");
		return false;
	}
	const json_t *error = json_object_get(object, "error");
	char peer[NAME_TEXT_MAX];
	if (!asking->json && json_is_true(json_object_get(object, "pending")))
		fprintf(stderr,
			"%s is asked whether you may, and has %.0f s to answer; Ctrl-C gives up\n",
			text_safe(asking->peer, peer, sizeof(peer)),
			field_number(object, "expires_in_seconds", 0));
	if (asking->json) {
		print_json(object);
		fflush(stdout);
	} else {
		take_delta(asking, field_text(object, "delta"));
	}
	if (error)
		text_safe(field_text(error, "message"), asking->problem, sizeof(asking->problem));
	asking->done = error || json_is_true(json_object_get(object, "done"));
	json_decref(object);
	return !asking->done;
}

int command_ask(const struct cli *cli)
{
	const char *model = cli_value(cli, "model"), *timeout = cli_value(cli, "timeout");
	const char *keys = cli_value(cli, "with-context");
	json_t *context = NULL;
	uint32_t seconds = TIMEOUT_SECONDS;
	struct asking asking = {.peer = cli->args[0], .json = cli->json};

	if (timeout &&
		(!text_to_u32(timeout, &seconds) || seconds == 0 || seconds > CLI_WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--timeout' is a number of seconds");
	int status = keys ? context_own_pick(cli, keys, &context) : CLI_DONE;
	if (status != CLI_DONE)
		return status;
	struct api_request request = {
		.path = "/ai/query",
		.line = on_line,
		.user = &asking,
		.body = json_pack("{s:s, s:s, s:s*, s:o*, s:I}", "peer", cli->args[0], "query",
			cli->args[1], "model", model, "context", context, "timeout_ms",
			(json_int_t)seconds * 1000),
	};
	status = request.body ? api_ask(cli, &request, NULL) : cli_fail("out of memory");
	if (asking.midway)
		putchar('\n');
	if (status != CLI_DONE)
		return status;
	if (asking.problem[0])
		return cli_fail("%s", asking.problem);
	if (!asking.done)
		return cli_fail("the answer broke off; look at the node's log");
	return CLI_DONE;
}
