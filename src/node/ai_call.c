#include "node/ai_call.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/turns.h"
#include "node/ai_directory.h"
#include "node/internal.h"
#include "node/request.h"

struct candidate {
	char peer[STORE_NODE_ID_MAX + 1];
	usec speed; /* to the first word, as it was; else a round trip */
};

struct ai_call {
	struct node *node;
	const struct ai_call_events *events;
	void *user;
	struct ai_call **slot;
	struct ai_look *look;
	struct request *request;
	struct candidate candidates[AI_CALL_PEERS_MAX];
	size_t count, next;
	bool begun;  /* the first word has come */
	bool waited; /* the peer's owner was asked */
	usec asked_at;
	char model[MESSAGE_MODEL_MAX + 1];
	json_t *turns, *inputs, *options;
};

static void release(struct ai_call *call)
{
	*call->slot = NULL;
	ai_look_cancel(call->look);
	request_cancel(call->request);
	json_decref(call->turns);
	json_decref(call->inputs);
	json_decref(call->options);
	free(call);
}

void ai_call_cancel(struct ai_call *call)
{
	if (call)
		release(call);
}

static void fail(struct ai_call *call, const struct failure *failure)
{
	const struct ai_call_events *events = call->events;
	void *user = call->user;
	release(call);
	events->fail(failure, user);
}

/* ---- One peer ---- */

static void ask_next(struct ai_call *call, const struct failure *last);

static void on_reply(json_t *body, void *user)
{
	(void)user;
	json_decref(body); /* a query is answered by lines only */
}

static void on_fail(const struct failure *failure, void *user)
{
	struct ai_call *call = user;
	if (call->begun)
		fail(call, failure);
	else
		ask_next(call, failure);
}

/* So that the fastest is known the next time. */
static void note_speed(struct ai_call *call)
{
	struct session *session = session_find(call->node, call->candidates[call->next - 1].peer);
	usec took = net_now() - call->asked_at;
	if (session)
		session->ai_speed = session->ai_speed ? (3 * session->ai_speed + took) / 4 : took;
}

static void on_line(const json_t *line, bool last, void *user)
{
	struct ai_call *call = user;
	const struct ai_call_events *events = call->events;
	const char *delta = json_string_value(json_object_get(line, "delta"));
	if (last) {
		void *owner = call->user;
		json_t *usage = json_incref(json_object_get(line, "usage"));
		release(call);
		events->end(usage, owner);
		json_decref(usage);
		return;
	}
	/* How long a person took says nothing of the model. */
	if (json_is_true(json_object_get(line, "pending")))
		call->waited = true;
	if (!delta || !delta[0])
		return;
	if (!call->begun && !call->waited)
		note_speed(call);
	call->begun = true;
	events->delta(delta, call->user);
}

static const struct request_reader reader = {.reply = on_reply, .fail = on_fail, .line = on_line};

static void ask_next(struct ai_call *call, const struct failure *last)
{
	struct session *session;
	char id[MESSAGE_ID_MAX + 1];
	struct failure failure = *last;
	struct buffer flat = buffer_with_max(MESSAGE_FLAT_MAX);
	do {
		if (call->next == call->count) {
			fail(call, &failure);
			return;
		}
		enum err err =
			session_get(call->node, call->candidates[call->next++].peer, &session);
		if (!err)
			break;
		failure_set(&failure, FAILURE_INTERNAL, "cannot open a session: %s", err_text(err));
	} while (true);
	/* Without the one text, older nodes say that it is missing. */
	bool is_flat = call->turns && turns_flatten(call->turns, &flat) == ERR_OK && flat.size > 0;
	struct message message = {.type = MESSAGE_AI_QUERY,
		.ai_query = {.request_id = node_new_id(call->node, id),
			.query = is_flat ? buffer_text(&flat) : NULL,
			.turns = call->turns,
			.inputs = call->inputs,
			.options = call->options,
			.model = call->model,
			.stream = true}};
	call->asked_at = net_now();
	call->waited = false;
	request_start_for(session, REQUEST_AI, id, &message, AI_ANSWER_SECONDS * 1000, &reader,
		call, &call->request);
	buffer_deinit(&flat);
}

/* ---- Who is asked ---- */

static usec speed_of(const struct session *session)
{
	struct quality_counters counters;
	if (session->ai_speed > 0)
		return session->ai_speed;
	link_count(session->current, &counters);
	return counters.rtt;
}

static int compare_speeds(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return (x->speed > y->speed) - (x->speed < y->speed);
}

static void add(struct ai_call *call, const char *peer, usec speed)
{
	struct candidate *candidate = &call->candidates[call->count++];
	candidate->speed = speed;
	CHECK(text_copy(candidate->peer, sizeof candidate->peer, peer));
}

static void on_looked(void *user)
{
	struct ai_call *call = user;
	struct session *session;
	struct failure none;
	size_t cursor = 0;
	while (call->count < AI_CALL_PEERS_MAX &&
		(session = map_next(&call->node->sessions, &cursor)))
		if (ai_directory_has(session, call->model))
			add(call, session->id, speed_of(session));
	if (call->count > 0)
		qsort(call->candidates, call->count, sizeof *call->candidates, compare_speeds);
	failure_set(&none, FAILURE_NOT_FOUND,
		"no peer that is connected lets you use a model '%s'; 'dpc models' lists those "
		"that do",
		call->model);
	ask_next(call, &none);
}

/* The contact behind the '@'. */
static void ask_contact(struct ai_call *call, const char *peer)
{
	struct store_contact contact;
	struct failure failure = {0};
	enum err err = store_contact_find(call->node->store, peer, &contact);
	if (err)
		failure_set(&failure, FAILURE_NOT_FOUND,
			err == ERR_MISMATCH ? "'%s' fits several contacts; write more of the name"
					    : "no contact '%s'; add one with 'dpc add'",
			peer);
	else if (contact.blocked)
		failure_set(&failure, FAILURE_BLOCKED, "'%s' is blocked", peer);
	else
		add(call, contact.node_id, 0);
	ask_next(call, &failure);
}

void ai_call_start(struct node *node, const struct ai_call_ask *ask,
	const struct ai_call_events *events, void *user, struct ai_call **slot)
{
	struct failure failure;
	/* Names of models have no '@'; names of peers may. */
	size_t size = strcspn(ask->model, "@");
	bool is_name = size > 0 && size <= MESSAGE_MODEL_MAX;
	struct ai_call *call = is_name ? calloc(1, sizeof *call) : NULL;
	if (!call) {
		failure_set(&failure, is_name ? FAILURE_LIMIT : FAILURE_NOT_FOUND, "%s",
			is_name ? "out of memory" : "no model has a name like that");
		events->fail(&failure, user);
		return;
	}
	call->node = node;
	call->events = events;
	call->user = user;
	call->slot = slot;
	call->turns = json_incref((json_t *)(uintptr_t)ask->turns);
	call->inputs = json_incref((json_t *)(uintptr_t)ask->inputs);
	call->options = json_incref((json_t *)(uintptr_t)ask->options);
	CHECK(text_copy_bytes(call->model, sizeof call->model, bytes_of(ask->model, size)));
	*slot = call;
	if (ask->model[size] == '@')
		ask_contact(call, ask->model + size + 1);
	else
		ai_directory_look(node, on_looked, call, &call->look);
}
