/* A virtual network between two ends: datagrams are delayed, lost, doubled, overtaken, corrupted,
 * cut short, swallowed by a silence, squeezed through a rate and turned away by a NAT, as one seed
 * decides. */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdio.h>

#include "base/addr.h"
#include "base/list.h"
#include "base/rng.h"
#include "base/usec.h"

#define NETWORK_INTERFACES 2 /* of an end: IPv4, IPv6 */

#define NETWORK_SILENCES 2

/* What a socket holds for an end that does not take it: the default of Linux. */
#define NETWORK_SOCKET_BUFFER ((size_t)212992)

/* Nothing comes through in the directions whose bit is set, by the end that sends. */
struct silence {
	usec from, to;
	unsigned directions;
};

struct network_profile {
	usec delay[2]; /* by the end that sends */
	usec jitter;
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm, corrupt_ppm, truncate_ppm;
	usec reorder_delay;
	usec handshake_delay; /* that the handshake of DTLS has beyond it, at most */
	size_t mtu;           /* bytes of UDP payload; larger datagrams vanish */
	size_t mtu_then;      /* from mtu_changes on; 0: no change */
	usec mtu_changes;
	uint64_t rate;    /* bytes per second; 0: without limit */
	size_t queue_max; /* bytes that wait for the rate; more are dropped */
	struct silence silences[NETWORK_SILENCES];
};

struct network_end {
	struct addr host[NETWORK_INTERFACES];   /* ADDR_NONE: no such interface */
	struct addr public[NETWORK_INTERFACES]; /* of the NAT, or ADDR_NONE without one */
	bool nat_open[NETWORK_INTERFACES];      /* this end has sent to the other through it */
	usec rate_free;                         /* when the outgoing link is idle again, */
	uint64_t rate_rest;                     /* and what is left of a microsecond, in 1 / rate */
	/* Of the datagrams that went through the queue of that link: how long they waited. */
	uint64_t queued;
	usec queue_time, queue_time_max;
	uint64_t sent, lost;
	size_t waiting; /* bytes in its socket's buffer */
};

struct network_packet {
	struct list list;
	usec arrival;
	uint64_t order;
	int to; /* end */
	struct path path;
	bool waited; /* in the socket's buffer */
	size_t size;
	uint8_t data[];
};

struct network {
	struct network_profile profile;
	struct network_end ends[2];
	struct network *bottleneck; /* whose rate and queue this one shares; NULL: its own */
	struct rng rng;
	/* By the end they go to, each sorted by arrival: in one direction a datagram mostly arrives
	 * last, so that its place is found at once however many are on their way. */
	struct list in_flight[2];
	uint64_t order;
	size_t memory, memory_max; /* of what is on its way: bytes now, and at most so far */
	uint64_t trace;            /* hash over all that was sent, and when */
	bool corrupting;           /* not STUN alone */
	FILE *log;                 /* every datagram is said there, or NULL */
	usec log_start;            /* the zero of its times */
	char log_name;             /* which of a world's connections it is */
};

void network_init(struct network *net, const struct network_profile *profile, struct rng rng);
void network_deinit(struct network *net);

/* Takes a datagram that `end` sends on `path`. */
void network_send(
	struct network *net, usec now, int end, const struct path *path, struct bytes datagram);

usec network_deadline(const struct network *net);
/* The next datagram that has arrived by `now`, for network_free(), or NULL. */
struct network_packet *network_receive(struct network *net, usec now);
void network_free(struct network *net, struct network_packet *packet);

/* Gives a datagram back that its end does not take before `until`: it waits in the socket's buffer,
 * or is dropped when that is full. */
void network_postpone(struct network *net, struct network_packet *packet, usec until);

/* The NAT of an end forgets its bindings, and makes new ones on other ports. */
void network_rebind(struct network *net, int end);

/* A datagram that neither end has sent arrives. */
void network_inject(
	struct network *net, usec now, int to, const struct path *path, struct bytes datagram);

#endif
