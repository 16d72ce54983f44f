/* Questions to the user: what a peer asks for and the rules answer with "ask", which is fields of
 * the context or an AI model. The peer hears at once that the user is asked, and gets an answer
 * when he has decided or the time is over, which is a no. The decision holds for the rest of the
 * question's time, so that who lost the link and asks again needs no second one, and who was
 * refused does not ask in vain; only a remembered one (access_remember()) holds longer. A yes to a
 * model is for what waits for it, or for the next query where the link was lost meanwhile. Number
 * and rate are bounded, for each peer and in all. */
#ifndef NODE_QUESTIONS_H
#define NODE_QUESTIONS_H

#include <jansson.h>

#include "base/list.h"
#include "message/message.h"
#include "net/loop.h"
#include "node/context.h"
#include "node/limits.h"

struct node;
struct session;

enum question_state {
	QUESTION_WAITS,
	QUESTION_ALLOWED,
	QUESTION_DENIED,
};

struct question {
	struct list node;
	struct node *owner;
	uint64_t id;
	enum question_state state;
	char peer[STORE_NODE_ID_MAX + 1];
	char model[MESSAGE_MODEL_MAX + 1];   /* AI: which one; "": it is about the context */
	char request_id[MESSAGE_ID_MAX + 1]; /* context: the last with which it was asked */
	char *keys[CONTEXT_KEYS_MAX];        /* all that the peer asked for */
	bool asks[CONTEXT_KEYS_MAX];         /* those that the user is asked about */
	size_t key_count;
	double since_unix;
	usec expires;
	struct net_timer timer;
};

struct questions {
	struct list list; /* oldest first */
	size_t count;
	uint64_t serial;
};

void questions_init(struct questions *questions);
void questions_deinit(struct questions *questions);

/* The same that this peer asked before, key by key, or NULL. */
struct question *questions_find_same(
	struct session *session, const struct message_request_context *asked);
/* About the peer's use of this model, or NULL. */
struct question *questions_find_model(struct session *session, const char *model);
/* By the number that the user sees; NULL: none that waits. */
struct question *questions_find(struct questions *questions, const char *id);
/* A new one. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err questions_add(struct session *session,
	const struct message_request_context *asked, const struct context_selection *selection,
	struct question **ret_question);

MUST_CHECK enum err questions_add_model(
	struct session *session, const char *model, struct question **ret_question);

/* The peer asked the same again: that is what will be answered. */
void question_renew(struct question *question, const char *request_id);

/* The user has decided, or the time is over (`by` is for the event): the peer gets its answer. True
 * when it could be sent. */
bool question_answer(struct question *question, bool allow, const char *by);
/* The peer does not want to know any more. */
void question_withdraw(struct question *question);
/* An answer was for one time, which was now. */
void question_use_up(struct question *question);
/* What a peer asked is nobody's business any more. */
void questions_drop_peer(struct questions *questions, const char *peer);

/* The keys of the context that the user is asked about; borrowed. */
size_t question_keys(const struct question *question, const char *ret_keys[CONTEXT_KEYS_MAX]);
/* The paths that a rule for the answer is about; returns their number. */
size_t question_paths(
	const struct question *question, char ret_paths[CONTEXT_KEYS_MAX][ACCESS_PATH_MAX + 1]);
/* For how long the user may still answer. */
unsigned question_seconds_left(const struct question *question);
/* The number as the user sees it. */
struct question_text {
	char text[24];
};
struct question_text question_id(const struct question *question);
json_t *question_describe(const struct question *question);

#endif
