/* The last words of a closed peer: the datagrams that told the other side, kept to be said again.
 *
 * An ABORT, a SHUTDOWN COMPLETE and DTLS's close_notify are not confirmed by anybody, so one lost
 * datagram would leave the other side waiting until it gives up. They are repeated to the byte, a
 * few times unasked and then whenever the other side shows that it has not heard; DTLS drops what
 * it has seen already, so a repetition does no harm and needs no keys. It ends when the other side
 * says goodbye, or after PEER_LINGER. */
#ifndef PEER_FAREWELL_H
#define PEER_FAREWELL_H

#include "base/bytes.h"
#include "base/usec.h"
#include "peer/limits.h"

struct farewell {
	uint8_t data[PEER_FAREWELL_MAX];
	size_t size;
	bool said;        /* all of it was written once */
	bool done;        /* nothing is left to be said */
	bool due;         /* again, now */
	unsigned count;   /* how often it was said again */
	unsigned unasked; /* of these */
	usec last, next, end;
	usec interval;
};

/* Keeps a datagram that is being written, where it fits. */
void farewell_add(struct farewell *f, struct bytes datagram);
/* All is written. `last_word`: it was ours, so the other side may not know; else there is nothing
 * to repeat. */
void farewell_begin(struct farewell *f, usec now, usec round_trip, bool last_word);
/* The other side has sent something of DTLS (`alert`: that is its goodbye) or a check. */
void farewell_receive(struct farewell *f, usec now, bool alert);
void farewell_advance(struct farewell *f, usec now);
usec farewell_deadline(const struct farewell *f);
/* All of it as one datagram, if it is to be said now; else empty. */
struct bytes farewell_write(struct farewell *f, usec now);

#endif
