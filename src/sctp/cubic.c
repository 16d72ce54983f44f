#include "sctp/cubic.h"

#include "base/bytes.h"
#include "sctp/congestion.h"
#include "sctp/limits.h"

/* RFC 9438: C = 0.4 segments per second cubed, beta_cubic = 0.7, alpha_cubic = 3 * (1 - beta) / (1
 * + beta) = 9 / 17. */
#define BETA_PERCENT 70
#define ALPHA_DIVIDEND 9
#define ALPHA_DIVISOR 17

/* Further along the curve than this nothing is computed: it has long passed SCTP_CWND_MAX. */
#define CURVE_MS_MAX (256 * 1024)

/* As Linux paces: faster than the window needs, more so while it doubles. */
#define PACING_PERCENT 120
#define PACING_START_PERCENT 200

static void init(struct sctp_congestion *c)
{
	c->cubic = (struct sctp_cubic){.curve.ssthresh = SCTP_CWND_MAX};
}

static bool is_slow_start(const struct sctp_congestion *c)
{
	return c->cwnd < c->cubic.curve.ssthresh;
}

static void pace(struct sctp_congestion *c, usec srtt)
{
	if (srtt <= 0)
		return;
	uint64_t percent = is_slow_start(c) ? PACING_START_PERCENT : PACING_PERCENT;
	c->pacing_rate = c->cwnd * percent * (USEC_PER_SEC / 100) / (uint64_t)srtt;
}

static uint64_t cube_root(uint64_t value)
{
	uint64_t root = 0;
	for (uint64_t bit = UINT64_C(1) << 20; bit > 0; bit >>= 1) {
		uint64_t next = root | bit;
		if (next * next * next <= value)
			root = next;
	}
	return root;
}

/* Section 4.2: K = cubic_root((W_max - cwnd_epoch) / C). */
static usec curve_k(const struct sctp_congestion *c)
{
	uint64_t below = sat_sub(c->cubic.curve.window_max, c->cwnd);
	/* Milliseconds cubed: 1e9 / 0.4 a packet. */
	uint64_t cube = below * UINT64_C(2500000) / c->mtu * 1000;
	return (usec)cube_root(cube) * USEC_PER_MS;
}

/* Section 4.2: W_cubic(t) = C * (t - K)^3 + W_max. */
static size_t curve_at(const struct sctp_congestion *c, usec since_epoch)
{
	int64_t ms = (since_epoch - c->cubic.curve.k) / USEC_PER_MS;
	bool before = ms < 0;
	if (before)
		ms = -ms;
	if (ms > CURVE_MS_MAX)
		ms = CURVE_MS_MAX;
	uint64_t cube = (uint64_t)ms * (uint64_t)ms * (uint64_t)ms;
	uint64_t bytes = cube / 100000 * (c->mtu * 4 / 10) / 10000;
	size_t distance = bytes < SCTP_CWND_MAX ? (size_t)bytes : SCTP_CWND_MAX;
	size_t max = c->cubic.curve.window_max;
	return before ? sat_sub(max, distance) : max + distance;
}

static void slow_start(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_cubic *q = &c->cubic;
	sctp_hystart_on_round_trip(&q->hystart, ack->round_trip);
	if (ack->rate.valid && ack->rate.prior_delivered >= q->round_end) {
		q->round_end = ack->rate.delivered;
		if (sctp_hystart_end_round(&q->hystart))
			q->curve.ssthresh = c->cwnd;
	}
	/* A flight that doubles is the next one: half a window counts as used. */
	if (ack->in_flight_before + c->mtu > c->cwnd / 2)
		c->cwnd += min_size(ack->acked, c->cwnd) / sctp_hystart_divisor(&q->hystart);
}

static void begin_epoch(struct sctp_congestion *c, usec now)
{
	struct sctp_cubic_curve *curve = &c->cubic.curve;
	curve->epoch = now;
	/* After a slow start without loss the curve begins at its plateau. */
	if (curve->window_max < c->cwnd)
		curve->window_max = c->cwnd;
	curve->k = curve_k(c);
	curve->window_reno = c->cwnd;
	curve->grown = 0;
}

