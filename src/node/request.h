/* A request that is answered later: it waits for a link, then for the peer. It lives in its
 * session, and owns the HTTP request of a local program that it will answer, or has a reader. */
#ifndef NODE_REQUEST_H
#define NODE_REQUEST_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/list.h"
#include "node/attempt.h"
#include "node/failure.h"
#include "node/session.h"

struct web_request;

enum request_kind {
	REQUEST_CONNECT,
	REQUEST_DELIVERY, /* of a chat message, whose id it has */
	REQUEST_PING,
	REQUEST_CONTEXT,
	REQUEST_AI,
	REQUEST_MODELS,
};

/* Who gets the answer where it is no program at the local API. The request is gone when one of
 * these is called, but for a line that is not the last. They may do with any request what they
 * like. */
struct request_reader {
	void (*reply)(json_t *body, void *user); /* taken */
	void (*fail)(const struct failure *failure, void *user);
	/* AI: borrowed. NULL where there are no lines. */
	void (*line)(const json_t *line, bool last, void *user);
};

struct request {
	struct list node;
	enum request_kind kind;
	struct session *session;
	char id[STORE_MESSAGE_ID_MAX + 1]; /* of the request, or of the chat message */
	enum via via;                      /* CONNECT: what satisfies it */
	struct buffer message;             /* encoded; goes out when there is a link */
	double stamp;                      /* PING: the timestamp in it */
	struct link *link;                 /* that it was sent over; NULL: not yet */
	usec sent_at;
	struct net_timer timer;
	struct web_request *http; /* NULL: it has a reader */
	const struct request_reader *reader;
	void *user;            /* of the reader */
	bool *gone;            /* set when it is freed while its reader hears a line */
	struct request **slot; /* where the reader keeps it; NULL when it is gone */
	bool streaming;        /* AI: the first line has been written */
	bool owner_is_asked;   /* AI: and nothing of the answer has come */
	usec timeout;          /* as it was given */
	usec consent;          /* CONTEXT: how long the peer's user may be waited for */
	json_t *so_far;        /* CONTEXT: what came while he is asked, or NULL */
};

/* Begins to wait; it answers `http` by itself in any case, and the session is asked to connect
 * unless it is. `message` is encoded (NULL: nothing to send). */
void request_start(struct session *session, enum request_kind kind, const char *id, enum via via,
	const struct message *message, unsigned timeout_ms, struct web_request *http);

/* The same for a reader, which may hear the end before this returns. *slot, which stays where it
 * is, holds the request until it is gone, and NULL afterwards. */
void request_start_for(struct session *session, enum request_kind kind, const char *id,
	const struct message *message, unsigned timeout_ms, const struct request_reader *reader,
	void *user, struct request **slot);
/* Gives it up without a word to its reader; the peer is told. Accepts NULL. */
void request_cancel(struct request *request);

/* The one of this kind and id, or NULL. */
struct request *request_find(struct session *session, enum request_kind kind, const char *id);

/* Answers; the request is gone afterwards. `body` is taken. */
void request_reply(struct request *request, int status, json_t *body);
void request_fail(struct request *request, const struct failure *failure);
/* CONTEXT: how long to wait for the peer's user, if he has to be asked; 0: not at all. Nothing
 * happens when there is no such request. */
void request_wait_for_consent(struct session *session, const char *id, unsigned wait_ms);
/* CONTEXT: the peer's user is asked. `body`, taken, is what there is so far, and the answer when
 * nobody waits for the rest, or it does not come. */
void request_pending(struct request *request, json_t *body);
/* DELIVERY: the message is delivered, or will not be in time; answers with the message as it is. */
void request_delivered(struct request *request);
/* AI: a line of the stream, taken; `last` ends it. False: the reader does not keep up, and the
 * request is gone. */
bool request_stream(struct request *request, json_t *line, bool last);

/* AI: the peer's owner is asked whether we may, and has so long to decide; that comes on top of the
 * time that the answer may take. A line says so, once. False as of request_stream(). */
bool request_owner_asked(struct request *request, unsigned seconds);

/* A link is up: sends what waits and answers those that only waited for it. */
void requests_link_up(struct session *session);
/* A round failed; no link is coming now. Those that need one fail, except deliveries. */
void requests_round_failed(struct session *session, const struct failure *failure);
/* A link is gone: what was sent over it is sent again over another, or fails. */
void requests_link_gone(struct session *session, struct link *link);
/* All of them, when the session ends. */
void requests_fail_all(struct session *session, const struct failure *failure);

#endif
