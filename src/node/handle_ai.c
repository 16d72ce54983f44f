/* ai_query: answered by a provider of this node if its owner allows it (ai_owner.h), at once or
 * when asked (questions.h), when its turn has come (ai_queue.h), streamed and cancelled at once
 * when the peer says so or its link is gone. ai_models: the models that the asker may use. */
#include "node/dispatch.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/turns.h"
#include "node/ai_owner.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/request.h"
#include "node/session.h"

/* Of English and of code, about; a provider that counts knows better. */
#define BYTES_PER_TOKEN 4

/* A query of a peer that we work on. */
struct ai_served {
	struct list node;
	struct session *session;
	struct link *link; /* that it came over; the answer goes over the same one or not at all */
	char request_id[MESSAGE_ID_MAX + 1];
	bool asks;      /* the owner is asked, and it waits for that */
	bool is_logged; /* its entry in the log is open */
	struct ai_ticket ticket;
	json_t *messages, *inputs, *options, *context; /* while it waits for its turn */
	struct store_ai_entry entry;                   /* of a query */
	usec began;
	size_t asked_bytes, pieces; /* for an estimate where the provider does not count */
	struct ai_work
		*work; /* NULL: it waits for its turn, or has ended and text waits to be sent */
	bool stream;
	struct buffer text; /* streamed: what the link did not take yet; else: all so far */
	bool ended;
	struct fault error; /* "" when all is well */
	char code[MESSAGE_CODE_MAX + 1];
	char model[MESSAGE_MODEL_MAX + 1];
	bool has_usage;
	struct message_usage usage;
};

/* The provider has no more to do with it: the next one may begin. */
static void conclude(struct ai_served *served, const char *outcome)
{
	struct node *node = served->session->node;
	struct store_ai_entry *entry = &served->entry;
	ai_work_cancel(served->work);
	served->work = NULL;
	if (served->ticket.state != AI_TICKET_NONE) {
		ai_queue_leave(&node->ai_queue, &served->ticket);
		net_defer_post(&node->ai_next);
	}
	if (!served->is_logged)
		return;
	served->is_logged = false;
	entry->estimated = !served->has_usage;
	entry->prompt_tokens = served->usage.prompt_tokens;
	entry->completion_tokens = served->usage.completion_tokens;
	if (entry->estimated && served->began > 0) {
		entry->prompt_tokens = (int64_t)(served->asked_bytes / BYTES_PER_TOKEN);
		entry->completion_tokens = (int64_t)served->pieces;
	}
	entry->duration_ms = served->began > 0 ? (net_now() - served->began) / USEC_PER_MS : 0;
	(void)text_copy(entry->outcome, sizeof(entry->outcome), outcome);
	ai_owner_log_end(served->session, entry);
}

static void release(struct ai_served *served)
{
	conclude(served, "cancelled");
	ai_work_cancel(served->work);
	json_decref(served->messages);
	json_decref(served->inputs);
	json_decref(served->options);
	json_decref(served->context);
	list_remove(&served->node);
	served->session->ai_served_count--;
	served->session->node->ai_served_count--;
	buffer_deinit(&served->text);
	free(served);
}

static struct ai_served *find(struct session *session, const char *request_id)
{
	LIST_FOREACH (node, &session->ai_served) {
		struct ai_served *served = CONTAINER_OF(node, struct ai_served, node);
		if (strcmp(served->request_id, request_id) == 0)
			return served;
	}
	return NULL;
}

void handle_ai_link_gone(struct session *session, const struct link *link)
{
	LIST_FOREACH_SAFE (node, &session->ai_served) {
		struct ai_served *served = CONTAINER_OF(node, struct ai_served, node);
		if (served->link == link)
			release(served);
	}
}

void handle_ai_stop_all(struct session *session)
{
	LIST_FOREACH_SAFE (node, &session->ai_served)
		release(CONTAINER_OF(node, struct ai_served, node));
}

/* ---- Sending the answer ---- */

