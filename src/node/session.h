/* A session: what there is between us and one contact, whether a link is up or not. It decides when
 * to connect and how (attempt.h), which of two links survives, sends what waits in the outbox over
 * whatever link there is, and keeps the requests that wait for an answer.
 *
 * Sessions are made when first needed and live until the contact is removed or the node ends. */
#ifndef NODE_SESSION_H
#define NODE_SESSION_H

#include "base/list.h"
#include "node/ai_queue.h"
#include "node/attempt.h"
#include "node/failure.h"
#include "node/limits.h"
#include "node/link.h"
#include "node/rate.h"
#include "node/store.h"

struct node;
struct request;

struct session {
	struct node *node;
	char id[STORE_NODE_ID_MAX + 1];
	char name[STORE_NAME_MAX + 1];
	bool forgotten;       /* the contact was removed: gone with its last link */
	struct list links;    /* of struct link, oldest first */
	struct link *current; /* the one to send over; NULL when none is up */

	struct attempt attempt;
	struct net_timer timer; /* of the attempt */
	struct failure last;    /* why the last attempt or link failed; NONE after a success */

	/* Outgoing chat (session_chat.c): what was sent over the current link and how much of it
	 * has no acknowledgement. */
	int64_t sent_through;
	bool chat_waits; /* the link took no more of the outbox */
	size_t unacknowledged;
	struct net_timer ack_timer;
	usec typing_told; /* when the peer heard last that we are typing; 0: it heard that we are
			     not */

	struct quality *quality; /* of its links in the last hour; NULL: there was none */
	unsigned links_up;       /* so far */

	struct list requests; /* of struct request: ours, waiting for a link or an answer */
	size_t request_count;

	/* What the peer said last of models that we may use (ai_directory.h), and when; how long
	 * its first words take. 0: not known. */
	json_t *ai_models;
	usec ai_models_at, ai_speed;
	struct ai_asker ai_asker; /* the peer, among those who ask */
	struct list ai_served;    /* of struct ai_served (handle_ai.c): the peer's queries */
	size_t ai_served_count;

	struct rate errors_rate, request_rate, offer_rate;
	struct rate complaints_rate; /* errors that they report */
	struct rate changes_rate;    /* edits and deletions of their messages */
	struct rate marks_rate;      /* what they have read, and that they are typing */
	struct rate question_rate;   /* questions to the user */
};

/* The session of a contact, made if need be. ERR_NOT_FOUND (no such contact), ERR_LIMIT, ERR_NOMEM,
 * or an error of the store. */
MUST_CHECK enum err session_get(
	struct node *node, const char *node_id, struct session **ret_session);
/* One that exists, or NULL. */
struct session *session_find(struct node *node, const char *node_id);
/* The contact as the store has it now. */
MUST_CHECK enum err session_contact(struct session *session, struct store_contact *ret_contact);
void session_rename(struct session *session, const char *name);

/* At the start: sessions for contacts that were connected or have messages waiting. */
void session_resume_all(struct node *node);
/* Tries to connect now; an attempt of the same kind that is under way goes on. Fails at once, with
 * session->last telling why, when nothing can be tried. */
void session_connect(struct session *session, enum via via);
/* Makes sure that what waits for a link gets one: connects unless that is under way. */
void session_need_link(struct session *session);
/* By the user's wish: closes links gracefully and stops trying. */
void session_disconnect(struct session *session);
/* The hub is connected: those that wait for it try again soon. */
void session_hub_ready(struct node *node);
/* The link that is up does not carry anything any more: makes another one, and keeps it until that
 * is up. */
void session_replace_link(struct session *session);
/* The contact was removed: says goodbye, and ends the session when its links are closed. */
void session_forget(struct session *session);
/* A link was destroyed: if the session is forgotten and this was the last, so is the session. */
void session_link_gone(struct session *session);
/* Destroys every link, tells waiting requests, frees. */
void session_destroy(struct session *session);

/* "connected", "reconnecting" (the link is up and silent), "connecting", "away". */
const char *session_state_name(const struct session *session);
/* Whether a link is up that satisfies `via`. */
bool session_is_connected(const struct session *session, enum via via);

/* ---- Told by links ---- */

void session_link_up(struct session *session, struct link *link);
/* The first message of the peer came on a link that was up before. */
void session_link_heard(struct session *session, struct link *link);
/* It never came up. */
void session_link_failed(struct session *session, struct link *link, const struct failure *failure);
/* It was up. */
void session_link_lost(struct session *session, struct link *link, const struct failure *failure);
/* The other side said that it disconnects by its user's wish. */
void session_peer_left(struct session *session);

/* ---- Outgoing chat (session_chat.c) ---- */

/* Sends what waits, as far as window and link allow. */
void session_chat_flush(struct session *session);
/* A new link, or none: everything unacknowledged will be sent again. */
void session_chat_restart(struct session *session);
void session_chat_acknowledged(struct session *session, const char *id);
/* One of our messages was deleted and is waited for no more; it is as it was before. */
void session_chat_withdrawn(struct session *session, const struct store_message *message);
/* Whether the error answers a change in the outbox, which is given up then. */
bool session_chat_refused(struct session *session, const struct message_error *error);
/* Where the configuration says so, and to peers that know it. */
void session_chat_tell_read(struct session *session);
void session_chat_tell_typing(struct session *session, bool active);
void session_chat_timeout(void *user);

#endif
