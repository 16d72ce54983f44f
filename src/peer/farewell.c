#include "peer/farewell.h"

void farewell_add(struct farewell *f, struct bytes datagram)
{
	/* RFC 6347 section 4.1.1: "Multiple DTLS records may be placed in a single datagram." */
	if (f->said || datagram.size > sizeof f->data - f->size)
		return;
	memcpy(f->data + f->size, datagram.data, datagram.size);
	f->size += datagram.size;
}

void farewell_begin(struct farewell *f, usec now, usec round_trip, bool last_word)
{
	if (f->said)
		return;
	f->said = true;
	f->done = f->size == 0 || !last_word;
	f->interval = usec_max(2 * usec_min(round_trip, USEC_PER_SEC), PEER_FAREWELL_INTERVAL_MIN);
	f->last = now;
	f->next = now + f->interval;
	f->end = now + PEER_LINGER;
}

void farewell_receive(struct farewell *f, usec now, bool alert)
{
	if (!f->said || f->done)
		return;
	if (alert)
		f->done = true;
	else if (f->count < PEER_FAREWELL_REPEATS_MAX && now - f->last >= f->interval / 2)
		f->due = true;
}

void farewell_advance(struct farewell *f, usec now)
{
	if (!f->said || f->done)
		return;
	if (now >= f->end) {
		f->done = true;
	} else if (now >= f->next && f->unasked < PEER_FAREWELL_UNASKED) {
		f->unasked++;
		f->due = true;
		f->next = now + (f->interval << f->unasked);
	}
}

usec farewell_deadline(const struct farewell *f)
{
	if (!f->said || f->done)
		return USEC_NEVER;
	return f->unasked < PEER_FAREWELL_UNASKED ? usec_min(f->next, f->end) : f->end;
}

struct bytes farewell_write(struct farewell *f, usec now)
{
	if (!f->due || f->done)
		return (struct bytes){0};
	f->due = false;
	f->count++;
	f->last = now;
	return bytes_of(f->data, f->size);
}
