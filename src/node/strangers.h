/* Strangers: nodes that are no contacts and ask to connect. Each is kept, proved to be who it says
 * but told nothing, until the user answers or it expires. An offer of WebRTC is kept as it came, an
 * incoming TLS connection is kept without reading from it. Both number and rate are bounded. */
#ifndef NODE_STRANGERS_H
#define NODE_STRANGERS_H

#include <jansson.h>

#include "base/list.h"
#include "crypto/node_id.h"
#include "message/limits.h"
#include "net/loop.h"
#include "node/failure.h"
#include "node/limits.h"
#include "node/rate.h"
#include "node/store.h"

struct node;
struct net_tls_conn;

struct stranger {
	struct list node;
	struct node *owner;
	char id[NODE_ID_MAX];
	struct node_pin pin;
	usec since;
	double since_unix;
	struct net_timer timer;
	struct net_tls_conn *conn;                     /* a direct connection, or NULL */
	char address[80];                              /* of it */
	json_t *offer;                                 /* or the payload of an offer */
	json_t *candidates[NODE_EARLY_CANDIDATES_MAX]; /* payloads that followed it */
	size_t candidate_count;
};

struct strangers {
	struct list list; /* oldest first */
	size_t count;
	struct rate rate;
};

void strangers_init(struct strangers *strangers);
void strangers_deinit(struct strangers *strangers);

struct stranger *strangers_find(struct strangers *strangers, const char *node_id);
/* How many ids begin with this text, with or without "dpc-node-"; *ret_stranger is one of them. */
size_t strangers_match(
	struct strangers *strangers, const char *text, struct stranger **ret_stranger);

/* Somebody asks; a former try of the same node is replaced. The connection is taken in any case,
 * the payload is borrowed. */
void strangers_add_connection(struct node *node, const char *node_id, const struct node_pin *pin,
	struct net_tls_conn *conn);
void strangers_add_offer(
	struct node *node, const char *node_id, const struct node_pin *pin, json_t *payload);
void strangers_add_candidate(struct stranger *stranger, json_t *payload);

/* The user accepts: it has become a contact, and its try goes on. The stranger is gone. */
void strangers_accept(struct node *node, struct stranger *stranger);
/* Makes a contact of somebody that the configuration lets in unasked. ERR_LIMIT and others. */
MUST_CHECK enum err strangers_befriend(
	struct node *node, const char *node_id, struct store_contact *ret_contact);
/* Forgets it, closing its connection; `reason` for the event. */
void strangers_drop(struct stranger *stranger, const char *reason);

#endif
