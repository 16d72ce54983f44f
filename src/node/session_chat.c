/* Outgoing chat of a session. The outbox in the store is the truth: what the user's send accepted
 * is in it until the peer acknowledges it. A link only makes progress through it, and a new link
 * begins again from the first message that is not acknowledged; the receiver knows those it has. */
#include "node/session.h"

#include "base/log.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/request.h"
#include "node/store_change.h"

/* This link will never take it, another may: those behind it do not wait for that. */
static void pass_over(struct session *session, const struct store_message *stored, const char *code,
	const char *why)
{
	struct fault fault;
	fault_set(&fault,
		"message '%s' cannot go over this link with '%s', %s; it waits for another",
		stored->kind == STORE_TEXT ? stored->id : stored->refers, session->name, why);
	session->sent_through = stored->sequence;
	if (stored->kind != STORE_TEXT && session->current->told_of_changes)
		return; /* once is enough for a link */
	session->current->told_of_changes |= stored->kind != STORE_TEXT;
	log_warn("%s", fault.text);
	event_of_session(
		session, "error", json_pack("{s:s, s:s}", "code", code, "message", fault.text));
}

/* `attachments` are those of the message, or NULL. */
static struct message message_of(const struct store_message *stored, const json_t *attachments)
{
	switch (stored->kind) {
	case STORE_EDIT:
		return (struct message){.type = MESSAGE_CHAT_EDIT,
			.chat_edit = {.id = stored->id,
				.target = stored->refers,
				.text = stored->text,
				.timestamp = stored->timestamp}};
	case STORE_DELETION:
		return (struct message){.type = MESSAGE_CHAT_DELETE,
			.chat_delete = {.id = stored->id, .target = stored->refers}};
	case STORE_TEXT:
	default:
		return (struct message){.type = MESSAGE_CHAT,
			.chat = {.id = stored->id,
				.text = stored->text,
				.timestamp = stored->timestamp,
				.reply_to = stored->refers[0] ? stored->refers : NULL,
				.attachments = attachments}};
	}
}

/* An edit of what was deleted meanwhile. */
static bool is_void(const struct store_message *stored)
{
	return stored->kind == STORE_EDIT && !stored->text[0];
}

static bool drop_void(struct session *session, const struct store_message *stored)
{
	size_t count;
	if (store_change_remove(session->node->store, session->id, stored->id, &count) != ERR_OK)
		log_warn("%s", store_fault_text(session->node->store));
	session->sent_through = stored->sequence;
	return true;
}

static bool send_one(struct session *session, const struct store_message *stored)
{
	struct store *store = session->node->store;
	if (is_void(stored))
		return drop_void(session, stored);
	if (stored->kind != STORE_TEXT && !session->current->heard)
		return false; /* its hello will say whether it knows changes */
	if (stored->kind != STORE_TEXT && !session->current->can_change) {
		pass_over(session, stored, "unsupported", "whose program knows no changes");
		return true;
	}
	json_t *attachments = json_loads(stored->attachments, 0, NULL);
	struct message message = message_of(stored, attachments);
	enum err err = link_send(session->current, &message);
	json_decref(attachments);
	if (err == ERR_TOO_LARGE) {
		pass_over(session, stored, "too_large", "for which it is too large");
		return true;
	}
	if (err) {
		if (err != ERR_AGAIN)
			log_warn("cannot send message '%s' to '%s': %s", stored->id, session->name,
				err_text(err));
		return false;
	}
	if (stored->state == STORE_QUEUED &&
		store_mark_sent(store, session->id, stored->id) != ERR_OK)
		log_warn("%s", store_fault_text(store));
	session->sent_through = stored->sequence;
	session->unacknowledged++;
	return true;
}

void session_chat_flush(struct session *session)
{
	struct store *store = session->node->store;
	bool more = session->current && session->current->state == LINK_UP;
	session->chat_waits = false;
	while (more && session->unacknowledged < NODE_CHAT_WINDOW) {
		struct store_page page = {0};
		if (store_outbox_pending(store, session->id, session->sent_through,
			    NODE_CHAT_WINDOW - session->unacknowledged, &page) != ERR_OK) {
			log_warn("%s", store_fault_text(store));
			session->chat_waits = true;
			break;
		}
		more = page.count > 0;
		for (size_t i = 0; more && i < page.count; i++)
			more = send_one(session, &page.messages[i]);
		session->chat_waits = page.count > 0 && !more;
		store_page_deinit(&page);
	}
	if (session->unacknowledged > 0 && !net_timer_is_set(&session->ack_timer))
		net_timer_set(&session->ack_timer, net_now() + NODE_CHAT_ACK_TIMEOUT);
}

