/* Questions at the AI port: read in a dialect, asked of peers (ai_call.h), and answered piece by
 * piece or as one. */
#include "node/ai_port_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "node/ai_call.h"
#include "node/internal.h"

/* A question under way. */
struct served {
	struct ai_port *port;
	struct web_request *http;
	const struct ai_dialect *dialect;
	struct ai_question question;
	struct ai_heading heading;
	struct ai_call *call; /* NULL: gone */
	bool streaming;       /* the answer has begun */
	struct buffer text;   /* of an answer that is no stream */
};

static void release(struct served *served)
{
	ai_call_cancel(served->call);
	ai_question_deinit(&served->question);
	buffer_deinit(&served->text);
	free(served);
}

static void abandoned(void *user)
{
	release(user);
}

/* An answer never ends as if it were whole when it is not. */
static void break_off(struct served *served, int status, const char *code, const char *text)
{
	struct web_request *http = served->http;
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
	bool told = served->dialect->broken(status, code, text, &out) &&
		    web_stream_write(http, buffer_bytes(&out)) == ERR_OK;
	if (!told)
		log_debug("a program is not told that its answer broke off: %s", text);
	buffer_deinit(&out);
	release(served);
	web_stream_end(http);
}

/* Sends the bytes, or gives up. False: given up, and `served` is gone. */
static bool send(struct served *served, bool ok, struct buffer *out)
{
	bool is_slow = web_stream_queued(served->http) > AI_PORT_QUEUE_MAX;
	ok = ok && !is_slow &&
	     (out->size == 0 || web_stream_write(served->http, buffer_bytes(out)) == ERR_OK);
	buffer_deinit(out);
	if (!ok)
		break_off(served, 500, is_slow ? "slow_reader" : "internal",
			is_slow ? "the answer is read too slowly" : "out of memory");
	return ok;
}

static bool begin_stream(struct served *served)
{
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
	if (served->streaming)
		return true;
	served->streaming = true;
	web_stream_start(served->http, 200, served->dialect->stream_type);
	return send(served, served->dialect->begin(&served->heading, &out), &out);
}

static void on_fail(const struct failure *failure, void *user)
{
	struct served *served = user;
	struct web_request *http = served->http;
	const struct ai_dialect *dialect = served->dialect;
	int status = ai_port_status(failure->code);
	const char *code = failure_name(failure->code), *text = failure->fault.text;
	if (served->streaming) {
		break_off(served, status, code, text);
		return;
	}
	release(served);
	ai_port_fail(http, dialect, status, code, text);
}

static void on_delta(const char *text, void *user)
{
	struct served *served = user;
	struct buffer out = buffer_with_max(WEB_STREAM_QUEUE_MAX);
	if (served->question.stream) {
		if (begin_stream(served))
			(void)send(
				served, served->dialect->delta(&served->heading, text, &out), &out);
		return;
	}
	if (buffer_append_text(&served->text, text) == ERR_OK)
		return;
	struct failure failure;
	failure_set(&failure, FAILURE_TOO_LARGE, "the answer is too long");
	on_fail(&failure, served);
}

static void on_end(const json_t *usage, void *user)
{
	struct served *served = user;
	struct web_request *http = served->http;
	const struct ai_dialect *dialect = served->dialect;
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
	if (!served->question.stream) {
		bool is_embedding = served->question.inputs != NULL;
		json_t *body = dialect->whole(&served->heading, buffer_text(&served->text), usage);
		release(served);
		if (is_embedding && !body)
			ai_port_fail(http, dialect, 502, "ai",
				"the peer's answer is no list of vectors");
		else
			ai_port_reply(http, 200, body);
		return;
	}
	if (!begin_stream(served) ||
		!send(served,
			dialect->end(&served->heading, usage, served->question.with_usage, &out),
			&out))
		return;
	release(served);
	web_stream_end(http);
}

static const struct ai_call_events call_events = {
	.delta = on_delta, .end = on_end, .fail = on_fail};

static void start(struct served *served)
{
	struct node *node = served->port->node;
	struct ai_call_ask ask = {.model = served->question.model,
		.turns = served->question.turns,
		.inputs = served->question.inputs,
		.options = served->question.options};
	char id[MESSAGE_ID_MAX + 1];
	served->text = buffer_with_max(AI_ANSWER_MAX);
	served->heading.model = served->question.model;
	served->heading.time = node_unix_time();
	served->heading.input_count = json_array_size(served->question.inputs);
	served->heading.packed = served->question.packed;
	snprintf(served->heading.id, sizeof served->heading.id, "dpc-%.32s", node_new_id(node, id));
	web_request_on_cancel(served->http, abandoned, served);
	ai_call_start(node, &ask, &call_events, served, &served->call);
}

void ai_port_ask(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect)
{
	struct fault fault = {0};
	json_t *body = ai_port_body(http, dialect);
	if (!body)
		return;
	struct served *served = calloc(1, sizeof *served);
	enum err err = served ? dialect->read(body, &served->question, &fault) : ERR_NOMEM;
	json_decref(body);
	if (err) {
		bool is_ours = err == ERR_NOMEM;
		free(served);
		ai_port_fail(http, dialect, is_ours ? 500 : 400, is_ours ? "internal" : "malformed",
			is_ours ? "out of memory" : fault.text);
		return;
	}
	served->port = port;
	served->http = http;
	served->dialect = dialect;
	start(served);
}
