/* request_context: answered with what the user's rules allow this peer, and nothing else; where the
 * rules say "ask", that comes in a second answer, when the user has decided (questions.h).
 * context_response: the answer to a request of ours. Every answer leaves a line in the log: who
 * asked for which keys and what was decided, and no values. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/request.h"
#include "node/session.h"

static json_t *texts_of(const char *const *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

/* ---- Asked of us ---- */

#define AUDIT_MAX 800

/* What does not fit is left out, as the log would cut it. */
static void list_keys(struct buffer *text, const char *what, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (buffer_append_format(text, "%s%s", i > 0 ? ", " : what, keys[i]) != ERR_OK)
			return;
	}
}

static void audit(
	struct session *session, const struct context_selection *selection, size_t pending)
{
	struct buffer text = buffer_with_max(AUDIT_MAX);
	list_keys(&text, "; granted: ", selection->granted, selection->granted_count);
	list_keys(&text, "; denied: ", selection->denied, selection->denied_count);
	list_keys(&text, "; the user is asked: ", selection->asks, pending);
	log_info("'%s' (%s) asked for context%s", session->name, session->id, buffer_text(&text));
	buffer_deinit(&text);
	event_of_session(session, "context_asked",
		json_pack("{s:o, s:o, s:o}", "granted",
			texts_of(selection->granted, selection->granted_count), "denied",
			texts_of(selection->denied, selection->denied_count), "pending",
			texts_of(selection->asks, pending)));
}

static void copy_texts(struct message_texts *to, const char *const *from, size_t count)
{
	for (to->count = 0; to->count < count; to->count++)
		to->items[to->count] = from[to->count];
}

static bool respond(struct session *session, struct link *link, const char *request_id,
	const struct context_selection *selection, bool is_pending)
{
	size_t pending = is_pending ? selection->ask_count : 0;
	struct message message = {.type = MESSAGE_CONTEXT_RESPONSE,
		.context_response = {.request_id = request_id, .context = selection->allowed}};
	struct message_context_response *response = &message.context_response;
	copy_texts(&response->denied, selection->denied, selection->denied_count);
	copy_texts(&response->pending, selection->asks, pending);
	enum err err = link_send(link, &message);
	if (err)
		dispatch_error(session, link, request_id, err_name(err),
			"the answer cannot be sent; ask for less");
	audit(session, selection, pending);
	return !err;
}

static enum err select_keys(struct session *session, const struct context_request *request,
	struct context_selection *ret_selection)
{
	struct node *node = session->node;
	struct store_contact contact;
	enum err err = session_contact(session, &contact);
	if (err)
		return err;
	struct access_peer peer = {
		.node_id = session->id, .name = contact.name, .verified = contact.verified};
	node_reload_files(node);
	return context_select(node->context, node->access, &peer, request, ret_selection);
}

static enum err ask_user(struct session *session, const struct message_request_context *asked,
	const struct context_selection *selection, struct question **ret_question)
{
	struct question *question = questions_find_same(session, asked);
	if (!question && selection->ask_count > 0) {
		enum err err = questions_add(session, asked, selection, &question);
		if (err)
			return err;
		log_info("'%s' asks for what the rules leave to you; 'dpc access pending' shows it",
			session->name);
		event_of_session(session, "access_asked",
			json_pack("{s:o}", "question", question_describe(question)));
	}
	if (question)
		question_renew(question, asked->request_id);
	*ret_question = question;
	return ERR_OK;
}

void handle_request_context(
	struct session *session, struct link *link, const struct message *message)
{
	const struct message_request_context *asked = &message->request_context;
	struct question *question = questions_find_same(session, asked);
	bool is_allowed = question && question->state == QUESTION_ALLOWED;
	struct context_request request = {.keys = asked->keys.items,
		.key_count = asked->keys.count,
		.consent = is_allowed ? question->asks : NULL};
	struct context_selection selection = {0};
	enum err err = select_keys(session, &request, &selection);
	if (!err)
		err = ask_user(session, asked, &selection, &question);
	if (err)
		dispatch_error(session, link, asked->request_id, err_name(err),
			err == ERR_LIMIT ? "too many of your requests wait for an answer of the "
					   "user; ask again later"
					 : "the request cannot be answered");
	else
		respond(session, link, asked->request_id, &selection,
			question && question->state == QUESTION_WAITS);
	context_selection_deinit(&selection);
}

bool handle_context_answered(struct session *session, const struct question *question)
{
	const char *keys[CONTEXT_KEYS_MAX];
	struct context_selection selection;
	for (size_t i = 0; i < question->key_count; i++)
		keys[i] = question->keys[i];
	struct context_request request = {.keys = keys,
		.key_count = question->key_count,
		.consent = question->state == QUESTION_ALLOWED ? question->asks : NULL};
	if (select_keys(session, &request, &selection) != ERR_OK)
		return false;
	bool is_sent = respond(session, session->current, question->request_id, &selection, false);
	context_selection_deinit(&selection);
	return is_sent;
}

/* ---- Asked by us ---- */

void handle_context_response(
	struct session *session, struct link *link, const struct message *message)
{
	const struct message_context_response *response = &message->context_response;
	const struct message_texts *denied = &response->denied, *pending = &response->pending;
	struct request *request = request_find(session, REQUEST_CONTEXT, response->request_id);
	(void)link;
	if (!request) {
		log_debug("'%s' answers what was not asked", session->name);
		return;
	}
	json_t *body = json_pack("{s:O, s:o, s:o}", "context", response->context, "denied",
		texts_of(denied->items, denied->count), "pending",
		texts_of(pending->items, pending->count));
	if (pending->count > 0)
		request_pending(request, body);
	else
		request_reply(request, 200, body);
}
