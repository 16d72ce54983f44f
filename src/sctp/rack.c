#include "sctp/rack.h"

#include "sctp/limits.h"

void sctp_rack_on_reordering(struct sctp_rack *r)
{
	r->reordering = true;
}

void sctp_rack_on_spurious(struct sctp_rack *r)
{
	/* RFC 8985 section 6.2 step 4: "increment RACK.reo_wnd_mult by 1" for each round trip with
	 * a duplicate report, and "RACK.reo_wnd_persist = 16". */
	r->reordering = true;
	r->multiplier = (r->multiplier ? r->multiplier : 1) + 1;
	if (r->multiplier > SCTP_RACK_MULTIPLIER_MAX)
		r->multiplier = SCTP_RACK_MULTIPLIER_MAX;
	r->patience = SCTP_RACK_PATIENCE;
}

void sctp_rack_on_loss(struct sctp_rack *r)
{
	if (r->patience > 0 && --r->patience == 0)
		r->multiplier = 0;
}

uint64_t sctp_rack_packets(const struct sctp_rack *r)
{
	/* RFC 8985 section 6.2: counting stops once reordering has been seen. */
	return r->reordering ? UINT64_MAX : SCTP_PACKETS_TO_RETRANSMIT;
}

usec sctp_rack_age(const struct sctp_rack *r, const struct sctp_rto *rto)
{
	unsigned multiplier = r->multiplier ? r->multiplier : 1;
	/* RFC 8985: "RACK.reo_wnd_mult * RACK.min_RTT / 4", at most the smoothed round trip; RFC
	 * 9002 section 6.1.2: not below the timer's granularity. */
	usec window = usec_min(rto->min / 4 * multiplier, rto->srtt);
	window = usec_max(window, SCTP_TIMER_GRANULARITY);
	return usec_max(rto->srtt, rto->latest) + window;
}

usec sctp_rack_probe_delay(const struct sctp_rto *rto, bool lone_packet)
{
	/* RFC 8985 section 7.2: "2 * SRTT", and the time for which the peer may delay its SACK when
	 * one packet is in flight. */
	usec delay = rto->srtt > 0 ? 2 * rto->srtt : SCTP_RTO_INITIAL;
	if (lone_packet)
		delay += SCTP_PEER_SACK_DELAY_MAX;
	return usec_max(delay, SCTP_PROBE_DELAY_MIN);
}
