/* Where the WebRTC stack meets the sockets: drives any number of dpc_peers over one UDP socket an
 * address family, and over TCP connections where UDP is blocked.
 *
 * A STUN request finds its peer by its user name (dpc_peer_peek_user()); everything else by its
 * path, that is local IP and remote address, which is learnt from what a peer sends: a peer answers
 * only whom it has authenticated. What is left may be an answer to our own STUN queries, or is
 * counted and dropped. Each peer's deadline sits in one heap behind one timer. After a batch of
 * input every peer touched is drained: output first, then events.
 *
 * Whoever calls a dpc_peer_ function that takes a time says peer_io_kick() afterwards. */
#ifndef NODE_PEER_IO_H
#define NODE_PEER_IO_H

#include "base/addr.h"
#include "base/rng.h"
#include "dpc/peer.h"
#include "net/limits.h"
#include "net/loop.h"
#include "node/network_change.h"
#include "node/relay.h"

/* Peers at once, unless the configuration says less. */
#define PEER_IO_PEERS_MAX 10000
/* Paths remembered of one peer, more than ICE checks; the one not sent on for longest makes room.
 */
#define PEER_IO_ROUTES_PER_PEER_MAX 128
/* Peers on the same path at once, as when a new connection to a node replaces an old one; the
 * oldest makes room. */
#define PEER_IO_PEERS_PER_ROUTE_MAX 4
/* How long a peer waits with the end of its candidates for a STUN server's first answer, or for a
 * relay. */
#define PEER_IO_GATHER_TIME (1 * USEC_PER_SEC)
/* Deadlines that are at least so far away may be late by up to the grid. */
#define PEER_IO_COALESCE_BEYOND (2 * USEC_PER_SEC)
#define PEER_IO_COALESCE_GRID (50 * USEC_PER_MS)
/* How long the list of local addresses is believed. */
#define PEER_IO_HOSTS_AGE_MAX (5 * USEC_PER_SEC)
/* STUN servers asked for our reflexive address, of both families together. */
#define PEER_IO_STUN_SERVERS_MAX 8
/* Between two questions to all of them that are asked out of turn, as when a path falls silent. */
#define PEER_IO_ASK_INTERVAL (1 * USEC_PER_SEC)
/* Relays: the transports of a server or two. */
#define PEER_IO_RELAYS_MAX 8
/* Relays that the hub does not name any more and that links still use; beyond, the oldest goes. */
#define PEER_IO_RETIRED_RELAYS_MAX 8

/* Names behind which one peer hides its addresses that the local network is asked for; and the
 * longest candidate with one. */
#define PEER_IO_NAMES_MAX 8
#define PEER_IO_CANDIDATE_MAX 512

/* Closed peers that were destroyed and stay behind for a while to repeat their last words; of more,
 * the oldest go. */
#define PEER_IO_LINGERING_MAX 256

/* Over TCP. Who has connected and not yet proved that one of our peers expects him: at once, of one
 * IPv4 address or IPv6 /64 network (then the newest is refused; of all, the oldest makes room), and
 * for how long. */
#define PEER_IO_TCP_STRANGERS_MAX 256
#define PEER_IO_TCP_STRANGERS_PER_PLACE_MAX 16
#define PEER_IO_TCP_STRANGER_TIME (5 * USEC_PER_SEC)
/* Connections of one peer: the one that nothing has gone over for longest makes room. */
#define PEER_IO_TCP_PER_PEER_MAX 16
/* One that nothing goes over is closed: that of the path in use has checks every few seconds. */
#define PEER_IO_TCP_IDLE (60 * USEC_PER_SEC)
/* How long sent bytes may stay unacknowledged. */
#define PEER_IO_TCP_PATIENCE (10 * USEC_PER_SEC)
/* Bytes kept for a connection that is being made: a check. */
#define PEER_IO_TCP_HELD_MAX 2048
/* With more waiting for the kernel, the peer waits too, unless that has lasted so long without any
 * change. */
