/* A connection over a link of a given rate, delay and loss, in virtual time: end 0 sends bulk data
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

#define LINK_MESSAGE_SIZE 16384
#define LINK_BUFFERED_MAX ((size_t)1024 * 1024)
/* Round trips kept of a run; a chat has about ten a second. */
#define LINK_CHATS_MAX 100000

struct link_profile {
	const char *name;
	uint64_t rate; /* bits a second */
	usec round_trip;
	uint32_t loss_ppm;
	bool chat;
};

struct link_run {
	const struct link_profile *profile;
	uint32_t receive_window; /* bytes; 0: the default of the peer */
	uint64_t seed;
	usec warm_up, duration; /* what is measured begins after the first and ends after both */
};

struct link_result {
	uint64_t message_bytes;  /* of bulk, received within the time */
	uint64_t datagram_bytes; /* that came through the link with them */
	uint64_t retransmissions;
	uint64_t lost;  /* datagrams of the bulk's direction, by chance and in the queue */
	uint64_t trace; /* hash over all that was sent, and when */
	usec *chats;    /* round trips; for the caller to free() */
	size_t chat_count;
};

/* Ends the process with a line on stderr when the connection breaks. */
struct link_result link_measure(const struct link_run *run);

#endif
