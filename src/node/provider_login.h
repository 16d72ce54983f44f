/* Logging in at a hub with an identity provider, as far as the tokens: in the person's browser,
 * which comes back to a port of ours on loopback with a code (RFC 8252), or by a code that the
 * person types into a page of the hub on any machine (RFC 8628). The node proves its key either
 * way. */
#ifndef NODE_PROVIDER_LOGIN_H
#define NODE_PROVIDER_LOGIN_H

#include <jansson.h>

#include "node/failure.h"

struct node;
struct provider_login;

struct provider_login_wish {
	const char *hub;      /* its URL */
	const char *provider; /* the browser is to log in with it; NULL: by a code */
	/* What the person has to see: {"url"} or {"device"}; takes it. */
	void (*say)(json_t *line, void *user);
	/* The outcome, once, and the login may be destroyed in it: the hub's tokens (borrowed), or
	 * NULL and why there are none. */
	void (*done)(const json_t *tokens, const struct failure *failure, void *user);
	void *user;
};

/* Copies the texts. Both callbacks come from the loop. ERR_MALFORMED (the URL), ERR_LIMIT,
 * ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err provider_login_create(struct node *node, const struct provider_login_wish *wish,
	struct provider_login **ret_login);
/* Stops everything; nothing is called any more. Accepts NULL. */
void provider_login_destroy(struct provider_login *login);

#endif
