/* One question to a hub's HTTP API, and what the kinds of login there have in common: the proof of
 * the node's key, and what to say when the hub refuses. */
#ifndef NODE_HUB_ASK_H
#define NODE_HUB_ASK_H

#include <jansson.h>

#include "base/usec.h"
#include "node/failure.h"
#include "web/http_client.h"

struct node;

struct hub_question {
	const char *method; /* NULL: GET without, POST with a body */
	const char *hub;    /* its URL */
	const char *path;   /* "/login/key" */
	const char *bearer; /* a token, or NULL */
	json_t *body;       /* taken; NULL: none */
	size_t answer_max;  /* 0: NODE_HUB_ANSWER_MAX */
	usec timeout;       /* 0: NODE_HUB_HTTP_TIMEOUT */
};

/* ERR_MALFORMED (the URL), ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err hub_ask(struct node *node, const struct hub_question *question,
	void (*done)(const struct http_answer *answer, void *user), void *user,
	struct http_request **ret_request);

/* The body of a question for a challenge. */
json_t *hub_ask_challenge_body(const struct node *node, const char *purpose);
/* The challenge in the answer, borrowed. ERR_MALFORMED. */
MUST_CHECK enum err hub_ask_challenge_read(const json_t *body, const char **ret_challenge);
/* The signature over it, in base64; NULL when it cannot be made. */
char *hub_ask_prove(
	const struct node *node, const char *hub, const char *purpose, const char *challenge);
/* What proves the node's key in a login: node_id, certificate, challenge, signature. NULL: memory.
 */
json_t *hub_ask_proof(const struct node *node, const char *hub, const char *challenge);

/* Why there is no answer, or what the hub says of its refusal: its own words as far as they fit
 * into half of the text, and the status. */
void hub_ask_reason(const struct http_answer *answer, char *text, size_t size);
/* The same as a failure of a login, for a person. */
void hub_ask_explain(const char *hub, const struct http_answer *answer, struct failure *failure);

#endif
