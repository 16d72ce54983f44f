/* The route of a link in words: which way it goes, and why not a better one, from what is known. */
#ifndef NODE_LINK_ROUTE_H
#define NODE_LINK_ROUTE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/addr.h"
#include "ice/discovery.h"
#include "message/turn_uri.h"
#include "node/store.h"

struct link_route_facts {
	bool tls;   /* a direct TLS link: nothing below `remote` matters */
	bool known; /* there is a path at all */
	struct addr remote;
	const char *local_type, *remote_type; /* "host", "srflx", "prflx", "relay" */
	const struct turn_uri *relay;         /* ours, at which the path begins; or NULL */
	enum store_policy policy;             /* ours for the contact */
	/* As dpc/peer.h has them. */
	bool searching, common_family;
	unsigned own_addresses, peer_addresses;
	bool asks_stun, stun_answers; /* there are STUN servers; one has answered */
	/* How our NAT maps, of the remote address's family (node/nat.h). */
	enum discovery_behaviour nat;
};

#define LINK_ROUTE_TEXT_MAX (TURN_URI_TEXT_MAX + ADDR_TEXT_MAX + 64)

struct link_route {
	bool known, relayed;
	bool relay_of_peer; /* the path begins at none of ours, and ends at a relay */
	enum addr_family family;
	enum discovery_behaviour nat;   /* ours */
	char relay[TURN_URI_TEXT_MAX];  /* our server; "" none, or not known */
	char text[LINK_ROUTE_TEXT_MAX]; /* "direct 192.0.2.7:40122 (srflx, IPv4)"; "" unknown. Of
					   the path alone: another text is another path */
	const char *why;                /* not direct; static; NULL when it is */
};

void link_route_of(const struct link_route_facts *facts, struct link_route *ret_route);

/* The Route of docs/local-api.md; null when it is not known. */
json_t *link_route_describe(const struct link_route *route);

#endif
