/* chat: stored, then acknowledged, then shown; a redelivery is acknowledged again and nothing else.
 * chat_ack: what we sent is delivered. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/session.h"

static void show(struct session *session, const struct message_chat *chat)
{
	struct store_message stored;
	struct store *store = session->node->store;
	if (store_message_get(store, session->id, STORE_IN, chat->id, &stored) != ERR_OK)
		return;
	event_of_session(session, "chat",
		json_pack("{s:o}", "message", describe_message(&stored, session->name)));
	store_message_deinit(&stored);
}

void handle_chat(struct session *session, struct link *link, const struct message *message)
{
	const struct message_chat *chat = &message->chat;
	struct store *store = session->node->store;
	bool is_new;
	enum err err =
		store_receive(store, session->id, chat->id, chat->text, chat->timestamp, &is_new);
	if (err) {
		/* Not acknowledged: the sender keeps it and tries again. */
		log_warn("cannot store a message of '%s': %s", session->name,
			store_fault_text(store));
		dispatch_error(
			session, link, chat->id, err_name(err), "the message could not be stored");
		return;
	}
	struct message ack = {.type = MESSAGE_CHAT_ACK, .chat_ack = {.id = chat->id}};
	if (link_send(link, &ack) != ERR_OK)
		log_debug("cannot acknowledge '%s' to '%s'", chat->id, session->name);
	if (is_new)
		show(session, chat);
}

void handle_chat_ack(struct session *session, struct link *link, const struct message *message)
{
	(void)link;
	session_chat_acknowledged(session, message->chat_ack.id);
}
