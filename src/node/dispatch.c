#include "node/dispatch.h"

#include "base/log.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/session.h"

static const struct dispatch_entry table[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_CHAT] = {PERMIT_CONTACT, handle_chat},
	[MESSAGE_CHAT_ACK] = {PERMIT_CONTACT, handle_chat_ack},
	[MESSAGE_CHAT_EDIT] = {PERMIT_CONTACT, handle_chat_edit},
	[MESSAGE_CHAT_DELETE] = {PERMIT_CONTACT, handle_chat_delete},
	[MESSAGE_CHAT_READ] = {PERMIT_CONTACT, handle_chat_read},
	[MESSAGE_TYPING] = {PERMIT_CONTACT, handle_typing},
	[MESSAGE_REQUEST_CONTEXT] = {PERMIT_LIMITED, handle_request_context},
	[MESSAGE_CONTEXT_RESPONSE] = {PERMIT_CONTACT, handle_context_response},
	[MESSAGE_AI_QUERY] = {PERMIT_LIMITED, handle_ai_query},
	[MESSAGE_AI_RESPONSE] = {PERMIT_CONTACT, handle_ai_response},
	[MESSAGE_AI_CANCEL] = {PERMIT_CONTACT, handle_ai_cancel},
	[MESSAGE_AI_MODELS] = {PERMIT_LIMITED, handle_ai_models},
	[MESSAGE_FILE_OFFER] = {PERMIT_CONTACT, handle_file_offer},
	[MESSAGE_FILE_ACCEPT] = {PERMIT_CONTACT, handle_file_accept},
	[MESSAGE_FILE_MORE] = {PERMIT_CONTACT, handle_file_more},
	[MESSAGE_FILE_REJECT] = {PERMIT_CONTACT, handle_file_reject},
	[MESSAGE_FILE_DONE] = {PERMIT_CONTACT, handle_file_done},
	[MESSAGE_FILE_CANCEL] = {PERMIT_CONTACT, handle_file_cancel},
	[MESSAGE_PING] = {PERMIT_LIMITED, handle_ping},
	[MESSAGE_PONG] = {PERMIT_CONTACT, handle_pong},
	[MESSAGE_SIGNAL] = {PERMIT_LIMITED, handle_signal},
	[MESSAGE_ERROR] = {PERMIT_CONTACT, handle_error},
};

const struct dispatch_entry *dispatch_find(enum message_type type)
{
	CHECK(type < MESSAGE_TYPE_COUNT);
	return table[type].handle ? &table[type] : NULL;
}

void dispatch_error(struct session *session, struct link *link, const char *request_id,
	const char *code, const char *text)
{
	struct message message = {.type = MESSAGE_ERROR,
		.error = {.request_id = request_id && request_id[0] ? request_id : NULL,
			.code = code,
			.message = text}};
	if (rate_take(&session->errors_rate, net_now(), NODE_ERRORS_PER_MINUTE) &&
		link_send(link, &message) != ERR_OK)
		log_debug("cannot answer '%s' with an error", session->name);
}

static void refuse(
	struct session *session, struct link *link, enum err err, const struct message_fault *fault)
{
	struct node *node = session->node;
	struct fault text = {0};
	const char *code = "malformed";
	if (err == ERR_UNSUPPORTED) {
		node->counters.unknown_type++;
		code = "unknown_type";
		fault_set(&text, "messages of type '%s' are not known here", fault->type);
	} else if (err == ERR_TOO_LARGE) {
		node->counters.malformed++;
		code = "too_large";
		fault_set(&text, "a message of type '%s' is too large", fault->type);
	} else {
		node->counters.malformed++;
		fault_set(&text, "a message of type '%s' cannot be read: '%s' is missing or wrong",
			fault->type, fault->field);
	}
	log_debug("from '%s': %s", session->name, text.text);
	dispatch_error(session, link, fault->request_id, code, text.text);
}

static const char *request_id_of(const struct message *message)
{
	switch (message->type) {
	case MESSAGE_REQUEST_CONTEXT:
		return message->request_context.request_id;
	case MESSAGE_AI_QUERY:
		return message->ai_query.request_id;
	case MESSAGE_AI_MODELS:
		return message->ai_models.request_id;
	default:
		return NULL;
	}
}

void dispatch_message(struct session *session, struct link *link, struct bytes text)
{
	struct message message = {0};
	struct message_fault fault = {0};
	if (session->forgotten)
		return;
	enum err err = message_parse(text, &message, &fault);
	if (err) {
		refuse(session, link, err, &fault);
		return;
	}
	const struct dispatch_entry *entry = dispatch_find(message.type);
	/* A second hello says nothing new. */
	if (!entry)
		goto done;
	if (entry->permission == PERMIT_LIMITED &&
		!rate_take(&session->request_rate, net_now(), NODE_REQUESTS_PER_MINUTE)) {
		dispatch_error(session, link, request_id_of(&message), "limit",
			"too many requests; slow down");
		goto done;
	}
	entry->handle(session, link, &message);

done:
	message_deinit(&message);
}