void session_chat_restart(struct session *session)
{
	bool had_sent = session->unacknowledged > 0;
	session->sent_through = 0;
	session->unacknowledged = 0;
	net_timer_cancel(&session->ack_timer);
	if (!session->current && had_sent &&
		store_mark_unsent(session->node->store, session->id) != ERR_OK)
		log_warn("%s", store_fault_text(session->node->store));
	session_chat_flush(session);
}

void session_chat_timeout(void *user)
{
	struct session *session = user;
	log_info("'%s' does not acknowledge; sending again", session->name);
	session_chat_restart(session);
}

/* What was sent is off the window. */
static void settle(struct session *session)
{
	session->unacknowledged = sat_sub(session->unacknowledged, 1);
	net_timer_cancel(&session->ack_timer);
}

void session_chat_acknowledged(struct session *session, const char *id)
{
	struct node *node = session->node;
	bool first;
	enum err err = store_mark_delivered(node->store, session->id, id, &first);
	if (err) {
		if (err != ERR_NOT_FOUND)
			log_warn("%s", store_fault_text(node->store));
		return;
	}
	if (!first)
		return;
	settle(session);
	event_of_session(session, "chat_delivered", json_pack("{s:s}", "id", id));
	struct request *request = request_find(session, REQUEST_DELIVERY, id);
	if (request)
		request_delivered(request);
	session_chat_flush(session);
}

void session_chat_withdrawn(struct session *session, const struct store_message *message)
{
	struct request *request = request_find(session, REQUEST_DELIVERY, message->id);
	if (message->state == STORE_SENT && message->sequence <= session->sent_through)
		settle(session);
	if (request)
		request_delivered(request);
}

/* Asking again would be answered the same. */
static bool is_final(const char *code)
{
	static const char *const codes[] = {"not_found", "malformed", "unknown_type", "too_large"};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i], code) == 0)
			return true;
	return false;
}

bool session_chat_refused(struct session *session, const struct message_error *error)
{
	size_t count = 0;
	if (!error->request_id || !is_final(error->code) ||
		store_change_remove(session->node->store, session->id, error->request_id, &count) !=
			ERR_OK ||
		count == 0)
		return false;
	log_info("'%s' refuses a change of a message: %s: %s", session->name, error->code,
		error->message);
	event_of_session(session, "error",
		json_pack("{s:s, s:s}", "code", error->code, "message", error->message));
	settle(session);
	session_chat_flush(session);
	return true;
}

/* ---- What is read, and who is writing ---- */

void session_chat_tell_read(struct session *session)
{
	struct node *node = session->node;
	char id[STORE_MESSAGE_ID_MAX + 1];
	struct link *link = session->current;
	if (!node->config.read_marks || !link || link->state != LINK_UP || !link->can_mark)
		return;
	enum err err = store_read_position(node->store, session->id, id);
	struct message message = {.type = MESSAGE_CHAT_READ, .chat_read = {.id = id}};
	if (!err)
		err = link_send(link, &message);
	/* It is told again with the next link. */
	if (err && err != ERR_NOT_FOUND)
		log_debug("cannot tell '%s' what is read: %s", session->name, err_text(err));
}

void session_chat_tell_typing(struct session *session, bool active)
{
	struct message message = {.type = MESSAGE_TYPING, .typing = {.active = active}};
	struct link *link = session->current;
	bool is_told = active && net_now() < session->typing_told + NODE_TYPING_INTERVAL;
	if (is_told || !session->node->config.typing || !link || link->state != LINK_UP ||
		!link->can_mark)
		return;
	session->typing_told = active ? net_now() : 0;
	if (link_send(link, &message) != ERR_OK)
		log_debug("cannot tell '%s' who is typing", session->name);
}
