/* Ports that the home router lets in for us: asked for, kept, and given back.
 *
 * The libraries that ask wait, so they run in libuv's thread pool (gateway.h), one job at a time;
 * everything here is in the loop's thread. A mapping is believed for as long as the router said and
 * no longer, and is renewed after half of it. What a router says that makes no sense is refused
 * with a reason: see net_portmap_judge(). */
#ifndef NET_PORTMAP_H
#define NET_PORTMAP_H

#include "base/rng.h"
#include "net/gateway.h"
#include "net/loop.h"

struct net_portmap;

struct net_portmap_port {
	bool is_tcp;
	uint16_t port; /* of ours */
};

struct net_portmap_config {
	struct rng *rng; /* borrowed for the object's life */
	/* Borrowed for the object's life; at most NET_PORTMAP_PORTS_MAX; none: only asks. */
	const struct net_portmap_port *ports;
	size_t count;
	/* What the following say has changed. */
	void (*changed)(void *user);
	void *user;
};

/* Begins at once. ERR_LIMIT (ports), ERR_NOMEM. */
MUST_CHECK enum err net_portmap_create(struct net_loop *loop,
	const struct net_portmap_config *config, struct net_portmap **ret_portmap);
/* Another network, another router: what the former one said is forgotten, and the one that is there
 * now is asked at once. */
void net_portmap_network_changed(struct net_portmap *portmap);
/* Gives the ports back, then calls; soon, but a router that is gone takes a second. */
void net_portmap_stop(struct net_portmap *portmap, void (*stopped)(void *user), void *user);
/* Without giving anything back. Accepts NULL. */
void net_portmap_destroy(struct net_portmap *portmap);

/* The first answer has come, or it is known that none comes. */
bool net_portmap_is_known(const struct net_portmap *portmap);
enum gateway_protocol net_portmap_protocol(const struct net_portmap *portmap);
const char *gateway_protocol_name(enum gateway_protocol protocol); /* "NAT-PMP", "UPnP", "none" */
/* Where the internet reaches the port with this index; NULL: it is not mapped. */
const struct addr *net_portmap_external(const struct net_portmap *portmap, size_t index);
/* The router's own address, as it says; ADDR_NONE while it is unknown. */
struct addr net_portmap_router(const struct net_portmap *portmap);
/* Our address towards the router; ADDR_NONE while there is none. */
struct addr net_portmap_internal(const struct net_portmap *portmap);
/* Why something is not mapped; "": nothing is wrong. */
const char *net_portmap_reason(const struct net_portmap *portmap);

/* Whether one port of a job that is done may be believed, and for how long from its beginning;
 * 0: no, and why, into NET_PORTMAP_REASON_MAX characters. */
usec net_portmap_judge(const struct gateway_job *job, size_t index, char *reason);
/* Whether the router keeps a port for us after this job. */
bool net_portmap_holds(const struct gateway_job *job);

#endif
