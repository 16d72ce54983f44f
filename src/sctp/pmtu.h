/* Path MTU discovery (RFC 8899, as its section 6.2.3 and RFC 8261 section 5 want it for SCTP over
 * DTLS): how large packets may be. Sizes are those of whole SCTP packets.
 *
 * It starts at `base`, which every path is taken to carry, and looks for more with probes: a
 * HEARTBEAT in a packet padded to the size in question (RFC 4820). A lost probe is not a sign of
 * congestion. Only the size of packets is searched for, never that of chunks: a chunk keeps to what
 * fits `base` (see sctp_pmtu_fragment_room()), since what has a TSN cannot be cut again when the
 * path turns out to be narrower. ICMP is not listened to, anybody can forge it. */
#ifndef SCTP_PMTU_H
#define SCTP_PMTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

struct sctp_pmtu {
	size_t base, max;  /* where the search begins and ends; equal: there is none */
	size_t size;       /* what is sent now, at most */
	size_t failed;     /* the smallest size found not to arrive; 0: none */
	size_t target;     /* the size to probe; 0: the search is complete */
	unsigned attempts; /* probes of that size that were lost */
	uint64_t nonce;    /* of the probe under way; 0: none is */
	usec probe_sent;
	usec progress; /* when data was last acknowledged, or first sent after a pause */
};

void sctp_pmtu_init(struct sctp_pmtu *p, size_t base, size_t max);

/* The probe has arrived, or was lost, or nothing at all arrives. */
void sctp_pmtu_succeed(struct sctp_pmtu *p);
void sctp_pmtu_fail(struct sctp_pmtu *p);
/* Packets of this size may not arrive any more: back to the base until a probe says otherwise. */
void sctp_pmtu_doubt(struct sctp_pmtu *p);
/* After a while a path may carry more than it did: begins to search again. */
void sctp_pmtu_raise(struct sctp_pmtu *p);

#endif
