#include "node/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "node/describe.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "web/server.h"

/* ---- Ends ---- */

static void release(struct request *request)
{
	list_remove(&request->node);
	request->session->request_count--;
	net_timer_deinit(&request->timer);
	buffer_deinit(&request->message);
	json_decref(request->so_far);
	if (request->slot)
		*request->slot = NULL;
	if (request->gone)
		*request->gone = true;
	free(request);
}

void request_reply(struct request *request, int status, json_t *body)
{
	struct web_request *http = request->http;
	const struct request_reader *reader = request->reader;
	void *user = request->user;
	release(request);
	if (reader)
		reader->reply(body, user);
	else
		local_api_reply(http, status, body);
}

void request_fail(struct request *request, const struct failure *failure)
{
	const struct request_reader *reader = request->reader;
	if (reader) {
		void *user = request->user;
		release(request);
		reader->fail(failure, user);
		return;
	}
	if (request->streaming) {
		(void)request_stream(request, describe_failure(failure), true);
		return;
	}
	struct web_request *http = request->http;
	release(request);
	local_api_fail(http, failure);
}

void request_delivered(struct request *request)
{
	struct session *session = request->session;
	struct store_message message;
	if (store_message_get(session->node->store, session->id, STORE_OUT, request->id,
		    &message) != ERR_OK) {
		struct failure failure;
		failure_set(
			&failure, FAILURE_INTERNAL, "%s", store_fault_text(session->node->store));
		request_fail(request, &failure);
		return;
	}
	json_t *body = describe_message(session->node, &message, session->name);
	bool is_there = message.state == STORE_DELIVERED || message.state == STORE_READ;
	int status = is_there && !message.deleted ? 200 : 202;
	store_message_deinit(&message);
	request_reply(request, status, body);
}

static void send_ai_cancel(struct request *request)
{
	struct message message = {
		.type = MESSAGE_AI_CANCEL, .ai_cancel = {.request_id = request->id}};
	if (request->kind == REQUEST_AI && request->link && request->session->current &&
		link_send(request->session->current, &message) != ERR_OK)
		log_debug("cannot cancel '%s'", request->id);
}

/* The same for a reader, which may cancel the request meanwhile. */
static bool read_line(struct request *request, json_t *line, bool last)
{
	const struct request_reader *reader = request->reader;
	void *user = request->user;
	bool gone = false;
	request->streaming = true;
	request->gone = &gone;
	if (last)
		release(request);
	reader->line(line, last, user);
	json_decref(line);
	if (!gone)
		request->gone = NULL;
	return !gone;
}

bool request_stream(struct request *request, json_t *line, bool last)
{
	if (request->reader)
		return read_line(request, line, last);
	struct web_request *http = request->http;
	char *text = json_take_text(line);
	struct buffer out = buffer_with_max(MESSAGE_SIZE_MAX);
	if (!request->streaming)
		web_stream_start(http, 200, "application/x-ndjson");
	request->streaming = true;
	bool taken = text && buffer_append_text(&out, text) == ERR_OK &&
		     buffer_append_text(&out, "\n") == ERR_OK &&
		     web_stream_write(http, buffer_bytes(&out)) == ERR_OK;
	buffer_deinit(&out);
	free(text);
	if (taken && !last)
		return true;
	if (!last)
		send_ai_cancel(request);
	release(request);
	web_stream_end(http);
	return false;
}

bool request_owner_asked(struct request *request, unsigned seconds)
{
	/* Only once: a peer that says it again does not keep us waiting. */
	if (request->streaming)
		return true;
	request->owner_is_asked = true;
	net_timer_set(&request->timer, net_now() + seconds * USEC_PER_SEC + request->timeout);
	return request_stream(request,
		json_pack("{s:b, s:i}", "pending", 1, "expires_in_seconds", (int)seconds), false);
}

static void abandoned(void *user)
{
	struct request *request = user;
	send_ai_cancel(request);
	release(request);
}

static void timed_out(void *user)
{
	struct request *request = user;
	struct session *session = request->session;
	struct failure failure;
	if (request->kind == REQUEST_DELIVERY) {
		request_delivered(request);
		return;
	}
	if (request->so_far) {
		request_reply(request, 200, json_incref(request->so_far));
		return;
	}
	if (request->link)
		failure_set(&failure, FAILURE_TIMEOUT, "'%s' does not answer; try 'dpc ping %s'",
			session->name, session->name);
	else if (session->last.code != FAILURE_NONE)
		failure = session->last;
	else
		failure_set(&failure, FAILURE_TIMEOUT,
			"no connection to '%s' came about in time; they may have to accept you "
			"first with 'dpc add %s'",
			session->name, session->node->id);
	send_ai_cancel(request);
	request_fail(request, &failure);
}

/* ---- Beginnings ---- */

/* Answers what only waited for a link; sends the rest. False: the link takes no more. */
static void advance(struct request *request)
{
	struct session *session = request->session;
	struct node *node = session->node;
	switch (request->kind) {
	case REQUEST_CONNECT:
		if (session_is_connected(session, request->via))
			request_reply(request, 200, describe_peer_answer(node, session->id));
		return;
	case REQUEST_DELIVERY:
		return;
	case REQUEST_PING:
	case REQUEST_CONTEXT:
	case REQUEST_AI:
	case REQUEST_MODELS:
		break;
	}
	if (request->link || !session_is_connected(session, VIA_AUTO))
		return;
	struct bytes text = buffer_bytes(&request->message);
	enum err err = session->current->transport->send(session->current, text);
	if (err) {
		struct failure failure;
		failure_set(&failure, FAILURE_LIMIT, "cannot send to '%s': %s; try again later",
			session->name, err_text(err));
		request_fail(request, &failure);
		return;
	}
	node->counters.messages_out++;
	request->link = session->current;
	request->sent_at = net_now();
}

