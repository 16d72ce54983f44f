/* Connections over a link of a given rate, delay and loss, in virtual time: end 0 sends bulk data
 * as fast as the connection takes it, in messages of 16 KiB with less than 1 MiB buffered, and
 * perhaps chats on a channel of its own, which end 1 echoes. Everything follows from the seed.
 *
 * The bottleneck of each direction has a tail-drop queue of one bandwidth-delay product, and random
 * loss comes after it, in both directions. A datagram counts there with its UDP payload. */
#ifndef BENCH_SIM_LINK_H
#define BENCH_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "dpc/peer.h"

#define LINK_MESSAGE_SIZE 16384
#define LINK_BUFFERED_MAX ((size_t)1024 * 1024)
#define LINK_FLOWS_MAX 2
/* Round trips kept of a run: some ten a second. */
#define LINK_CHATS_MAX 4096

struct link_profile {
	const char *name;
	uint64_t rate; /* bits a second */
	usec round_trip;
	uint32_t loss_ppm, reorder_ppm;
	usec reorder_delay;
	bool chat;
};

/* How the peers of a flow are configured. */
struct link_contender {
	const char *name;
	enum dpc_congestion congestion;
	uint32_t receive_window; /* bytes; 0: the default of the peer */
};

struct link_run {
	struct link_profile profile;
	size_t flows; /* that share the link */
	struct link_contender contenders[LINK_FLOWS_MAX];
	uint64_t seed;
	usec warm_up, duration; /* what is measured begins after the first and ends after both */
};

struct link_result {
	uint64_t message_bytes[LINK_FLOWS_MAX]; /* of bulk, received within the time */
	uint64_t datagram_bytes;                /* that came through the link with them */
	uint64_t retransmissions;
	uint64_t lost; /* datagrams of the bulk's direction, by chance and in the queue */
	double queue_ms, queue_ms_max; /* that they waited in the queue: the mean, and at most */
	uint64_t trace;                /* hash over all that was sent, and when */
	usec chats[LINK_CHATS_MAX];    /* round trips */
	size_t chat_count;
};

/* Ends the process with a line on stderr when a connection breaks. */
void link_measure(const struct link_run *run, struct link_result *ret_result);

#endif
