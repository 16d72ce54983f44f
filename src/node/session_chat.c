/* Outgoing chat of a session. The outbox in the store is the truth: what the user's send accepted
 * is in it until the peer acknowledges it. A link only makes progress through it, and a new link
 * begins again from the first message that is not acknowledged; the receiver knows those it has. */
#include "node/session.h"

#include "base/log.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/request.h"

/* This link will never take it, another may: those behind it do not wait for that. */
static void pass_over(struct session *session, const struct store_message *stored)
{
	struct fault fault;
	fault_set(&fault, "message '%s' is too large for this link with '%s'; it waits for another",
		stored->id, session->name);
	log_warn("%s", fault.text);
	event_of_session(session, "error",
		json_pack("{s:s, s:s}", "code", "too_large", "message", fault.text));
	session->sent_through = stored->sequence;
}

static bool send_one(struct session *session, const struct store_message *stored)
{
	struct store *store = session->node->store;
	struct message message = {.type = MESSAGE_CHAT,
		.chat = {.id = stored->id, .text = stored->text, .timestamp = stored->timestamp}};
	enum err err = link_send(session->current, &message);
	if (err == ERR_TOO_LARGE) {
		pass_over(session, stored);
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
	session->unacknowledged = sat_sub(session->unacknowledged, 1);
	net_timer_cancel(&session->ack_timer);
	event_of_session(session, "chat_delivered", json_pack("{s:s}", "id", id));
	struct request *request = request_find(session, REQUEST_DELIVERY, id);
	if (request)
		request_delivered(request);
	session_chat_flush(session);
}