#define PEER_IO_TCP_QUEUE_HIGH (64 * 1024)
#define PEER_IO_TCP_STUCK (1 * USEC_PER_SEC)
/* How often such a peer is looked at. */
#define PEER_IO_TCP_RETRY (20 * USEC_PER_MS)
/* Addresses of this machine that are offered over TCP. */
#define PEER_IO_TCP_HOSTS_MAX 8

/* What all peers together have received and not handed out, or not got confirmed yet (see
 * dpc_peer_budget_create()). */
#define PEER_IO_MEMORY_MAX ((size_t)512 * 1024 * 1024)

struct peer_io;
struct peer_io_peer;

struct peer_io_config {
	/* Where to bind, port 0 for any; ADDR_NONE leaves the family out. */
	struct addr local4, local6;
	size_t peers_max;   /* 0: PEER_IO_PEERS_MAX, which is the most */
	size_t memory_max;  /* bytes; 0: PEER_IO_MEMORY_MAX */
	bool loopback;      /* offer 127.0.0.1 and ::1 as host candidates too */
	bool tcp;           /* over TCP too, with a listener beside each UDP socket */
	bool search_mtu;    /* peers search their paths for what the interfaces carry */
	unsigned udp_avoid; /* enum net_udp_avoid, for tests */
	/* Our reflexive address of this family is new or has changed. NULL: not wanted. */
	void (*on_reflexive)(const struct addr *reflexive, void *user);
	void *user;
};

struct peer_io_stats {
	uint64_t datagrams_in, datagrams_out, bytes_in, bytes_out;
	uint64_t calls_in, calls_out; /* system calls that did it */
	uint64_t unknown_in;          /* for no peer, and no answer to a STUN query: dropped */
	uint64_t lost_out;            /* the kernel refused them */
	uint64_t overflowed;          /* lost since our receive buffer was full */
	/* Names of peers that the local network was asked for, see PEER_IO_NAMES_MAX. */
	uint64_t names_asked, names_answered, names_unanswered;
	uint64_t tcp_refused; /* TCP connections of nobody's that were closed */
	size_t tcp_strangers; /* see PEER_IO_TCP_STRANGERS_MAX */
	size_t peers, routes;
	size_t lingering; /* see PEER_IO_LINGERING_MAX */
	size_t memory;    /* bytes; see PEER_IO_MEMORY_MAX */
};

/* Both families may be asked for; ERR_UNSUPPORTED only when neither works. ERR_ADDRESS_IN_USE and
 * the other errors of net_udp_create(). */
MUST_CHECK enum err peer_io_create(
	struct net_loop *loop, const struct peer_io_config *config, struct peer_io **ret_io);
/* Destroys the peers still in it. Accepts NULL. */
void peer_io_destroy(struct peer_io *io);

/* The bound address of a family, with its port; NULL when that family is not there. */
const struct addr *peer_io_local(const struct peer_io *io, enum addr_family family);

/* Where TCP is listened on; NULL: not. */
const struct addr *peer_io_local_tcp(const struct peer_io *io, enum addr_family family);

/* Asks these servers, in the background and again and again, what they see of us; replaces the
 * former ones; what those that stay have said holds. ERR_LIMIT. */
MUST_CHECK enum err peer_io_set_stun_servers(
	struct peer_io *io, const struct addr *servers, size_t count);
/* Where the router lets everybody in to our port; base is our address towards it. NULL: nowhere.
 * One more reflexive candidate of peers that connect from now on, or are about to. */
void peer_io_set_mapped(struct peer_io *io, const struct addr *base, const struct addr *mapped);
/* What they said last; NULL while it is unknown. */
const struct addr *peer_io_reflexive(const struct peer_io *io, enum addr_family family);

struct peer_io_relay_config {
	struct turn_uri server;
	const char *username, *password; /* copied */
	const char *authorities;         /* see struct relay_config; copied */
};

