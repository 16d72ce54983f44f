#include "node/describe_quality.h"

#include "node/describe.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/session.h"

static double ms_of(usec time)
{
	return (double)time / USEC_PER_MS;
}

static json_t *ms_or_null(usec time)
{
	return time > 0 ? json_real(ms_of(time)) : json_null();
}

static json_t *loss_of(uint64_t sent, uint64_t lost)
{
	return sent > 0 ? json_real((double)lost / (double)sent) : json_null();
}

json_t *describe_link_quality(struct link *link, const struct quality_counters *counters)
{
	const struct session *session = link->session;
	struct quality_sample latest = {0};
	struct quality_summary late = {0};
	usec now = net_now();
	bool has_quality = session->quality && session->current == link;
	bool has_rates = has_quality && quality_latest(session->quality, now, counters, &latest);
	if (has_quality)
		quality_summary(session->quality, now - NODE_QUALITY_LOSS_TIME,
			has_rates ? now - latest.span : now, &late);
	late.sent += latest.sent;
	late.lost += latest.lost;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:f, s:I}", "rtt_ms",
		ms_or_null(counters->rtt), "rtt_min_ms", ms_or_null(counters->rtt_min), "jitter_ms",
		ms_or_null(counters->jitter), "loss", loss_of(late.sent, late.lost),
		"in_bytes_per_second",
		has_rates ? json_integer((json_int_t)latest.rate_in) : json_null(),
		"out_bytes_per_second",
		has_rates ? json_integer((json_int_t)latest.rate_out) : json_null(), "sent",
		(json_int_t)counters->sent, "resent", (json_int_t)counters->lost, "cwnd_bytes",
		counters->cwnd > 0 ? json_integer((json_int_t)counters->cwnd) : json_null(),
		"up_seconds", link->up_at > 0 ? (double)(now - link->up_at) / USEC_PER_SEC : 0.0,
		"links_before", (json_int_t)(session->links_up > 0 ? session->links_up - 1 : 0));
}

static json_t *describe_ms_range(const struct quality_range *range)
{
	return json_pack("{s:f, s:f, s:f}", "min", ms_of((usec)range->min), "mean",
		ms_of((usec)range->mean), "max", ms_of((usec)range->max));
}

static json_t *describe_rate_range(const struct quality_range *range)
{
	return json_pack("{s:I, s:I, s:I}", "min", (json_int_t)range->min, "mean",
		(json_int_t)range->mean, "max", (json_int_t)range->max);
}

static json_t *describe_hour(const struct quality *quality, usec now)
{
	struct quality_summary hour = {0};
	quality_summary(quality, now - QUALITY_TIME, now, &hour);
	bool has_rtt = hour.rtt.max > 0;
	return json_pack("{s:f, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "linked_seconds",
		(double)hour.span / USEC_PER_SEC, "rtt_ms",
		has_rtt ? describe_ms_range(&hour.rtt) : json_null(), "jitter_ms",
		has_rtt ? describe_ms_range(&hour.jitter) : json_null(), "in_bytes_per_second",
		describe_rate_range(&hour.rate_in), "out_bytes_per_second",
		describe_rate_range(&hour.rate_out), "sent", (json_int_t)hour.sent, "resent",
		(json_int_t)hour.lost, "loss", loss_of(hour.sent, hour.lost));
}

static double unix_time_of(usec at, usec now)
{
	return node_unix_time() - (double)(now - at) / USEC_PER_SEC;
}

static json_t *describe_samples(const struct quality *quality, usec now)
{
	json_t *samples = json_array();
	for (size_t i = 0; i < quality_sample_count(quality); i++) {
		struct quality_sample sample;
		quality_sample(quality, i, &sample);
		json_array_append_new(samples,
			json_pack("{s:f, s:f, s:o, s:o, s:I, s:I, s:I, s:I}", "timestamp",
				unix_time_of(sample.at, now), "seconds",
				(double)sample.span / USEC_PER_SEC, "rtt_ms",
				ms_or_null(sample.rtt), "jitter_ms", ms_or_null(sample.jitter),
				"in_bytes_per_second", (json_int_t)sample.rate_in,
				"out_bytes_per_second", (json_int_t)sample.rate_out, "sent",
				(json_int_t)sample.sent, "resent", (json_int_t)sample.lost));
	}
	return samples;
}

static json_t *describe_paths(const struct quality *quality, usec now)
{
	json_t *paths = json_array();
	for (size_t i = 0; i < quality_change_count(quality); i++) {
		const struct quality_change *change = quality_change(quality, i);
		json_array_append_new(
			paths, json_pack("{s:f, s:s?}", "timestamp", unix_time_of(change->at, now),
				       "route", change->text[0] ? change->text : NULL));
	}
	return paths;
}

json_t *describe_quality(struct node *node, const struct store_contact *contact)
{
	const struct session *session = session_find(node, contact->node_id);
	const struct quality *quality = session ? session->quality : NULL;
	usec now = net_now();
	return json_pack("{s:o, s:f, s:o, s:o, s:o}", "peer", describe_contact(node, contact),
		"interval_seconds", (double)NODE_QUALITY_INTERVAL / USEC_PER_SEC, "hour",
		quality ? describe_hour(quality, now) : json_null(), "samples",
		quality ? describe_samples(quality, now) : json_array(), "routes",
		quality ? describe_paths(quality, now) : json_array());
}