/* How much of the text fits into one message without cutting a character in two. */
static size_t piece_size(struct bytes text)
{
	/* JSON may need six bytes for one. */
	size_t size = min_size(text.size, MESSAGE_ANSWER_MAX / 6);
	while (size < text.size && size > 0 && (text.data[size] & 0xc0) == 0x80)
		size--;
	return size;
}

static enum err send_piece(struct ai_served *served)
{
	size_t size = piece_size(buffer_bytes(&served->text));
	char *piece = text_duplicate_bytes(bytes_slice(buffer_bytes(&served->text), 0, size));
	if (!piece)
		return ERR_NOMEM;
	struct message message = {.type = MESSAGE_AI_RESPONSE,
		.ai_response = {.request_id = served->request_id, .delta = piece}};
	enum err err = link_send(served->link, &message);
	free(piece);
	if (!err)
		buffer_consume(&served->text, size);
	return err;
}

static enum err send_end(struct ai_served *served)
{
	bool failed = served->error.text[0] != '\0';
	struct message message = {.type = MESSAGE_AI_RESPONSE,
		.ai_response = {.request_id = served->request_id,
			.text = served->stream || failed ? NULL : buffer_text(&served->text),
			.done = true,
			.model = served->model[0] ? served->model : NULL,
			.has_usage = served->has_usage,
			.usage = served->usage,
			.error = failed ? served->error.text : NULL,
			.code = failed ? served->code : NULL}};
	return link_send(served->link, &message);
}

/* Sends what there is; frees it when that was all. */
static void advance(struct ai_served *served)
{
	enum err err = ERR_OK;
	while (!err && served->stream && served->text.size > 0)
		err = send_piece(served);
	if (!err && served->ended)
		err = send_end(served);
	/* Waits for link_writable(); everything else means that nobody hears us. */
	if (err == ERR_AGAIN)
		return;
	if (err || served->ended)
		release(served);
}

void handle_ai_writable(struct session *session, const struct link *link)
{
	LIST_FOREACH_SAFE (node, &session->ai_served) {
		struct ai_served *served = CONTAINER_OF(node, struct ai_served, node);
		if (served->link == link)
			advance(served);
	}
}

/* ---- The provider's side ---- */

static void finish(struct ai_served *served, const char *code, const char *error)
{
	conclude(served, error[0] ? "failed" : "done");
	served->ended = true;
	(void)text_copy(served->code, sizeof(served->code), code);
	fault_set(&served->error, "%s", error);
	advance(served);
}

static void on_delta(const char *text, void *user)
{
	struct ai_served *served = user;
	served->pieces++;
	if (buffer_append_text(&served->text, text) != ERR_OK) {
		buffer_clear(&served->text);
		finish(served, "limit", "the answer is too long, or is read too slowly");
		return;
	}
	advance(served);
}

static void on_end(const struct ai_end *end, void *user)
{
	struct ai_served *served = user;
	served->work = NULL;
	served->has_usage = end->has_usage;
	served->usage = end->usage;
	(void)text_copy(served->model, sizeof(served->model), end->model);
	if (end->model[0])
		(void)text_copy(served->entry.model, sizeof(served->entry.model), end->model);
	const char *error = end->message[0] ? end->message : err_text(end->err);
	finish(served, "ai", end->err ? error : "");
}

static const struct ai_work_events query_events = {.delta = on_delta, .end = on_end};

/* ---- Questions ---- */

/* NULL: not now. The same id over another link is the same request, sent again because the peer has
 * lost the other one before the answer began: it begins anew. */
