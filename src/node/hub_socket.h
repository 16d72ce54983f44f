/* The WebSocket to the hub that carries signals: its frames, and whether it still lives
 * (docs/hub-api.md, WS /ws/signal). One connection after the other; when to make the next is for
 * hub_client. */
#ifndef NODE_HUB_SOCKET_H
#define NODE_HUB_SOCKET_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "crypto/node_id.h"
#include "net/loop.h"

struct node;
struct websocket_client;

/* Why a connection is over. */
struct hub_socket_end {
	bool is_unauthorised; /* the token was not accepted */
	bool is_silent;       /* the hub did not answer any more */
	bool says_when;       /* the hub ends, and said when to come back: after `wait` */
	usec wait;
	const char *reason; /* for a person, borrowed; "" */
};

struct hub_socket {
	struct node *node;
	struct websocket_client *client; /* NULL: none */
	bool is_ready;                   /* the hub has let us in */
	bool pong_due;
	struct net_timer timer;        /* the next ping, or its pong is late */
	char last_target[NODE_ID_MAX]; /* of the last signal that we sent */
	/* The hub has let us in. */
	void (*ready)(void *user);
	/* The connection is gone. From the loop, never from within a call; it may open the next. */
	void (*ended)(const struct hub_socket_end *end, void *user);
	void *user;
};

/* ERR_NOMEM. */
MUST_CHECK enum err hub_socket_init(struct hub_socket *socket, struct node *node,
	void (*ready)(void *user), void (*ended)(const struct hub_socket_end *end, void *user),
	void *user);
/* Accepts a zeroed one. */
void hub_socket_deinit(struct hub_socket *socket);

/* Connects to the hub at `url`. ERR_MALFORMED (the URL), ERR_IO (its authorities), ERR_LIMIT,
 * ERR_NOMEM. */
MUST_CHECK enum err hub_socket_open(
	struct hub_socket *socket, const char *url, const char *access_token);
/* Closes it, without a callback. */
void hub_socket_close(struct hub_socket *socket);
/* Asks whether it lives, and gives the hub little time to answer. */
void hub_socket_check(struct hub_socket *socket);
/* Takes the payload. ERR_STATE before it is ready; ERR_LIMIT, ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err hub_socket_signal(
	struct hub_socket *socket, const char *target, json_t *payload);

/* What the hub's close frame says of when to come back: "… reconnect in N ms", with code 1012. A
 * time that is too long to be believed is cut. */
bool hub_socket_parse_wait(unsigned code, const char *reason, usec *ret_wait);

#endif
