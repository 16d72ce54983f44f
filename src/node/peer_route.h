/* Which peers a datagram on a path may be for. A path is the local IP and the remote address; the
 * local port is that of the one socket a family has.
 *
 * Usually one peer sends on a path. While a connection to the same node replaces an older one, or
 * both sides have begun one, there are two: they form a chain, the newest first. */
#ifndef NODE_PEER_ROUTE_H
#define NODE_PEER_ROUTE_H

#include "base/addr.h"
#include "base/list.h"
#include "base/map.h"

#define PEER_ROUTE_KEY_SIZE 43

struct peer_route_owner {
	uint64_t serial;    /* grows with each owner: the newest has the greatest */
	struct list routes; /* the one used last at the end */
	size_t count;
	struct peer_route *last; /* the one used last, or NULL */
};

struct peer_route {
	uint8_t key[PEER_ROUTE_KEY_SIZE];
	struct path path;
	struct peer_route_owner *owner;
	struct peer_route *older; /* of the next peer on the same path */
	struct list of_owner;
};

struct peer_route_table {
	struct map map; /* key -> the first of the chain */
	size_t count;   /* routes, also those behind the first */
	struct path last_path;
	struct peer_route *last; /* what last_path leads to; valid if not NULL */
};

void peer_route_table_init(struct peer_route_table *table, struct rng *rng);
/* After all owners were forgotten. Accepts a zeroed table. */
void peer_route_table_deinit(struct peer_route_table *table);

void peer_route_owner_init(struct peer_route_owner *owner, uint64_t serial);

/* The chain of a path, or NULL. Valid until something is learnt or forgotten. */
struct peer_route *peer_route_find(struct peer_route_table *table, const struct path *path);

/* The owner sends on this path. ERR_NOMEM. */
MUST_CHECK enum err peer_route_learn(
	struct peer_route_table *table, struct peer_route_owner *owner, const struct path *path);

void peer_route_forget(struct peer_route_table *table, struct peer_route_owner *owner);

#endif
