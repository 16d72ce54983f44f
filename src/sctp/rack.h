/* When a packet counts as lost (RFC 8985 section 6, in the manner of RFC 9002 section 6.1): three
 * packets sent later have arrived, or the time has passed in which it should have. A network that
 * is seen to reorder is given more time instead. */
#ifndef SCTP_RACK_H
#define SCTP_RACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "sctp/rto.h"

struct sctp_rack {
	bool reordering;     /* seen: packets are not counted any more */
	unsigned multiplier; /* of a quarter of the smallest round trip; 0 is 1 */
	unsigned patience;   /* losses until the multiplier is forgotten */
};

/* A chunk came that was sent before others that came earlier. */
void sctp_rack_on_reordering(struct sctp_rack *r);
/* What was taken for lost had not been: more time for the next ones. */
void sctp_rack_on_spurious(struct sctp_rack *r);
void sctp_rack_on_loss(struct sctp_rack *r);

/* How much later than the newest packet that arrived a packet may have been sent. */
uint64_t sctp_rack_packets(const struct sctp_rack *r);
/* How old a packet may be while later ones arrive. */
usec sctp_rack_age(const struct sctp_rack *r, const struct sctp_rto *rto);
/* When to send a probe after the last packet was sent (RFC 8985 section 7.2). */
usec sctp_rack_probe_delay(const struct sctp_rto *rto, bool lone_packet);

#endif
