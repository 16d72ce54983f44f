/* The retransmission time-out (RFC 9260 section 6.3.1), from measured round trips. */
#ifndef SCTP_RTO_H
#define SCTP_RTO_H

#include "base/usec.h"

struct sctp_rto {
	usec srtt, rttvar; /* 0: not measured yet */
	usec base;         /* without back-off */
	unsigned backoff;  /* doublings since the peer last acknowledged something new */
};

void sctp_rto_init(struct sctp_rto *rto);
void sctp_rto_measure(struct sctp_rto *rto, usec round_trip);
/* A timer expired. */
void sctp_rto_back_off(struct sctp_rto *rto);
/* New data was acknowledged: the path works again (as TCP does; RFC 9260 would wait for the next
 * measurement, which Karn's rule delays). */
void sctp_rto_recover(struct sctp_rto *rto);
/* What a timer started now is set to. */
usec sctp_rto_current(const struct sctp_rto *rto);

#endif