/* Section 4.3: what Reno would have, on which CUBIC does not fall behind. */
static void grow_reno(struct sctp_congestion *c, size_t acked)
{
	struct sctp_cubic_curve *curve = &c->cubic.curve;
	bool alpha_one = curve->window_reno >= curve->window_max;
	uint64_t growth = (uint64_t)acked * c->mtu;
	curve->grown += alpha_one ? growth : growth * ALPHA_DIVIDEND / ALPHA_DIVISOR;
	curve->window_reno += (size_t)(curve->grown / c->cwnd);
	curve->grown %= c->cwnd;
}

static void avoid_congestion(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_cubic *q = &c->cubic;
	if (q->curve.epoch == 0)
		begin_epoch(c, ack->now);
	/* Section 4.2: t "MUST NOT include" time in which the window was not what held back. */
	if (ack->in_flight_before + 3 * c->mtu < c->cwnd) {
		q->curve.epoch += ack->now - q->last_ack;
		return;
	}
	grow_reno(c, min_size(ack->acked, c->cwnd));
	usec t = ack->now - q->curve.epoch;
	size_t target = curve_at(c, t + ack->round_trip_smoothed);
	/* Section 4.2: "cwnd <= target <= 1.5 * cwnd", reached after a round trip. */
	target = min_size(max_size(target, c->cwnd), c->cwnd + c->cwnd / 2);
	size_t acked = min_size(ack->acked, c->cwnd);
	size_t grown = c->cwnd + (size_t)((uint64_t)(target - c->cwnd) * acked / c->cwnd);
	c->cwnd = max_size(grown, q->curve.window_reno);
}

static void on_ack(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	if (!ack->recovering) {
		if (is_slow_start(c))
			slow_start(c, ack);
		else
			avoid_congestion(c, ack);
		c->cwnd = min_size(c->cwnd, SCTP_CWND_MAX);
	}
	c->cubic.last_ack = ack->now;
	pace(c, ack->round_trip_smoothed);
}

static void reduce(struct sctp_congestion *c)
{
	struct sctp_cubic *q = &c->cubic;
	q->undo = q->curve;
	q->undo_cwnd = c->cwnd;
	/* Section 4.7, fast convergence: who loses while below the last maximum makes room. */
	if (c->cwnd < q->curve.window_max)
		q->curve.window_max = c->cwnd * (100 + BETA_PERCENT) / 200;
	else
		q->curve.window_max = c->cwnd;
	q->curve.ssthresh = max_size(c->cwnd * BETA_PERCENT / 100, 2 * c->mtu);
	q->curve.epoch = 0;
	q->hystart = (struct sctp_hystart){0};
}

static void on_loss(struct sctp_congestion *c, usec now)
{
	(void)now;
	reduce(c);
	c->cwnd = c->cubic.curve.ssthresh;
}

static void on_timeout(struct sctp_congestion *c, usec now)
{
	(void)now;
	reduce(c);
	c->cwnd = c->mtu;
}

static void on_spurious(struct sctp_congestion *c, usec now)
{
	(void)now;
	struct sctp_cubic *q = &c->cubic;
	if (q->undo_cwnd == 0)
		return;
	/* Section 4.9: as if it had not happened. */
	c->cwnd = max_size(c->cwnd, q->undo_cwnd);
	q->curve = q->undo;
	q->undo_cwnd = 0;
}

static void on_idle(struct sctp_congestion *c, usec now, usec idle, usec rto)
{
	(void)now;
	/* RFC 9260 section 7.2.1: "adjusted to max(cwnd / 2, 4 * PMDCS) once per RTO", here not
	 * below what a new association may send at once. */
	struct sctp_cubic *q = &c->cubic;
	size_t floor = sctp_congestion_initial_window(c->mtu);
	for (; idle >= rto && c->cwnd > floor; idle -= rto) {
		q->curve.ssthresh = max_size(q->curve.ssthresh, c->cwnd - c->cwnd / 4);
		c->cwnd = max_size(c->cwnd / 2, floor);
	}
	q->curve.epoch = 0;
}

const struct sctp_congestion_ops sctp_cubic_ops = {
	.name = "cubic",
	.init = init,
	.on_idle = on_idle,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_timeout = on_timeout,
	.on_spurious = on_spurious,
};
