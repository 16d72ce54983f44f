/* Our side of the hub: login with the node key, tokens and their renewal, registration of the node
 * id, and the WebSocket that carries signals, which comes back by itself (docs/hub-api.md).
 *
 * It logs in only when the user once asked for it (`dpc login`); that is remembered with the
 * refresh token in the store's settings. */
#ifndef NODE_HUB_CLIENT_H
#define NODE_HUB_CLIENT_H

#include <stdbool.h>

#include <jansson.h>

#include "node/failure.h"
#include "node/hub_errand.h"

struct config;
struct node;
struct store;
struct web_request;
struct hub_client;

enum hub_state {
	HUB_NONE,       /* no URL */
	HUB_LOGIN,      /* the user has not logged in */
	HUB_CONNECTING, /* logging in, registering, opening the socket */
	HUB_CONNECTED,
	HUB_WAITING, /* until the next try */
};

MUST_CHECK enum err hub_client_create(struct node *node, struct hub_client **ret_hub);
/* Accepts NULL. */
void hub_client_destroy(struct hub_client *hub);

/* Connects if the user is logged in. */
void hub_client_start(struct hub_client *hub);

enum hub_state hub_client_state(const struct hub_client *hub);
/* Why nothing can be signalled now. */
void hub_client_failure(const struct hub_client *hub, struct failure *ret_failure);
/* "" when there is none. */
const char *hub_client_url(const struct hub_client *hub);
json_t *hub_client_describe(const struct hub_client *hub);
/* Its relays' credentials: {"expires_in_seconds","error"}. */
json_t *hub_client_describe_turn(const struct hub_client *hub);

/* Logs in at `url` (NULL: the known one) and answers the request when connected, or with the
 * reason. */
void hub_client_login(struct hub_client *hub, const char *url, struct web_request *http);
/* The same with an identity provider in the person's browser, or, when that is NULL, by a code that
 * the person enters on a page of the hub. The answer is a stream: what the person has to see, and
 * then the outcome. */
void hub_client_login_provided(
	struct hub_client *hub, const char *url, const char *provider, struct web_request *http);
/* With `all`, every login of the account ends, and the answer waits for the hub. */
void hub_client_logout(struct hub_client *hub, bool all, struct web_request *http);

/* Asks the hub for the user, and answers when it has answered, or why it cannot be asked. */
void hub_client_errand(
	struct hub_client *hub, const struct hub_errand *errand, struct web_request *http);

/* There is a reason to believe that the network is not what it was: a link has fallen silent. A
 * connection is asked whether it lives, and a wait is cut short. */
void hub_client_check(struct hub_client *hub);
/* The addresses of this machine are others, or its routes; `lost`: one that was is no more. */
void hub_client_network_changed(struct hub_client *hub, bool lost);

/* Sends a payload to a node; takes it. ERR_STATE: not connected; ERR_LIMIT, ERR_TOO_LARGE,
 * ERR_NOMEM. */
MUST_CHECK enum err hub_client_signal(struct hub_client *hub, const char *target, json_t *payload);

#endif
