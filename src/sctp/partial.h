/* Giving messages up (RFC 3758; the limits are RFC 7496's): a message whose lifetime or number of
 * retransmissions is used up is sent no more, and the peer is told by FORWARD-TSN, or
 * I-FORWARD-TSN with I-DATA (RFC 8260 section 2.3.1), to go on without it. */
#ifndef SCTP_PARTIAL_H
#define SCTP_PARTIAL_H

#include "base/bytes.h"
#include "base/usec.h"
#include "sctp/queue.h"

struct sctp_assoc;

/* The FORWARD-TSN that was sent last. */
struct sctp_forward {
	usec at;
	uint64_t point; /* RFC 3758: the Advanced.Peer.Ack.Point then, */
	uint64_t told;  /* and how far the streams to be named had room */
};

/* Gives up the lost chunk's message instead of sending it again: true when it was time to. */
bool sctp_partial_gives_up_lost(struct sctp_assoc *a, usec now, uint64_t tsn);

/* Whether the chunk's message may be sent once more. */
bool sctp_partial_may_resend(const struct sctp_assoc *a, usec now, const struct sctp_slice *slice);

/* Gives up all messages that would be sent next and whose time is over. */
void sctp_partial_expire(struct sctp_assoc *a, usec now);

/* After a SACK: RFC 3758 section 3.5 C3. */
void sctp_partial_on_ack(struct sctp_assoc *a, usec now);
/* T3 has expired: the FORWARD-TSN was perhaps lost. */
void sctp_partial_on_timeout(struct sctp_assoc *a);

/* As much of the FORWARD-TSN as there is room for; the rest follows when that was acknowledged. */
#define SCTP_FORWARD_TSN_MIN 16
void sctp_partial_write(struct sctp_assoc *a, usec now, struct writer *w);

#endif