static struct ai_served *create(
	struct session *session, struct link *link, const char *request_id, bool stream)
{
	struct node *node = session->node;
	struct ai_served *former = find(session, request_id);
	if (former && former->link == link)
		return NULL;
	if (former)
		release(former);
	if (session->ai_served_count >= NODE_AI_SERVED_PER_PEER_MAX ||
		node->ai_served_count >= NODE_AI_SERVED_MAX)
		return NULL;
	struct ai_served *served = calloc(1, sizeof(*served));
	if (!served)
		return NULL;
	served->session = session;
	served->link = link;
	(void)text_copy(served->request_id, sizeof(served->request_id), request_id);
	/* One that is not streamed goes out as one message, escapes and all. */
	served->text = buffer_with_max(stream ? NODE_AI_BACKLOG_MAX : MESSAGE_ANSWER_MAX / 2);
	served->stream = stream;
	list_push_back(&session->ai_served, &served->node);
	session->ai_served_count++;
	node->ai_served_count++;
	return served;
}

static void refuse(struct session *session, struct link *link, const struct message_ai_query *asked,
	const char *model, const struct failure *failure)
{
	struct store_ai_entry entry;
	ai_owner_log(session, asked, model, failure->code == FAILURE_DENIED ? "denied" : "limit",
		&entry);
	dispatch_error(
		session, link, asked->request_id, failure_name(failure->code), failure->fault.text);
}

/* The provider begins with it. */
static void start(struct ai_served *served)
{
	struct node *node = served->session->node;
	struct ai_query query = {.messages = served->messages,
		.inputs = served->inputs,
		.options = served->options,
		.context = served->context,
		.model = served->entry.model};
	served->began = net_now();
	enum err err = ai_pool_ask(node->ai, &query, &query_events, served, &served->work);
	if (err) {
		served->work = NULL;
		if (err == ERR_UNSUPPORTED)
			finish(served, "unsupported", AI_NO_EMBEDDINGS);
		else
			finish(served, "ai", err_text(err));
	}
}

static void start_next(struct node *node)
{
	struct ai_ticket *ticket;
	while ((ticket = ai_queue_next(&node->ai_queue)))
		start(CONTAINER_OF(ticket, struct ai_served, ticket));
}

void handle_ai_next(void *user)
{
	start_next(user);
}

/* The trees of a message are counted, not copied: nobody changes them. */
static json_t *keep(const json_t *value)
{
	return json_incref((json_t *)(uintptr_t)value);
}

/* False: no memory. */
static bool keep_query(struct ai_served *served, const struct message_ai_query *asked)
{
	served->inputs = keep(asked->inputs);
	if (asked->inputs) {
		/* They come at once, and go out in as many pieces as it takes. */
		served->text.max = AI_VECTORS_SIZE_MAX;
		served->stream = true;
	} else {
		served->messages =
			asked->turns ? keep(asked->turns) : turns_of_question(asked->query);
	}
	served->options = keep(asked->options);
	served->context = keep(asked->context);
	if (!served->messages && !served->inputs)
		return false;
	for (size_t i = 0; i < json_array_size(served->inputs); i++)
		served->asked_bytes += json_string_length(json_array_get(served->inputs, i));
	for (size_t i = 0; i < json_array_size(served->messages); i++)
		served->asked_bytes += json_string_length(
			json_object_get(json_array_get(served->messages, i), "content"));
	return true;
}

/* Takes a place in the queue. False: there is none. */
static bool join_queue(struct ai_served *served)
{
	struct session *session = served->session;
	return ai_queue_join(&session->node->ai_queue, &session->ai_asker, &served->ticket) ==
	       ERR_OK;
}

static void open_log(
	struct ai_served *served, const struct message_ai_query *asked, const char *outcome)
{
	const char *model = asked->model ? asked->model : ai_pool_model(served->session->node->ai);
	ai_owner_log(served->session, asked, model, outcome, &served->entry);
	served->is_logged = true;
}

static void fail_crowded(struct failure *failure)
{
	failure_set(failure, FAILURE_LIMIT, "too many queries at once; wait for the others to end");
}

/* ---- Asking the owner ---- */

static bool find_or_ask(struct session *session, const char *model, struct question **ret_question)
{
	struct question *question = questions_find_model(session, model);
	if (!question) {
		if (questions_add_model(session, model, &question) != ERR_OK)
			return false;
		log_info("'%s' asks for what the rules leave to you; 'dpc access pending' shows it",
			session->name);
		event_of_session(session, "access_asked",
			json_pack("{s:o}", "question", question_describe(question)));
	}
	*ret_question = question;
	return true;
}

