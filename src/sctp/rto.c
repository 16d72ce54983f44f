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

/* The minimum of a window that is forgotten by and by: paths change. */
static void measure_min(struct sctp_rto *rto, usec now, usec rtt)
{
	if (rto->min == 0) {
		rto->min = rto->min_since = rtt;
		rto->min_from = now;
	}
	rto->min_since = usec_min(rto->min_since, rtt);
	rto->min = usec_min(rto->min, rtt);
	if (now - rto->min_from >= SCTP_RTT_MIN_WINDOW) {
		rto->min = rto->min_since;
		rto->min_since = rtt;
		rto->min_from = now;
	}
}

void sctp_rto_measure(struct sctp_rto *rto, usec now, usec round_trip)
{
	if (round_trip > SCTP_RTO_MAX)
		return;
	usec rtt = usec_max(round_trip, 1);
	rto->latest = rtt;
	measure_min(rto, now, rtt);
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

void sctp_rto_correct(struct sctp_rto *rto, usec round_trip)
{
	rto->min = usec_min(rto->min, round_trip);
	if (rto->srtt <= round_trip)
		return;
	rto->latest = rto->srtt = round_trip;
	rto->rttvar = round_trip / 2;
	rto->base = clamp(rto->srtt + 4 * rto->rttvar);
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
