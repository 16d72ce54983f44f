#include "sctp/delivery.h"

#include "base/bytes.h"

static uint32_t age(usec now, usec then)
{
	usec value = usec_max(now - then, 0);
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

struct sctp_delivery_mark sctp_delivery_on_send(
	struct sctp_delivery *r, usec now, size_t size, size_t in_flight)
{
	/* Time in which nothing was on its way is not the network's. */
	if (in_flight <= size)
		r->first_sent = r->delivered_at = now;
	return (struct sctp_delivery_mark){
		.delivered = r->delivered,
		.lost = r->lost,
		.delivered_age = age(now, r->delivered_at),
		.sent_age = age(now, r->first_sent),
		.in_flight = in_flight < UINT32_MAX ? (uint32_t)in_flight : UINT32_MAX,
		.app_limited = r->app_limited > 0,
	};
}

void sctp_delivery_limit(struct sctp_delivery *r, size_t in_flight)
{
	r->app_limited = r->delivered + max_size(in_flight, 1);
}

struct sctp_delivery_sample sctp_delivery_take(struct sctp_delivery *r, usec now, usec sent,
	const struct sctp_delivery_mark *mark, usec min_round_trip)
{
	struct sctp_delivery_sample sample = {
		.valid = true,
		.app_limited = mark->app_limited,
		.delivered = r->delivered,
		.prior_delivered = mark->delivered,
		.in_flight = mark->in_flight,
		.lost = (size_t)(r->lost - mark->lost),
	};
	r->first_sent = usec_max(r->first_sent, sent);
	if (r->app_limited > 0 && r->delivered > r->app_limited)
		r->app_limited = 0;
	usec acknowledging = now - sent + (usec)mark->delivered_age;
	usec interval = usec_max(acknowledging, (usec)mark->sent_age);
	uint64_t bytes = r->delivered - mark->delivered;
	if (interval > 0 && interval >= min_round_trip && bytes <= UINT64_MAX / USEC_PER_SEC)
		sample.rate = bytes * USEC_PER_SEC / (uint64_t)interval;
	return sample;
}