/* Older nodes see a piece without text, and wait. So does who does not hear it. */
static void tell_pending(struct ai_served *served, const struct question *question)
{
	struct message message = {.type = MESSAGE_AI_RESPONSE,
		.ai_response = {.request_id = served->request_id,
			.delta = "",
			.pending = true,
			.expires_seconds = question_seconds_left(question)}};
	if (link_send(served->link, &message) != ERR_OK)
		log_debug("cannot tell '%s' that the user is asked", served->session->name);
}

/* The rules leave it to the owner. A no of before holds, and a yes that came too late is good for
 * this one. */
static bool ask_owner(struct ai_served *served, const struct message_ai_query *asked,
	const char *model, struct failure *failure)
{
	struct session *session = served->session;
	struct question *question;
	if (!find_or_ask(session, model, &question)) {
		failure_set(failure, FAILURE_LIMIT,
			"too many of your requests wait for an answer of the user; ask again "
			"later");
		return false;
	}
	switch (question->state) {
	case QUESTION_WAITS:
		served->asks = true;
		open_log(served, asked, "waiting");
		tell_pending(served, question);
		return true;
	case QUESTION_DENIED:
		ai_owner_refusal(failure);
		return false;
	case QUESTION_ALLOWED:
		question_use_up(question);
		return true;
	}
	UNREACHABLE();
}

/* Nobody waits for this answer any more. */
static void withdraw_if_alone(struct session *session, const char *model)
{
	struct question *question = questions_find_model(session, model);
	if (!question || question->state != QUESTION_WAITS)
		return;
	LIST_FOREACH (node, &session->ai_served) {
		struct ai_served *served = CONTAINER_OF(node, struct ai_served, node);
		if (served->asks && strcmp(served->entry.model, model) == 0)
			return;
	}
	question_withdraw(question);
}

/* Ends what has not begun, with an error that older nodes know too. */
static void refuse_waiting(struct ai_served *served, const struct failure *failure)
{
	conclude(served, failure->code == FAILURE_DENIED ? "denied" : "limit");
	dispatch_error(served->session, served->link, served->request_id,
		failure_name(failure->code), failure->fault.text);
	release(served);
}

/* The owner has said yes: hours and amounts may have passed meanwhile. */
static void begin_waiting(struct ai_served *served)
{
	struct failure failure = {0};
	served->asks = false;
	/* The rules say "ask" still, or by now what the owner remembered. */
	if (ai_owner_decide(served->session, served->entry.model, &failure) == ACCESS_DENY) {
		refuse_waiting(served, &failure);
	} else if (!join_queue(served)) {
		fail_crowded(&failure);
		refuse_waiting(served, &failure);
	} else {
		CHECK(text_copy(served->entry.outcome, sizeof(served->entry.outcome), "working"));
		ai_owner_log_end(served->session, &served->entry);
	}
}

bool handle_ai_answered(struct session *session, struct question *question)
{
	struct node *node = session->node;
	bool allow = question->state == QUESTION_ALLOWED, any = false;
	struct failure failure;
	ai_owner_refusal(&failure);
	LIST_FOREACH_SAFE (item, &session->ai_served) {
		struct ai_served *served = CONTAINER_OF(item, struct ai_served, node);
		if (!served->asks || strcmp(served->entry.model, question->model) != 0)
			continue;
		any = true;
		if (allow)
			begin_waiting(served);
		else
			refuse_waiting(served, &failure);
	}
	if (allow && any)
		question_use_up(question);
	start_next(node);
	return any;
}

/* ---- A query comes ---- */

static bool accept_query(struct ai_served *served, const struct message_ai_query *asked,
	const char *model, enum access_action action, struct failure *failure)
{
	fail_crowded(failure);
	if (!keep_query(served, asked))
		return false;
	if (action == ACCESS_ASK && !ask_owner(served, asked, model, failure))
		return false;
	if (served->asks)
		return true;
	fail_crowded(failure);
	if (!join_queue(served))
		return false;
	open_log(served, asked, "working");
	return true;
}

