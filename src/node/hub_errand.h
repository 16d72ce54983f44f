/* Questions of the user's to the hub's HTTP API, about profiles and the directory, for which the
 * node has the token. What the hub answers is passed on as it is: its errors have the form of ours.
 * One that came while the token was over waits for the next. */
#ifndef NODE_HUB_ERRAND_H
#define NODE_HUB_ERRAND_H

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"
#include "node/failure.h"

struct hub_login;
struct node;
struct web_request;

struct hub_errands {
	struct node *node;
	struct hub_login *login;
	const char *hub; /* its URL, borrowed */
	struct list list;
	size_t count;
	/* One that waits needs another token: hub_errands_go() or hub_errands_fail() follows, now
	 * or later. */
	void (*need_token)(void *user);
	void *user;
};

struct hub_errand {
	const char *method;       /* static */
	const char *path;         /* with its query; copied */
	json_t *body;             /* taken; NULL: none */
	bool is_empty_if_missing; /* 404 is an empty object */
};

void hub_errands_init(struct hub_errands *errands, struct node *node, struct hub_login *login,
	const char *hub, void (*need_token)(void *user), void *user);
/* Nobody is answered any more. */
void hub_errands_deinit(struct hub_errands *errands);

/* Asks, and answers `http` when the hub has answered, or cannot be asked. */
void hub_errands_add(
	struct hub_errands *errands, const struct hub_errand *errand, struct web_request *http);
/* Sends what waits, if the token is good. */
void hub_errands_go(struct hub_errands *errands);
/* Answers those that wait: there is no token to be had. */
void hub_errands_fail(struct hub_errands *errands, const struct failure *failure);

#endif
