/* Who waits for a login on the local API: it hears what it has to show, if anything, as lines of a
 * stream, and then the outcome; without a line before it, that is a plain answer. */
#ifndef NODE_LOGIN_ANSWER_H
#define NODE_LOGIN_ANSWER_H

#include <stdbool.h>

#include <jansson.h>

#include "node/failure.h"

struct web_request;

struct login_answer {
	struct web_request *http; /* NULL: nobody waits */
	bool is_stream;           /* a line was written */
};

/* `gone` hears that whoever waits went away; nobody waits then. */
void login_answer_begin(struct login_answer *answer, struct web_request *http,
	void (*gone)(void *user), void *user);
/* Something to show meanwhile; takes it. */
void login_answer_say(struct login_answer *answer, json_t *line);
/* The outcome, or why there is none; nobody waits any more. Nothing when nobody did. */
void login_answer_done(struct login_answer *answer, json_t *body);
void login_answer_fail(struct login_answer *answer, const struct failure *failure);

#endif