static enum err prepare(struct request *request, const struct message *message, usec timeout)
{
	struct node *node = request->session->node;
	request->message = buffer_with_max(MESSAGE_SIZE_MAX);
	enum err err = message ? message_encode(message, &request->message) : ERR_OK;
	if (!err)
		err = net_timer_init(&request->timer, node->loop, timed_out, request);
	if (!err)
		net_timer_set(&request->timer, net_now() + timeout);
	request->timeout = timeout;
	return err;
}

void request_cancel(struct request *request)
{
	if (request)
		abandoned(request);
}

/* Who gets the answer: one of the two. */
struct receiver {
	struct web_request *http;
	const struct request_reader *reader;
	void *user;
	struct request **slot;
};

static void start(struct session *session, enum request_kind kind, const char *id, enum via via,
	const struct message *message, unsigned timeout_ms, const struct receiver *receiver)
{
	struct failure failure;
	struct request *request = calloc(1, sizeof(*request));
	enum err err = ERR_NOMEM;
	if (!request || session->request_count >= NODE_REQUESTS_PER_SESSION_MAX)
		goto fail;
	request->kind = kind;
	request->session = session;
	request->via = via;
	request->http = receiver->http;
	request->reader = receiver->reader;
	request->user = receiver->user;
	CHECK(text_copy(request->id, sizeof(request->id), id));
	if (message && message->type == MESSAGE_PING)
		request->stamp = message->ping.timestamp;
	err = prepare(request, message, timeout_ms * USEC_PER_MS);
	if (err)
		goto fail;
	list_push_back(&session->requests, &request->node);
	session->request_count++;
	if (receiver->http)
		web_request_on_cancel(receiver->http, abandoned, request);
	request->slot = receiver->slot;
	if (request->slot)
		*request->slot = request;
	bool linked = session_is_connected(session, kind == REQUEST_CONNECT ? via : VIA_AUTO);
	if (linked)
		advance(request);
	else if (kind == REQUEST_CONNECT || session->attempt.state != ATTEMPT_TRYING)
		session_connect(session, via);
	return;

fail:
	failure_set(&failure, err == ERR_TOO_LARGE ? FAILURE_TOO_LARGE : FAILURE_LIMIT,
		err == ERR_TOO_LARGE ? "the request to '%s' is too large; shorten it"
				     : "too many requests to '%s' wait; try again later",
		session->name);
	if (request)
		buffer_deinit(&request->message);
	free(request);
	if (receiver->reader)
		receiver->reader->fail(&failure, receiver->user);
	else
		local_api_fail(receiver->http, &failure);
}

void request_start(struct session *session, enum request_kind kind, const char *id, enum via via,
	const struct message *message, unsigned timeout_ms, struct web_request *http)
{
	struct receiver receiver = {.http = http};
	start(session, kind, id, via, message, timeout_ms, &receiver);
}

void request_start_for(struct session *session, enum request_kind kind, const char *id,
	const struct message *message, unsigned timeout_ms, const struct request_reader *reader,
	void *user, struct request **slot)
{
	struct receiver receiver = {.reader = reader, .user = user, .slot = slot};
	*slot = NULL;
	start(session, kind, id, VIA_AUTO, message, timeout_ms, &receiver);
}

struct request *request_find(struct session *session, enum request_kind kind, const char *id)
{
	LIST_FOREACH (node, &session->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (request->kind == kind && strcmp(request->id, id) == 0)
			return request;
	}
	return NULL;
}

void request_wait_for_consent(struct session *session, const char *id, unsigned wait_ms)
{
	struct request *request = request_find(session, REQUEST_CONTEXT, id);
	if (request)
		request->consent = wait_ms * USEC_PER_MS;
}

void request_pending(struct request *request, json_t *body)
{
	if (request->consent == 0) {
		request_reply(request, 200, body);
		return;
	}
	/* Only once: a peer that says it again does not keep us waiting. */
	if (!request->so_far)
		net_timer_set(&request->timer, net_now() + request->consent);
	json_decref(request->so_far);
	request->so_far = body;
}

/* ---- What happens to the session ---- */

void requests_link_up(struct session *session)
{
	LIST_FOREACH_SAFE (node, &session->requests)
		advance(CONTAINER_OF(node, struct request, node));
}

void requests_round_failed(struct session *session, const struct failure *failure)
{
	LIST_FOREACH_SAFE (node, &session->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		bool waits = request->kind != REQUEST_DELIVERY && !request->link;
		if (waits)
			request_fail(request, failure);
	}
}

void requests_link_gone(struct session *session, struct link *link)
{
	struct failure failure;
	failure_set(&failure, FAILURE_NOT_CONNECTED,
		"the link to '%s' was lost before the answer came; try again", session->name);
	LIST_FOREACH_SAFE (node, &session->requests) {
		struct request *request = CONTAINER_OF(node, struct request, node);
		if (request->link != link)
			continue;
		request->link = NULL;
		/* An answer that has begun cannot be begun again. Anything else goes over another
		 * link, also one that is still being greeted. */
		bool has_begun = request->streaming && !request->owner_is_asked;
		if (!has_begun && !list_is_empty(&session->links))
			advance(request);
		else
			request_fail(request, &failure);
	}
}

void requests_fail_all(struct session *session, const struct failure *failure)
{
	LIST_FOREACH_SAFE (node, &session->requests)
		request_fail(CONTAINER_OF(node, struct request, node), failure);
}
