/* Tells when the network of this machine changes: an address, a route, or an interface comes or
 * goes.
 *
 * The kernel says so at once, on a netlink socket (RTNETLINK). Where that is not to be had, in some
 * sandboxes, the list of addresses is looked at every NET_IFACE_POLL instead, and what changes
 * without changing an address is not seen. One change makes many messages: they are told together,
 * NET_IFACE_SETTLE after the first. */
#ifndef NET_IFACE_WATCH_H
#define NET_IFACE_WATCH_H

#include "net/loop.h"

struct net_iface_watch;

struct net_iface_watch_config {
	bool loopback;   /* of the list that is polled */
	usec poll_every; /* not 0: without netlink, for tests */
	void (*changed)(void *user);
	void *user;
};

/* ERR_NOMEM. */
MUST_CHECK enum err net_iface_watch_create(struct net_loop *loop,
	const struct net_iface_watch_config *config, struct net_iface_watch **ret_watch);
/* Accepts NULL. */
void net_iface_watch_destroy(struct net_iface_watch *watch);
/* Whether the kernel tells; else the list is polled. */
bool net_iface_watch_is_told(const struct net_iface_watch *watch);

#endif
