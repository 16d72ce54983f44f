/* Asks the local network for the addresses behind the names of browsers (net/mdns_message.h), by
 * multicast DNS over IPv4. There is a socket while something is asked, and only then.
 *
 * What is heard comes from the link: the socket is bound to the group's address, which no router
 * passes on. Nothing is answered and nothing is kept. */
#ifndef NET_MDNS_H
#define NET_MDNS_H

#include "base/addr.h"
#include "base/bytes.h"
#include "net/loop.h"

struct net_mdns;
struct net_mdns_query;

/* `loopback`: only where nobody but this machine hears it, else everywhere else. ERR_NOMEM. */
MUST_CHECK enum err net_mdns_create(
	struct net_loop *loop, bool loopback, struct net_mdns **ret_mdns);
/* Every query is over or cancelled. Accepts NULL. */
void net_mdns_destroy(struct net_mdns *mdns);

/* Asks for a name. `done` is called once, from the loop: with the first address that is told (port
 * 0, borrowed), or with NULL when nobody has answered within NET_MDNS_TIMEOUT; the query is gone
 * then. Not to be destroyed in it. ERR_UNSUPPORTED: another form of name; ERR_LIMIT
 * (NET_MDNS_QUERIES_MAX), ERR_UNREACHABLE: no network to ask, ERR_ADDRESS_IN_USE, ERR_IO,
 * ERR_NOMEM. */
MUST_CHECK enum err net_mdns_ask(struct net_mdns *mdns, struct bytes name,
	void (*done)(const struct addr *addr, void *user), void *user,
	struct net_mdns_query **ret_query);
/* Accepts NULL. */
void net_mdns_cancel(struct net_mdns_query *query);

#endif
