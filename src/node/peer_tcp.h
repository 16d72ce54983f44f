/* The TCP connections of a peer_io's peers; between its files. */
#ifndef NODE_PEER_TCP_H
#define NODE_PEER_TCP_H

#include "base/buffer.h"
#include "base/list.h"
#include "net/loop.h"
#include "node/peer_io.h"

struct net_stream_listener;

struct peer_tcp {
	struct net_stream_listener *listeners[2]; /* IPv4, IPv6; NULL: none */
	struct list strangers;                    /* the oldest first */
	size_t stranger_count;
	struct list all;
	struct net_timer timer;
	usec sweep_at;        /* when idle connections are looked for */
	struct buffer framed; /* a flight on its way to a stream */
	uint64_t refused;     /* connections that were closed as those of strangers */
};

MUST_CHECK enum err peer_tcp_init(struct peer_io *io);
/* When the UDP sockets are there. A machine that cannot listen still dials. */
void peer_tcp_listen(struct peer_io *io);
/* After the peers. */
void peer_tcp_deinit(struct peer_io *io);

void peer_tcp_begin(struct peer_io_peer *peer);
void peer_tcp_end(struct peer_io_peer *peer);
/* The first of these addresses of this machine, as candidates. */
void peer_tcp_add_hosts(
	struct peer_io_peer *peer, const struct addr *hosts, size_t count, usec now);

/* Over the path's connection, which is dialled when it is not there and ours to dial. What cannot
 * be sent is lost. */
void peer_tcp_send(struct peer_io_peer *peer, const struct path *path, struct bytes flight,
	size_t segment, usec now);
/* Whether a connection of the peer has as much as it can take for now. */
bool peer_tcp_is_full(struct peer_io_peer *peer, usec now);

#endif
