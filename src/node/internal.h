/* What the files of the live node share: the node itself. */
#ifndef NODE_INTERNAL_H
#define NODE_INTERNAL_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/map.h"
#include "crypto/identity.h"
#include "net/loop.h"
#include "net/tls.h"
#include "node/access.h"
#include "node/ai_pool.h"
#include "node/ai_queue.h"
#include "node/config.h"
#include "node/context.h"
#include "node/failure.h"
#include "node/nat.h"
#include "node/peer_io.h"
#include "node/questions.h"
#include "node/rate.h"
#include "node/store.h"
#include "node/strangers.h"
#include "web/http_client.h"
#include "web/web.h"

struct ai_port;
struct files;
struct hub_client;
struct local_api;
struct node_mapping;
struct node_network;
struct node_stun;

struct node_counters {
	uint64_t messages_in, messages_out;
	uint64_t malformed;    /* messages and payloads that could not be read */
	uint64_t unknown_type; /* messages of a type that we do not know */
	uint64_t refused;      /* connections and payloads: wrong identity, no consent, too many */
};

struct node {
	const char *home;
	struct net_loop *loop;
	struct rng rng;
	struct config config;
	struct identity *identity;
	const char *id; /* the identity's */
	char pin[NODE_PIN_TEXT_MAX];
	struct store *store;
	struct access *access;
	struct context *context;
	struct web *web;
	struct http_client *http;
	struct ai_pool *ai; /* NULL: none is wanted */
	struct ai_queue ai_queue;
	struct net_defer ai_next; /* a place in it is free */
	struct net_tls *tls;
	struct net_tls_listener *listeners[CONFIG_LISTEN_MAX];
	size_t listener_count;
	struct peer_io *io;
	struct node_stun *stun; /* stun.c */
	struct node_network *network;
	struct hub_client *hub; /* always there; it may have no URL */
	struct local_api *api;
	struct ai_port *ai_port; /* NULL: there is none */
	struct map sessions;     /* node id -> struct session */
	struct strangers strangers;
	struct questions questions;
	struct files *files;
	struct rate stranger_offers; /* that are looked at */
	struct rate refusals_rate;   /* that are logged and shown */
	struct buffer scratch;       /* of one encoded message, used and left within one function */
	struct node_counters counters;
	struct net_timer quality_timer; /* quality_watch.c */
	struct node_nat nat;
	struct node_mapping *mapping; /* NULL: no router is asked */
	size_t netcheck_count;        /* under way, see NETCHECK_RUNS_MAX */
	size_t link_count, ai_served_count;
	uint64_t serial;   /* of what is made one after the other: links, requests */
	double ping_stamp; /* the last timestamp that a ping carried */
	usec started;
	bool stopping;
	struct net_timer stop_timer;
	int lock; /* descriptor of the lock file */
};

/* A new id for a message, a request or a session: 32 characters of [0-9a-f]; `id` has room for 33.
 */
char *node_new_id(struct node *node, char *id);
/* Seconds since 1970, as messages and events carry it. */
double node_unix_time(void);
/* The same for a ping, by whose timestamp its pong is known: never twice the same. */
double node_next_stamp(struct node *node);

/* Reads the rules and the context again where their files changed. What is wrong with one is logged
 * and shown once; what was in force before it stays so. */
void node_reload_files(struct node *node);

/* Closes every link and stops the loop when they are gone, at the latest after
 * NODE_SHUTDOWN_TIMEOUT. */
void node_stop(struct node *node);
/* A link is gone: perhaps the last one that node_stop() waits for. */
void node_link_gone(struct node *node);

/* The contact of an authenticated key, by either form of its id. ERR_NOT_FOUND. */
MUST_CHECK enum err node_contact_of_pin(
	struct node *node, const struct node_pin *pin, struct store_contact *ret_contact);

#endif