/* One more relay for the peers that want one. It is asked for an address when such a peer begins to
 * connect, and given it back when none needs it any more. ERR_LIMIT (PEER_IO_RELAYS_MAX),
 * ERR_NOMEM. */
MUST_CHECK enum err peer_io_add_relay(
	struct peer_io *io, const struct peer_io_relay_config *config);
/* The relays that the hub names, behind those that were added; replaces the former ones. One that
 * is named again gets the new credentials and keeps its allocation, and one that is not goes when
 * no link uses it any more. Not in a callback of a relay. ERR_LIMIT: those beyond
 * PEER_IO_RELAYS_MAX are left out. ERR_NOMEM. */
MUST_CHECK enum err peer_io_set_hub_relays(
	struct peer_io *io, const struct peer_io_relay_config *configs, size_t count);
size_t peer_io_relay_count(const struct peer_io *io);
const struct relay *peer_io_relay(const struct peer_io *io, size_t index);
bool peer_io_relay_is_from_hub(const struct peer_io *io, size_t index);

struct peer_io_peer_config {
	struct dpc_peer_config peer;
	/* Candidates to add: now, and while it connects when we learn of more. */
	bool with_host, with_reflexive, with_relayed;
	/* An event; borrowed. Anything may be done with the peer in it, peer_io_peer_destroy()
	 * included. Kicking is implied. */
	void (*on_event)(struct peer_io_peer *peer, const struct dpc_event *event, void *user);
	void *user;
};

/* ERR_LIMIT (peers_max), ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err peer_io_peer_create(struct peer_io *io,
	const struct peer_io_peer_config *config, struct peer_io_peer **ret_peer);
/* Sends what is ready to go first, so an abort gets out; of a closed peer the last words are
 * repeated for a while behind the scenes, until they are heard. The owner hears no more. Accepts
 * NULL. */
void peer_io_peer_destroy(struct peer_io_peer *peer);

/* The peer itself, for all of dpc/peer.h but create, destroy, receive, advance, write and
 * next_event. */
struct dpc_peer *peer_io_peer_dpc(struct peer_io_peer *peer);
/* A candidate that the other side has signalled. One that hides its address behind a name of
 * multicast DNS, as browsers do, is added when the local network tells it, if the peer may show
 * host candidates itself; all others as by dpc_peer_add_remote_candidate(). */
enum dpc_err peer_io_add_remote_candidate(struct peer_io_peer *peer, const char *text, size_t size);
/* The same for those in a description that was set. */
void peer_io_ask_names(struct peer_io_peer *peer, const char *sdp);
/* It was given something to do: output and events follow before the loop waits again. */
void peer_io_kick(struct peer_io_peer *peer);

/* Our relay that its path begins at; NULL: at none. Borrowed until the loop goes on. */
const struct turn_uri *peer_io_peer_relay(const struct peer_io_peer *peer);

/* Whether there are STUN servers at all. */
bool peer_io_asks_stun(const struct peer_io *io);

/* ---- The network changes (peer_network.c) ---- */

/* The network of this machine may be another one than when we were created or last asked: every
 * peer loses the addresses that are gone and gets those that are new, servers are asked anew what
 * they see of us, and relays whether they still know us. What is to be done about the paths is for
 * the owners of the peers to decide. */
void peer_io_network_changed(struct peer_io *io, struct network_change *ret_change);

/* ICE restart of a connected peer: dpc_peer_restart_ice() with all addresses that there are now,
 * and more as they become known. DPC_ERR_EXISTS never comes; the others are those of that. */
enum dpc_err peer_io_peer_restart(struct peer_io_peer *peer);
/* The other side has restarted, and its description was taken: the addresses for our answer. */
void peer_io_peer_restarted(struct peer_io_peer *peer);

void peer_io_stats(const struct peer_io *io, struct peer_io_stats *ret_stats);

#endif
