/* UDP sockets on loopback that lose and delay datagrams in both directions, as a seed decides: the
 * weather of a network between two processes of one machine. Not dpc: only a test's. */
#ifndef INTEROP_WEATHER_H
#define INTEROP_WEATHER_H

#include <poll.h>

#include "dpc/peer.h"

#define WEATHER_SOCKETS 2 /* IPv4, IPv6 */
#define WEATHER_DATAGRAM_MAX 65536

struct weather_held {
	bool used;
	int after;     /* it goes when this many others of its direction have gone */
	int64_t until; /* or then at the latest, microseconds */
	struct dpc_path path;
	size_t size;
	char data[WEATHER_DATAGRAM_MAX];
};

enum { WEATHER_IN, WEATHER_OUT, WEATHER_DIRECTIONS };

/* Instead of the sockets: a listener, and whoever connects. What TCP carries arrives, so there is
 * no weather. */
struct weather_tcp {
	bool wanted;
	int listener, connection; /* 0: none yet */
	struct dpc_path path;
	uint8_t in[2 + WEATHER_DATAGRAM_MAX];
	size_t in_size;
};

struct weather {
	struct weather_tcp tcp;
	uint32_t loss, reorder; /* per mille */
	uint32_t seed;
	uint32_t draws;
	uint64_t lost, reordered;
	int sockets[WEATHER_SOCKETS];
	struct dpc_addr addrs[WEATHER_SOCKETS];
	struct weather_held held[WEATHER_DIRECTIONS];
};

/* Opens the sockets, or the listener, and adds them to the peer as host candidates; false: none
 * could be. */
bool weather_open(struct weather *w, struct dpc_peer *peer, int64_t now);
void weather_close(struct weather *w);

/* What to poll for; fds has room for WEATHER_SOCKETS. */
void weather_poll(const struct weather *w, struct pollfd *fds);
/* When a datagram that is held back must go. */
int64_t weather_deadline(const struct weather *w);

/* Gives the peer what has arrived. */
void weather_receive(struct weather *w, struct dpc_peer *peer, int64_t now);
/* Sends what the peer has to send. */
void weather_send(struct weather *w, struct dpc_peer *peer, int64_t now);

#endif
