/* How fast data arrives at the peer, seen from SACKs (after draft-ietf-ccwg-bbr section 4.1):
 * between the sending of a chunk and its acknowledgement so many bytes were delivered. The slower
 * of sending and acknowledging counts, so that SACKs that come in a heap do not look like a fast
 * network. */
#ifndef SCTP_DELIVERY_H
#define SCTP_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct sctp_delivery {
	uint64_t delivered, lost; /* bytes, ever */
	usec delivered_at;
	usec first_sent;      /* when the chunk was sent that was delivered last */
	uint64_t app_limited; /* until so much is delivered, the sender had no more to send; or 0 */
};

/* What was known when a chunk was sent. */
struct sctp_delivery_mark {
	uint64_t delivered, lost;
	uint32_t delivered_age, sent_age; /* us back to delivered_at and first_sent, saturated */
	uint32_t in_flight;               /* bytes, it included */
	bool app_limited;
};

/* Of one SACK, by the chunk sent last among those that it newly acknowledges. */
struct sctp_delivery_sample {
	bool valid;
	bool app_limited;
	uint64_t delivered;       /* bytes ever, now */
	uint64_t prior_delivered; /* and when the chunk was sent */
	uint64_t rate;            /* bytes per second; 0: too short to tell */
	size_t in_flight;         /* bytes, when the chunk was sent */
	size_t lost;              /* bytes found lost since */
};

/* A chunk is sent; `in_flight` counts it. */
struct sctp_delivery_mark sctp_delivery_on_send(
	struct sctp_delivery *r, usec now, size_t size, size_t in_flight);

/* Nothing waits to be sent although there is room in the windows: until what is in flight has
 * arrived, rates tell about the application and not about the network. */
void sctp_delivery_limit(struct sctp_delivery *r, size_t in_flight);

static inline void sctp_delivery_on_delivered(struct sctp_delivery *r, usec now, size_t size)
{
	r->delivered += size;
	r->delivered_at = now;
}

/* After all chunks of a SACK: `sent` and `mark` are those of the chunk sent last. A rate over less
 * than the smallest round trip is none. */
struct sctp_delivery_sample sctp_delivery_take(struct sctp_delivery *r, usec now, usec sent,
	const struct sctp_delivery_mark *mark, usec min_round_trip);

#endif
