/* HyStart++ (RFC 9406): slow start ends when round trips grow, before the queue overflows. */
#ifndef SCTP_HYSTART_H
#define SCTP_HYSTART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"

struct sctp_hystart {
	usec last_min, min; /* of the round before and of this one; 0: none */
	unsigned samples;   /* of this round */
	usec baseline;      /* the minimum when conservative slow start began; 0: it has not */
	unsigned rounds;    /* of conservative slow start */
};

/* A measurement of this round; 0 is none. */
void sctp_hystart_on_round_trip(struct sctp_hystart *h, usec round_trip);
/* A round trip is over; true when slow start is as well. */
bool sctp_hystart_end_round(struct sctp_hystart *h);

/* How much slower than in slow start the window grows now. */
static inline unsigned sctp_hystart_divisor(const struct sctp_hystart *h)
{
	/* RFC 9406 section 4.3: CSS_GROWTH_DIVISOR */
	return h->baseline ? 4 : 1;
}

#endif
