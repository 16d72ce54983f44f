#include "sctp/window.h"

#include "base/bytes.h"

void sctp_window_init(struct sctp_window *w, size_t size, size_t max)
{
	*w = (struct sctp_window){.size = size, .max = max_size(size, max)};
}

void sctp_window_update(struct sctp_window *w, usec now, usec round_trip)
{
	if (!sctp_window_can_grow(w))
		return;
	if (w->round_at > 0 && now - w->round_at < round_trip)
		return;
	uint64_t taken = w->taken - w->round_taken;
	/* A window that is half used is a window that limits the next round trip, in which a sender
	 * in slow start doubles what it sends. After a pause what was taken says nothing. */
	if (w->round_at > 0 && now - w->round_at < 2 * round_trip && 2 * taken > w->size)
		w->size = (size_t)(2 * taken < w->max ? 2 * taken : w->max);
	w->round_at = now;
	w->round_taken = w->taken;
}
