/* What the NATs in front of this machine do, of both address families: asks STUN servers by
 * ice/discovery.h, on sockets of its own, and calls when it is known.
 *
 * All servers of a family are asked once from one port, which tells who answers and whether two of
 * them see the same; then the best of them is asked to test mapping, filter and hairpin, from
 * another port that nobody has answered to yet. With a server that is near and a usual NAT that
 * takes three seconds; it ends by itself, after 18 at the very most. */
#ifndef NODE_NAT_PROBE_H
#define NODE_NAT_PROBE_H

#include "ice/discovery.h"
#include "net/loop.h"

#define NAT_PROBE_SERVERS_MAX 48

struct nat_probe;

struct nat_probe_server {
	struct addr addr;
	struct addr local;  /* where we ask it from; ADDR_NONE: there is no route to it */
	struct addr mapped; /* what it sees; ADDR_NONE: no answer */
	usec round_trip;    /* 0: not known */
	bool has_other;     /* it has a second address to test with */
	bool nonsense;      /* what it sends is no answer */
};

struct nat_probe_result {
	struct addr local, mapped; /* the first that answered; ADDR_NONE: nobody */
	enum discovery_behaviour mapping, filtering;
	bool hairpin_known, hairpin;
};

/* Asks the first NAT_PROBE_SERVERS_MAX of them. `done` comes once, from the loop; anything may be
 * done in it. ERR_NOMEM. */
MUST_CHECK enum err nat_probe_create(struct net_loop *loop, struct rng *rng,
	const struct addr *servers, size_t count, void (*done)(void *user), void *user,
	struct nat_probe **ret_probe);
/* Accepts NULL. */
void nat_probe_destroy(struct nat_probe *probe);

size_t nat_probe_server_count(const struct nat_probe *probe);
/* What is known so far; whole when it is done. */
struct nat_probe_server nat_probe_server(const struct nat_probe *probe, size_t index);
struct nat_probe_result nat_probe_result(const struct nat_probe *probe, enum addr_family family);

#endif
