/* What to do with a message of a peer: a static table of type, permission and handler. Sizes are
 * limited by type in the codec (message/message.h). What cannot be read, or is of a type that we do
 * not know, is counted and answered with `error`, at a bounded rate; no link is dropped for it. */
#ifndef NODE_DISPATCH_H
#define NODE_DISPATCH_H

#include "base/bytes.h"
#include "message/message.h"

struct session;
struct link;

enum dispatch_permission {
	PERMIT_CONTACT, /* whoever has a link may */
	PERMIT_LIMITED, /* and not more often than NODE_REQUESTS_PER_MINUTE */
};

struct dispatch_entry {
	enum dispatch_permission permission;
	void (*handle)(struct session *session, struct link *link, const struct message *message);
};

/* NULL: a type that is not expected here. */
const struct dispatch_entry *dispatch_find(enum message_type type);

void dispatch_message(struct session *session, struct link *link, struct bytes text);

/* Answers with `error`, unless too many were sent already. `request_id` may be NULL. */
void dispatch_error(struct session *session, struct link *link, const char *request_id,
	const char *code, const char *text);

/* ---- handle_*.c ---- */

void handle_chat(struct session *session, struct link *link, const struct message *message);
void handle_chat_ack(struct session *session, struct link *link, const struct message *message);
void handle_chat_edit(struct session *session, struct link *link, const struct message *message);
void handle_chat_delete(struct session *session, struct link *link, const struct message *message);
void handle_chat_read(struct session *session, struct link *link, const struct message *message);
void handle_typing(struct session *session, struct link *link, const struct message *message);
void handle_request_context(
	struct session *session, struct link *link, const struct message *message);
void handle_context_response(
	struct session *session, struct link *link, const struct message *message);
void handle_ai_query(struct session *session, struct link *link, const struct message *message);
void handle_ai_response(struct session *session, struct link *link, const struct message *message);
void handle_ai_cancel(struct session *session, struct link *link, const struct message *message);
void handle_ai_models(struct session *session, struct link *link, const struct message *message);
void handle_file_offer(struct session *session, struct link *link, const struct message *message);
void handle_file_accept(struct session *session, struct link *link, const struct message *message);
void handle_file_more(struct session *session, struct link *link, const struct message *message);
void handle_file_reject(struct session *session, struct link *link, const struct message *message);
void handle_file_done(struct session *session, struct link *link, const struct message *message);
void handle_file_cancel(struct session *session, struct link *link, const struct message *message);
void handle_ping(struct session *session, struct link *link, const struct message *message);
void handle_pong(struct session *session, struct link *link, const struct message *message);
void handle_signal(struct session *session, struct link *link, const struct message *message);
void handle_error(struct session *session, struct link *link, const struct message *message);

struct question;
/* The user has decided: the answer goes out. False: it cannot. */
bool handle_context_answered(struct session *session, const struct question *question);
/* The same for a model: what waits for the answer begins or is refused. True when anything did; the
 * question is gone after a yes that was used. */
bool handle_ai_answered(struct session *session, struct question *question);

/* A place in the queue of AI queries is free; `user` is the node. */
void handle_ai_next(void *user);
/* A link is gone: stops the work on what came over it. */
void handle_ai_link_gone(struct session *session, const struct link *link);
/* The session ends. */
void handle_ai_stop_all(struct session *session);
/* The link takes more: answers that waited go on. */
void handle_ai_writable(struct session *session, const struct link *link);

#endif
