/* What a check of the network has found, as plain data: netcheck.c fills it in, netcheck_verdict.c
 * says what it means, netcheck_report.c writes it down. */
#ifndef NODE_NETCHECK_FACTS_H
#define NODE_NETCHECK_FACTS_H

#include "base/addr.h"
#include "message/turn_uri.h"
#include "net/gateway.h"
#include "node/config.h"
#include "node/limits.h"
#include "node/nat_probe.h"

enum netcheck_state {
	NETCHECK_SILENT,   /* nothing came back in time */
	NETCHECK_OK,       /* it answers, and does what it is for */
	NETCHECK_NO_NAME,  /* its name has no address, or nobody says which */
	NETCHECK_NO_ROUTE, /* this machine has no way to such an address */
	NETCHECK_REFUSED,  /* it answers, and refuses */
	NETCHECK_WRONG,    /* something answers that is not what it should be */
	NETCHECK_FAILED,   /* anything else; `error` says what */
};

const char *netcheck_state_name(enum netcheck_state state);

struct netcheck_stun {
	char name[CONFIG_HOST_MAX + 8]; /* "host:port", as it was given */
	enum netcheck_state state;
	struct nat_probe_server answer; /* of the first of its addresses that answers */
};

struct netcheck_relay {
	struct turn_uri server;
	bool from_hub;
	enum netcheck_state state;
	usec setup_time;
	struct addr address; /* the relayed one; ADDR_NONE: none */
	char error[NETCHECK_ERROR_MAX];
};

/* Outgoing TCP to one port, at whichever of the servers answers best. */
struct netcheck_port {
	uint16_t port;
	size_t asked; /* addresses */
	enum netcheck_state state;
	struct addr at; /* who answered; ADDR_NONE: nobody */
};

struct netcheck_hub {
	char url[CONFIG_TEXT_MAX + 1]; /* "": there is none */
	enum netcheck_state state;
	usec round_trip;
	bool captive; /* something on the way answers in its place */
	char error[NETCHECK_ERROR_MAX];
};

struct netcheck_router {
	bool is_asked;                  /* unless it is switched off */
	enum gateway_protocol protocol; /* GATEWAY_NONE: it maps no ports */
	struct addr external;           /* its own address, as it says; ADDR_NONE: unknown */
};

struct netcheck_facts {
	bool has_ipv4, has_ipv6;        /* addresses beyond loopback and link-local */
	struct nat_probe_result nat[2]; /* IPv4, IPv6 */
	struct netcheck_stun stun[NETCHECK_STUN_MAX];
	size_t stun_count;
	struct netcheck_relay relays[NETCHECK_RELAYS_MAX];
	size_t relay_count;
	struct netcheck_port ports[NETCHECK_PORTS];
	struct netcheck_hub hub;
	struct netcheck_router router;
	bool is_node_running; /* a hub names its relays to a running node only */
	bool dns_is_dead;     /* names were asked for, and none was found */
	usec took;
};

#endif
