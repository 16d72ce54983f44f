/* What the files of a check of the network share. */
#ifndef NODE_NETCHECK_INTERNAL_H
#define NODE_NETCHECK_INTERNAL_H

#include "node/netcheck.h"
#include "net/loop.h"
#include "net/portmap.h"
#include "net/resolve.h"
#include "net/stream.h"
#include "node/relay.h"
#include "web/http_client.h"

/* Every server may have a name of its own, and the hub. */
#define NETCHECK_HOSTS_MAX (NETCHECK_STUN_MAX + NETCHECK_RELAYS_MAX + 1)

struct netcheck_host {
	struct netcheck *check;
	char name[CONFIG_HOST_MAX + 1];
	struct net_resolve *resolve; /* NULL: it is known, or nobody waits for it any more */
	struct addr addrs[2];        /* the first IPv4 and the first IPv6 one; ADDR_NONE: none */
};

struct netcheck_try {
	struct netcheck *check;
	size_t index; /* of the relay or port in the facts */
	struct addr addr;
	bool settled;
	char username[NODE_HUB_TURN_TEXT_MAX + CONFIG_TEXT_MAX + 1];
	char password[NODE_HUB_TURN_TEXT_MAX + CONFIG_TEXT_MAX + 1];
	struct relay *relay;
	struct net_stream *stream;
};

enum netcheck_phase {
	NETCHECK_NAMES,
	NETCHECK_SERVERS,
	NETCHECK_DONE,
};

struct netcheck {
	struct netcheck_config config;
	char authorities[CONFIG_TEXT_MAX + 1];     /* of the relays */
	char hub_authorities[CONFIG_TEXT_MAX + 1]; /* of the hub */
	enum netcheck_phase phase;
	usec began_at;
	struct net_timer timer;
	struct net_defer settle; /* looks whether the phase is over */

	struct netcheck_host hosts[NETCHECK_HOSTS_MAX];
	size_t host_count;
	size_t stun_host[NETCHECK_STUN_MAX], relay_host[NETCHECK_RELAYS_MAX];
	uint16_t stun_port[NETCHECK_STUN_MAX];

	struct nat_probe *probe;
	bool probe_done;
	struct netcheck_try relays[NETCHECK_RELAYS_MAX];
	struct netcheck_try ports[NETCHECK_PORTS * NETCHECK_PORT_SERVERS_MAX];
	size_t port_try_count;
	struct net_portmap *router;
	struct http_request *hub_request, *plain_request;
	usec hub_asked_at;

	struct netcheck_facts facts;
};

/* The index of the host; one that is there already is not looked up twice. */
size_t netcheck_add_host(struct netcheck *check, const char *name);

/* netcheck_servers.c: relays and ports, once the names are known. */
void netcheck_start_relays(struct netcheck *check);
void netcheck_start_ports(struct netcheck *check);
/* Whether they all have come to something; those that have are let go. */
bool netcheck_settle_servers(struct netcheck *check);
/* Lets all of them go. */
void netcheck_stop_servers(struct netcheck *check);

/* netcheck_router.c: whether the router would map ports; none is. */
void netcheck_start_router(struct netcheck *check);
bool netcheck_is_router_settled(const struct netcheck *check);
void netcheck_stop_router(struct netcheck *check);

/* netcheck_hub.c */
void netcheck_start_hub(struct netcheck *check);
bool netcheck_is_hub_settled(const struct netcheck *check);
void netcheck_stop_hub(struct netcheck *check);

#endif
