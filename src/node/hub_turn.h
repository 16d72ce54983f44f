/* The relays of the hub: asks it for credentials (GET /turn-credentials of docs/hub-api.md), gives
 * them to peer_io, and asks for others before they end. Those that there are stay in use while the
 * hub is away. */
#ifndef NODE_HUB_TURN_H
#define NODE_HUB_TURN_H

#include <jansson.h>
#include <stdbool.h>

#include "base/usec.h"
#include "node/fault.h"

struct node;
struct http_request;

struct hub_turn {
	struct node *node;
	struct http_request *request;
	usec expires_at; /* of the credentials; 0: there are none */
	usec due_at; /* when others are to be asked for; USEC_NEVER: not before the next login */
	unsigned failures;
	bool is_first;        /* the last answer brought relays where there were none */
	struct fault problem; /* why there are none, or no new ones; "": there is no problem */
	/* The answer is there, good or bad, and due_at may have changed. From the loop, never from
	 * within hub_turn_ask(). `unauthorised`: the access token was not accepted. */
	void (*done)(bool unauthorised, void *user);
	void *user;
};

void hub_turn_init(struct hub_turn *turn, struct node *node,
	void (*done)(bool unauthorised, void *user), void *user);
/* The relays stay. */
void hub_turn_deinit(struct hub_turn *turn);

/* Asks, in place of what is being asked. Failures to do so are in `problem`, and tried again. */
void hub_turn_ask(struct hub_turn *turn, const char *url, const char *access_token);
/* No answer is wanted any more. */
void hub_turn_cancel(struct hub_turn *turn);
bool hub_turn_is_asking(const struct hub_turn *turn);
/* There was no token to ask with: later again. */
void hub_turn_failed(struct hub_turn *turn, const char *reason);
/* Takes the relays of this hub out of use. */
void hub_turn_forget(struct hub_turn *turn);

json_t *hub_turn_describe(const struct hub_turn *turn);

#endif
