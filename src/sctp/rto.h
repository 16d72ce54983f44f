/* Round trips as measured, and the retransmission time-out (RFC 9260 section 6.3.1) from them. */
#ifndef SCTP_RTO_H
#define SCTP_RTO_H

#include "base/usec.h"

struct sctp_rto {
	usec srtt, rttvar; /* 0: not measured yet */
	usec latest;       /* the newest measurement */
	usec min;          /* the smallest of the last 10 to 20 s */
	usec min_since;    /* the smallest since `min_from` */
	usec min_from;
	usec base;        /* without back-off */
	unsigned backoff; /* doublings since the peer last acknowledged something new */
};

void sctp_rto_init(struct sctp_rto *rto);
/* A round trip beyond SCTP_RTO_MAX is a jump of the clock, and ignored. */
void sctp_rto_measure(struct sctp_rto *rto, usec now, usec round_trip);
/* A round trip takes no longer than this, and what says otherwise was measured when something stood
 * still. Nothing else might: what is sent again on a time-out of ten seconds is never measured. */
void sctp_rto_correct(struct sctp_rto *rto, usec round_trip);
/* A timer expired. */
void sctp_rto_back_off(struct sctp_rto *rto);
/* New data was acknowledged: the path works again (as TCP does; RFC 9260 would wait for the next
 * measurement, which Karn's rule delays). */
void sctp_rto_recover(struct sctp_rto *rto);
/* What a timer started now is set to. */
usec sctp_rto_current(const struct sctp_rto *rto);

#endif
