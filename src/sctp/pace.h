/* Pacing (RFC 9002 section 7.7): a credit that grows with the rate and is spent by packets, so that
 * a window is spread over its round trip. Once the credit is used up, the next packets wait until a
 * millisecond's worth can leave together: no more wake-ups than that, and long flights where the
 * rate is high. */
#ifndef SCTP_PACE_H
#define SCTP_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct sctp_pace {
	uint64_t credit; /* bytes */
	uint64_t rest;   /* of a byte, in millionths */
	usec at;         /* when the credit was counted */
	bool waiting;
};

/* Whether a packet may leave now. `rate` is in bytes per second, 0: without pacing. */
bool sctp_pace_allows(struct sctp_pace *p, usec now, uint64_t rate, size_t mtu);
void sctp_pace_on_send(struct sctp_pace *p, size_t size);
/* When to ask again, after sctp_pace_allows() has said no. */
usec sctp_pace_deadline(const struct sctp_pace *p, uint64_t rate, size_t mtu);

#endif