void handle_ai_query(struct session *session, struct link *link, const struct message *message)
{
	const struct message_ai_query *asked = &message->ai_query;
	struct node *node = session->node;
	if (!node->ai) {
		dispatch_error(session, link, asked->request_id, "unsupported",
			"this node shares no AI model");
		return;
	}
	const char *model = asked->model ? asked->model : ai_pool_model(node->ai);
	struct failure failure = {0};
	enum access_action action = ai_owner_decide(session, model, &failure);
	event_of_session(session, "ai_asked",
		json_pack("{s:s, s:b, s:b}", "model", model, "allowed",
			(int)(action == ACCESS_ALLOW), "asks", (int)(action == ACCESS_ASK)));
	struct ai_served *served = NULL;
	if (action != ACCESS_DENY) {
		fail_crowded(&failure);
		served = create(session, link, asked->request_id, asked->stream);
	}
	if (served && !accept_query(served, asked, model, action, &failure)) {
		release(served);
		served = NULL;
	}
	if (!served) {
		refuse(session, link, asked, model, &failure);
		return;
	}
	start_next(node);
}

void handle_ai_cancel(struct session *session, struct link *link, const struct message *message)
{
	struct ai_served *served = find(session, message->ai_cancel.request_id);
	char model[MESSAGE_MODEL_MAX + 1];
	(void)link;
	if (!served)
		return;
	bool asks = served->asks;
	CHECK(text_copy(model, sizeof(model), served->entry.model));
	release(served);
	if (asks)
		withdraw_if_alone(session, model);
}

/* ---- Models ---- */

static void on_models(enum err err, const char *error, const struct ai_models *models, void *user)
{
	struct ai_served *served = user;
	struct session *session = served->session;
	struct message message = {.type = MESSAGE_AI_MODELS,
		.ai_models = {.request_id = served->request_id, .answer = true}};
	struct message_texts *texts = &message.ai_models.models;
	served->work = NULL;
	for (size_t i = 0; !err && i < models->count && texts->count < MESSAGE_MODELS_MAX; i++) {
		if (ai_owner_knows(session, models->names[i]))
			texts->items[texts->count++] = models->names[i];
	}
	if (err)
		dispatch_error(session, served->link, served->request_id, "ai", error);
	else if (link_send(served->link, &message) != ERR_OK)
		log_debug("cannot list the models for '%s'", session->name);
	release(served);
}

static void answer_models(
	struct session *session, struct link *link, const struct message_ai_models *asked)
{
	struct node *node = session->node;
	struct message none = {.type = MESSAGE_AI_MODELS,
		.ai_models = {.request_id = asked->request_id, .answer = true}};
	if (!node->ai) {
		if (link_send(link, &none) != ERR_OK)
			log_debug("cannot list the models for '%s'", session->name);
		return;
	}
	struct ai_served *served = create(session, link, asked->request_id, false);
	if (!served) {
		dispatch_error(
			session, link, asked->request_id, "limit", "too many queries at once");
		return;
	}
	if (ai_pool_list(node->ai, on_models, served, &served->work) != ERR_OK) {
		served->work = NULL;
		release(served);
		dispatch_error(
			session, link, asked->request_id, "ai", "the models are not known now");
	}
}

void handle_ai_models(struct session *session, struct link *link, const struct message *message)
{
	const struct message_ai_models *models = &message->ai_models;
	if (!models->answer) {
		answer_models(session, link, models);
		return;
	}
	struct request *request = request_find(session, REQUEST_MODELS, models->request_id);
	if (!request)
		return;
	json_t *names = json_array();
	for (size_t i = 0; i < models->models.count; i++)
		json_array_append_new(names, json_string(models->models.items[i]));
	request_reply(request, 200, json_pack("{s:o}", "models", names));
}
