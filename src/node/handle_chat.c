/* chat: stored, then acknowledged, then shown; a redelivery is acknowledged again and nothing else.
 * chat_edit, chat_delete: the same, with what the peer sent before. chat_ack: what we sent is
 * delivered. chat_read, typing: shown. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/session.h"
#include "node/store_change.h"

static void show(struct session *session, const char *event, const char *id)
{
	struct store_message stored;
	struct store *store = session->node->store;
	if (store_message_get(store, session->id, STORE_IN, id, &stored) != ERR_OK)
		return;
	event_of_session(session, event,
		json_pack("{s:o}", "message",
			describe_message(session->node, &stored, session->name)));
	store_message_deinit(&stored);
}

static void acknowledge(struct session *session, struct link *link, const char *id)
{
	struct message ack = {.type = MESSAGE_CHAT_ACK, .chat_ack = {.id = id}};
	if (link_send(link, &ack) != ERR_OK)
		log_debug("cannot acknowledge '%s' to '%s'", id, session->name);
}

/* Not acknowledged: the sender keeps it, and tries again unless it is told that there is no use. */
static void fail(struct session *session, struct link *link, const char *id, enum err err)
{
	if (err == ERR_NOT_FOUND) {
		dispatch_error(session, link, id, "not_found", "there is no such message of yours");
		return;
	}
	log_warn("cannot store a message of '%s': %s", session->name,
		store_fault_text(session->node->store));
	dispatch_error(session, link, id, err_name(err), "the message could not be stored");
}

void handle_chat(struct session *session, struct link *link, const struct message *message)
{
	const struct message_chat *chat = &message->chat;
	struct store_draft draft = {.id = chat->id,
		.text = chat->text,
		.timestamp = chat->timestamp,
		.reply_to = chat->reply_to,
		.attachments = chat->attachments};
	bool is_new;
	enum err err = store_receive(session->node->store, session->id, &draft, &is_new);
	if (err) {
		fail(session, link, chat->id, err);
		return;
	}
	acknowledge(session, link, chat->id);
	if (is_new)
		show(session, "chat", chat->id);
}

/* Messages end at the size of a history; changes of one message would not. The sender tries again.
 */
static bool may_change(struct session *session, struct link *link, const char *id)
{
	if (rate_take(&session->changes_rate, net_now(), NODE_CHANGES_PER_MINUTE))
		return true;
	dispatch_error(session, link, id, "limit", "too many changes of messages in a minute");
	return false;
}

void handle_chat_edit(struct session *session, struct link *link, const struct message *message)
{
	const struct message_chat_edit *edit = &message->chat_edit;
	bool changed;
	if (!may_change(session, link, edit->id))
		return;
	enum err err = store_peer_edit(session->node->store, session->id, edit->target, edit->text,
		edit->timestamp, &changed);
	if (err) {
		fail(session, link, edit->id, err);
		return;
	}
	acknowledge(session, link, edit->id);
	if (changed)
		show(session, "chat_changed", edit->target);
}

void handle_chat_delete(struct session *session, struct link *link, const struct message *message)
{
	const struct message_chat_delete *deletion = &message->chat_delete;
	bool changed = false;
	if (!may_change(session, link, deletion->id))
		return;
	enum err err =
		store_peer_delete(session->node->store, session->id, deletion->target, &changed);
	if (err) {
		fail(session, link, deletion->id, err);
		return;
	}
	acknowledge(session, link, deletion->id);
	if (changed)
		show(session, "chat_changed", deletion->target);
}

void handle_chat_ack(struct session *session, struct link *link, const struct message *message)
{
	(void)link;
	session_chat_acknowledged(session, message->chat_ack.id);
}

/* Marks that come too fast are left out: a later one says as much. */
static bool takes_mark(struct session *session)
{
	return rate_take(&session->marks_rate, net_now(), NODE_MARKS_PER_MINUTE);
}

void handle_chat_read(struct session *session, struct link *link, const struct message *message)
{
	const char *id = message->chat_read.id;
	bool changed = false;
	(void)link;
	if (!takes_mark(session))
		return;
	enum err err = store_read_there(session->node->store, session->id, id, &changed);
	if (err && err != ERR_NOT_FOUND)
		log_warn("%s", store_fault_text(session->node->store));
	if (!err && changed)
		event_of_session(session, "chat_read", json_pack("{s:s}", "id", id));
}

void handle_typing(struct session *session, struct link *link, const struct message *message)
{
	(void)link;
	if (takes_mark(session))
		event_of_session(
			session, "typing", json_pack("{s:b}", "active", message->typing.active));
}
