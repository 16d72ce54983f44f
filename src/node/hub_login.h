/* Logging in at a hub, step by step over its HTTP API: with the refresh token if there is one, else
 * by proving possession of the node key; then the node id is registered. */
#ifndef NODE_HUB_LOGIN_H
#define NODE_HUB_LOGIN_H

#include <stdbool.h>

#include <jansson.h>

#include "base/usec.h"
#include "node/config.h"
#include "node/failure.h"

struct node;
struct http_request;

enum hub_login_step {
	HUB_LOGIN_IDLE,
	HUB_LOGIN_REFRESH,
	HUB_LOGIN_CHALLENGE,
	HUB_LOGIN_KEY,
	HUB_LOGIN_REGISTER_CHALLENGE,
	HUB_LOGIN_REGISTER,
};

struct hub_login {
	struct node *node;
	enum hub_login_step step;
	char url[CONFIG_TEXT_MAX + 1];
	struct http_request *request;
	struct http_request *revoking;
	char revoked_url[CONFIG_TEXT_MAX + 1]; /* of the hub that it asks */
	char *access_token, *refresh_token;
	usec valid_until;
	/* The outcome: code NONE when access_token is good and the node id registered. From the
	 * loop, never from within hub_login_start(). */
	void (*done)(const struct failure *failure, void *user);
	/* What came of hub_login_revoke(), which may be long after another login; code NONE when
	 * the hub has revoked it. */
	void (*revoked)(const struct failure *failure, void *user);
	void *user;
};

void hub_login_init(struct hub_login *login, struct node *node,
	void (*done)(const struct failure *failure, void *user),
	void (*revoked)(const struct failure *failure, void *user), void *user);
void hub_login_deinit(struct hub_login *login);

/* Begins. ERR_MALFORMED (the URL), ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err hub_login_start(struct hub_login *login, const char *url);
/* Goes on with tokens that the hub gave out otherwise, where the key would have got some; `done`
 * may come from within. ERR_MALFORMED (they are none), and those of hub_login_start(). */
MUST_CHECK enum err hub_login_adopt(struct hub_login *login, const char *url, const json_t *tokens);
void hub_login_cancel(struct hub_login *login);

bool hub_login_is_valid(const struct hub_login *login);
/* The access token was not accepted. */
void hub_login_expire(struct hub_login *login);
/* The refresh token of an earlier run. */
void hub_login_recall(struct hub_login *login, const char *refresh_token);
void hub_login_forget(struct hub_login *login);
/* Tells the hub that the tokens are to be revoked, with `all` those of every login of the account,
 * and forgets them. False: the hub could not be asked, and `revoked` does not come. */
bool hub_login_revoke(struct hub_login *login, const char *url, bool all);

#endif
