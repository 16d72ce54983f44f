#include "node/login_answer.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "message/json.h"
#include "node/limits.h"
#include "node/local_api.h"
#include "web/server.h"

void login_answer_begin(
	struct login_answer *answer, struct web_request *http, void (*gone)(void *user), void *user)
{
	*answer = (struct login_answer){.http = http};
	web_request_on_cancel(http, gone, user);
}

void login_answer_say(struct login_answer *answer, json_t *line)
{
	char *text = json_take_text(line);
	struct buffer out = buffer_with_max(NODE_HUB_ANSWER_MAX);
	if (answer->http && !answer->is_stream)
		web_stream_start(answer->http, 200, "application/x-ndjson");
	answer->is_stream = true;
	/* Whoever does not read its few lines misses them. */
	if (answer->http && text && buffer_append_text(&out, text) == ERR_OK &&
		buffer_append_text(&out, "\n") == ERR_OK &&
		web_stream_write(answer->http, buffer_bytes(&out)) != ERR_OK)
		buffer_clear(&out);
	buffer_deinit(&out);
	free(text);
}

static struct web_request *finish(struct login_answer *answer)
{
	struct web_request *http = answer->http;
	*answer = (struct login_answer){0};
	return http;
}

void login_answer_done(struct login_answer *answer, json_t *body)
{
	if (answer->http && answer->is_stream) {
		login_answer_say(answer, body);
		web_stream_end(finish(answer));
	} else if (answer->http) {
		local_api_reply(finish(answer), 200, body);
	} else {
		json_decref(body);
	}
}

void login_answer_fail(struct login_answer *answer, const struct failure *failure)
{
	if (answer->http && answer->is_stream) {
		login_answer_say(answer,
			json_pack("{s:{s:s, s:s}}", "error", "code", failure_name(failure->code),
				"message", failure->fault.text));
		web_stream_end(finish(answer));
	} else if (answer->http) {
		local_api_fail(finish(answer), failure);
	}
}
