/* The state of a peer_io, shared by peer_io.c (sockets, peers, draining), peer_tcp.c (connections),
 * peer_gather.c (host and reflexive addresses), peer_relay.c (relayed ones) and peer_names.c (those
 * that peers hide). */
#ifndef NODE_PEER_IO_INTERNAL_H
#define NODE_PEER_IO_INTERNAL_H

#include "net/limits.h"
#include "net/mdns.h"
#include "net/mdns_message.h"
#include "net/udp.h"
#include "node/peer_io.h"
#include "node/peer_route.h"
#include "node/peer_tcp.h"
#include "node/relay.h"
#include "peer/reflexive.h"

struct peer_io_socket {
	struct peer_io *io;
	struct net_udp *udp; /* NULL: the family is not there */
};

struct peer_gather {
	struct addr hosts[NET_IFACE_ADDRS_MAX]; /* port 0 */
	size_t host_count;
	usec hosts_at;                              /* when they were looked up; 0: never */
	struct network_addrs told;                  /* those that the last change was told with */
	uint32_t mtu;                               /* the largest of their interfaces */
	struct addr stun[PEER_IO_STUN_SERVERS_MAX]; /* all that we were given */
	size_t stun_count;
	struct reflexive
		servers[PEER_IO_STUN_SERVERS_MAX]; /* those of them that there is a way to */
	size_t server_count;
	usec asked_at;                   /* when all were asked out of turn; 0: never */
	struct net_timer timer;          /* the next STUN request */
	struct addr reflexive[2];        /* as last told, IPv4 and IPv6 */
	struct addr mapped, mapped_base; /* see peer_io_set_mapped(); ADDR_NONE: nowhere */
};

/* Our ICE user names are shorter. */
#define PEER_IO_NAME_MAX 31

struct peer_io_relay {
	struct list node; /* in io->retired, if it is */
	struct peer_io *io;
	bool from_hub, retired;
	/* Over TCP or TLS: UDP to the same server goes first until then; 0: nobody needs it. */
	usec held_until;
	bool released;       /* it has its turn, for as long as somebody needs a relay */
	struct addr told[2]; /* the addresses that peers were given; ADDR_NONE: none */
	struct relay *relay;
};

struct peer_io {
	struct net_loop *loop;
	struct peer_io_config config;
	struct dpc_peer_budget *budget;
	struct rng rng;
	struct peer_io_socket sockets[2]; /* IPv4, IPv6 */
	struct map users;                 /* ICE user name -> peer, two during a restart */
	size_t peer_count;
	struct peer_route_table routes;
	struct list peers;     /* all, but: */
	struct list lingering; /* those without an owner, the oldest first */
	size_t lingering_count;
	struct list dirty;      /* those with something to do */
	struct net_defer defer; /* drains the dirty ones */
	struct peer_gather gather;
	struct peer_tcp tcp;
	struct peer_io_relay *relays[PEER_IO_RELAYS_MAX];
	size_t relay_count;
	struct list retired; /* relays that are there for the links that use them alone */
	size_t retired_count;
	size_t relay_needs;           /* peers that need one */
	struct net_timer relay_timer; /* the end of a head start */
	uint64_t serial;
	struct net_mdns *mdns; /* NULL: no name was asked for yet */
	uint64_t names_asked, names_answered, names_unanswered;
	uint64_t unknown_in, lost_out;
	bool draining, ending;
	uint8_t buffer[DPC_WRITE_BEST];
};

struct peer_io_peer {
	struct peer_io *io;
	struct dpc_peer *dpc;
	/* Its names in the map: the present one, and that of before a restart; "": none. */
	char names[2][PEER_IO_NAME_MAX + 1];
	struct list node, dirty_node;
	struct peer_route_owner route;
	struct net_timer timer;
	bool with_host, with_reflexive, with_relayed;
	bool needs_relay;
	bool dials;   /* has active TCP candidates, as the other side has passive ones */
	bool is_full; /* a TCP connection of it takes no more for now */
	struct list tcp_conns;
	size_t tcp_count;
	usec gather_until; /* the end of candidates is still to be said, then; 0: it was said */
	struct list asked; /* names that were asked for, see peer_names.c */
	size_t names_asked;
	bool in_event, destroyed, lingering;
	void (*on_event)(struct peer_io_peer *peer, const struct dpc_event *event, void *user);
	void *user_data;
};

/* The socket of a family, or NULL. */
struct net_udp *peer_io_udp(const struct peer_io *io, enum addr_family family);

/* A datagram that came on a path, whatever brought it. The owner of the loop drains afterwards. */
void peer_io_receive(struct peer_io *io, const struct path *path, struct bytes datagram, usec now);

/* A datagram for this peer; it is drained like any other then. */
void peer_io_give(
	struct peer_io_peer *peer, const struct path *path, struct bytes datagram, usec now);
/* As peer_io_kick(), also for a peer whose owner has left it. */
void peer_io_touch(struct peer_io_peer *peer);

/* Whether the peer looks for a path, so that more addresses are of use to it. */
bool peer_io_is_gathering(const struct peer_io_peer *peer);

MUST_CHECK enum err peer_gather_init(struct peer_io *io);
void peer_gather_deinit(struct peer_io *io);
/* The largest UDP payload that an interface of ours carries, 0 when that is not known. */
uint32_t peer_gather_mtu(struct peer_io *io, usec now);
/* Looks the local addresses up now. */
void peer_gather_refresh(struct peer_io *io, usec now);
/* One of them, with the port of our socket, is new to a peer, or gone. */
void peer_gather_add_host(struct peer_io_peer *peer, struct addr addr, usec now);
void peer_gather_remove_host(struct peer_io_peer *peer, struct addr addr, usec now);
/* Asks every STUN server now, from the address that we send to it from now; at most once in
 * PEER_IO_ASK_INTERVAL unless the addresses changed. */
void peer_gather_ask(struct peer_io *io, usec now, bool changed);
/* Gives a peer that is new, or restarts, what is known. */
void peer_gather_begin(struct peer_io_peer *peer, usec now);
/* The other side can be dialled: now there is a use for addresses to dial from. */
void peer_gather_dial(struct peer_io_peer *peer, usec now);
/* Time has passed. */
void peer_gather_advance(struct peer_io_peer *peer, usec now);
/* Whether the datagram was an answer to one of our queries. */
bool peer_gather_receive(
	struct peer_io *io, const struct path *path, struct bytes datagram, usec now);

MUST_CHECK enum err peer_relay_init(struct peer_io *io);
/* Whether the path begins at a relay of ours: then the flight has gone there. */
bool peer_relay_send(
	struct peer_io *io, const struct path *path, struct bytes flight, size_t segment);
/* Gives a new peer the relayed addresses that there are, and makes those that there are not. */
void peer_relay_begin(struct peer_io_peer *peer, usec now);
/* Its state or its path changed. */
void peer_relay_update(struct peer_io_peer *peer);
/* Nothing comes on the peer's path, or the network changed: are the relays still there? */
void peer_relay_check(struct peer_io *io);
void peer_relay_network_changed(struct peer_io *io);
void peer_relay_end(struct peer_io_peer *peer);
/* Whether an allocation is under way. */
bool peer_relay_is_pending(const struct peer_io *io);
void peer_relay_deinit(struct peer_io *io);

/* Nobody waits for the answers any more. */
void peer_names_end(struct peer_io_peer *peer);

#endif
