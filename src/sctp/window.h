/* How much the peer may send ahead: grows while the application takes what comes within a round
 * trip, so that the window is never what limits a connection, and a peer that is not read from does
 * not get more memory. */
#ifndef SCTP_WINDOW_H
#define SCTP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct sctp_window {
	size_t size, max;     /* bytes; equal: fixed */
	uint64_t taken;       /* bytes that the application has taken, ever */
	uint64_t round_taken; /* and when the round began */
	usec round_at;        /* 0: none has begun */
};

void sctp_window_init(struct sctp_window *w, size_t size, size_t max);

static inline bool sctp_window_can_grow(const struct sctp_window *w)
{
	return w->size < w->max;
}

/* The application has taken a message. */
static inline void sctp_window_take(struct sctp_window *w, size_t size)
{
	w->taken += size;
}

/* Data has arrived. */
void sctp_window_update(struct sctp_window *w, usec now, usec round_trip);

#endif
