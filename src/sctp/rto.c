#include "sctp/rto.h"

#include "sctp/limits.h"

#define BACKOFF_MAX 16

static usec clamp(usec value)
{
	return usec_min(usec_max(value, SCTP_RTO_MIN), SCTP_RTO_MAX);
}

void sctp_rto_init(struct sctp_rto *rto)
{
	*rto = (struct sctp_rto){.base = SCTP_RTO_INITIAL};
}

void sctp_rto_measure(struct sctp_rto *rto, usec round_trip)
{
	usec rtt = usec_max(round_trip, 1);
	if (rto->srtt == 0) {
		rto->srtt = rtt;
		rto->rttvar = rtt / 2;
	} else {
		usec deviation = rto->srtt > rtt ? rto->srtt - rtt : rtt - rto->srtt;
		rto->rttvar += (deviation - rto->rttvar) / 4;
		rto->srtt += (rtt - rto->srtt) / 8;
	}
	rto->base = clamp(rto->srtt + 4 * rto->rttvar);
	rto->backoff = 0;
}

void sctp_rto_back_off(struct sctp_rto *rto)
{
	if (rto->backoff < BACKOFF_MAX)
		rto->backoff++;
}

void sctp_rto_recover(struct sctp_rto *rto)
{
	rto->backoff = 0;
}

usec sctp_rto_current(const struct sctp_rto *rto)
{
	return clamp(rto->base << rto->backoff);
}
