#include "sctp/bbr.h"

#include "base/bytes.h"
#include "sctp/congestion.h"
#include "sctp/limits.h"

/* Gains and shares in percent, from the draft's section 2.4 and 2.5 and appendix. */
#define STARTUP_PACING 277
#define DRAIN_PACING 50
#define DOWN_PACING 90
#define UP_PACING 125
#define CWND_GAIN 200
#define UP_CWND_GAIN 225
#define PROBE_RTT_CWND_GAIN 50
#define PACING_MARGIN 1  /* below the estimate, so that no queue stands */
#define LOSS_THRESHOLD 2 /* of what was in flight: more is too much */
#define BETA 70          /* what is left after that */
#define HEADROOM 15      /* of in_flight_high, left to others */
#define FULL_GROWTH 125  /* less growth than this in three rounds: the pipe is full */
#define FULL_ROUNDS 3
#define STARTUP_LOST_PACKETS 6
#define HEAP_ROUNDS 5
#define SAME_SHARE 32  /* of it: a round trip that counts as the smallest */
#define QUEUE_SHARE 16 /* of the smallest round trip: a queue that counts */

#define MIN_RTT_WINDOW (10 * USEC_PER_SEC)
#define PROBE_RTT_INTERVAL (5 * USEC_PER_SEC)
#define PROBE_RTT_DURATION (200 * USEC_PER_MS)
#define PROBE_WAIT_MIN (2 * USEC_PER_SEC)
#define PROBE_WAIT_SPREAD (1 * USEC_PER_SEC)
/* A flow probes no less often than Reno would have lost, up to a window of so many packets. */
#define RENO_ROUNDS_MAX 63

static const struct sctp_bbr_bounds unbounded = {.rate = UINT64_MAX, .in_flight = SIZE_MAX};

static uint64_t rate_of(const struct sctp_bbr *b)
{
	return b->rate_max[0] > b->rate_max[1] ? b->rate_max[0] : b->rate_max[1];
}

static uint64_t bounded_rate(const struct sctp_bbr *b)
{
	uint64_t rate = rate_of(b);
	return rate < b->low.rate ? rate : b->low.rate;
}

static bool probes_rate(const struct sctp_bbr *b)
{
	return b->state == SCTP_BBR_STARTUP || b->state == SCTP_BBR_REFILL ||
	       b->state == SCTP_BBR_UP;
}

static bool is_probe_bw(const struct sctp_bbr *b)
{
	return b->state >= SCTP_BBR_DOWN && b->state <= SCTP_BBR_UP;
}

static size_t window_min(const struct sctp_congestion *c)
{
	return 4 * c->mtu;
}

/* What is in flight at `rate` in the smallest round trip, times a gain. A path shorter than the
 * loop's timers counts as long as they are. */
static size_t product(const struct sctp_congestion *c, uint64_t rate, unsigned gain)
{
	const struct sctp_bbr *b = &c->bbr;
	if (b->min_rtt == 0 || rate == 0)
		return sctp_congestion_initial_window(c->mtu);
	if (rate > SCTP_PACE_RATE_MAX)
		rate = SCTP_PACE_RATE_MAX;
	usec rtt = usec_max(b->min_rtt, SCTP_BBR_ROUND_TRIP_MIN);
	uint64_t bytes = rate * (uint64_t)rtt / USEC_PER_SEC;
	if (bytes > SCTP_CWND_MAX)
		bytes = SCTP_CWND_MAX;
	return (size_t)bytes * gain / 100;
}

/* And what is needed beside it to use it: SACKs in pairs, and packets that leave together. */
static size_t in_flight_for(const struct sctp_congestion *c, uint64_t rate, unsigned gain)
{
	size_t quantum =
		max_size((size_t)(c->pacing_rate / (USEC_PER_SEC / SCTP_PACE_QUANTUM)), 2 * c->mtu);
	size_t bytes = product(c, rate, gain) + 3 * min_size(quantum, SCTP_BBR_QUANTUM_MAX);
	if (c->bbr.state == SCTP_BBR_UP)
		bytes += 2 * c->mtu;
	return max_size(bytes, window_min(c));
}

static size_t with_headroom(const struct sctp_congestion *c)
{
	size_t high = c->bbr.in_flight_high;
	if (high == SIZE_MAX)
		return SIZE_MAX;
	return max_size(high - high / 100 * HEADROOM, window_min(c));
}

static size_t target(const struct sctp_congestion *c)
{
	return min_size(product(c, bounded_rate(&c->bbr), 100), c->cwnd);
}

/* ---- States ---- */

static void start_round(struct sctp_bbr *b, const struct sctp_congestion_ack *ack)
{
	b->round_end = ack->rate.delivered;
}

static uint64_t draw(struct sctp_bbr *b)
{
	b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return b->random >> 33;
}

static void enter_down(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	b->state = SCTP_BBR_DOWN;
	b->loss_in_round = false;
	b->rate_latest = 0;
	b->in_flight_latest = 0;
	b->rounds_since_probe = (unsigned)(draw(b) % 2);
	b->probe_wait = PROBE_WAIT_MIN + (usec)(draw(b) % PROBE_WAIT_SPREAD);
	b->cycle_at = ack->now;
	b->filter_pending = true;
	b->probe_samples = false;
	start_round(b, ack);
}

static void enter_refill(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	b->state = SCTP_BBR_REFILL;
	b->low = unbounded;
	b->up_rounds = 0;
	b->up_acked = 0;
	b->filter_pending = false;
	start_round(b, ack);
}

static void raise_slope(struct sctp_congestion *c)
{
	struct sctp_bbr *b = &c->bbr;
	size_t growth = c->mtu << b->up_rounds;
	if (b->up_rounds < 30)
		b->up_rounds++;
	b->up_count = max_size(c->cwnd / growth, 1);
}

static void enter_up(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	b->state = SCTP_BBR_UP;
	b->probe_samples = true;
	b->cycle_at = ack->now;
	b->full_rate = ack->rate.rate;
	b->full_rounds = 0;
	b->held_back = false;
	start_round(b, ack);
	raise_slope(c);
}

/* ---- Rate ---- */

static void update_round(struct sctp_bbr *b, const struct sctp_congestion_ack *ack)
{
	const struct sctp_delivery_sample *s = &ack->rate;
	b->round_start = s->prior_delivered >= b->round_end;
	if (b->round_start) {
		b->round_end = s->delivered;
		b->rounds_since_probe++;
	}
	b->loss_round_start = s->prior_delivered >= b->loss_round_end;
	if (b->loss_round_start)
		b->loss_round_end = s->delivered;
}

/* No packet of the round found the path free. */
static bool has_queue(const struct sctp_bbr *b)
{
	usec slack = usec_max(b->min_rtt / QUEUE_SHARE, SCTP_TIMER_GRANULARITY);
	return b->loss_round_rtt != USEC_NEVER && b->loss_round_rtt > b->min_rtt + slack;
}

/* Loss outside of a probe: for now, no more than what is delivered in spite of it. */
static void lower_bounds(struct sctp_congestion *c)
{
	struct sctp_bbr *b = &c->bbr;
	if (probes_rate(b) || !b->loss_in_round)
		return;
	/* Some loss while no queue stands is not congestion: the draft would content itself with
	 * less and less until the next probe. */
	size_t carried = b->in_flight_latest + b->loss_round_lost;
	if (!has_queue(b) && b->loss_round_lost <= carried / 100 * LOSS_THRESHOLD)
		return;
	if (b->low.rate == UINT64_MAX)
		b->low.rate = rate_of(b);
	if (b->low.in_flight == SIZE_MAX)
		b->low.in_flight = c->cwnd;
	uint64_t rate = b->low.rate / 100 * BETA;
	b->low.rate = b->rate_latest > rate ? b->rate_latest : rate;
	b->low.in_flight = max_size(b->in_flight_latest, b->low.in_flight / 100 * BETA);
}

static void update_rate(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	const struct sctp_delivery_sample *s = &ack->rate;
	size_t delivered = (size_t)(s->delivered - s->prior_delivered);
	update_round(b, ack);
	b->rate_latest = b->rate_latest > s->rate ? b->rate_latest : s->rate;
	b->in_flight_latest = max_size(b->in_flight_latest, delivered);
	if (s->rate > 0 && (!s->app_limited || s->rate > rate_of(b)) && s->rate > b->rate_max[1])
		b->rate_max[1] = s->rate;
	if (ack->lost > 0) {
		b->loss_in_round = true;
		b->round_lost += ack->lost;
		b->loss_round_lost += ack->lost;
	}
	if (ack->round_trip > 0)
		b->loss_round_rtt = usec_min(b->loss_round_rtt, ack->round_trip);
	if (b->loss_round_start) {
		lower_bounds(c);
		b->loss_in_round = false;
		b->loss_round_lost = 0;
		b->loss_round_rtt = USEC_NEVER;
		b->rate_latest = s->rate;
		b->in_flight_latest = delivered;
	}
}

/* ---- SACKs in heaps ---- */

/* What was acknowledged beyond what the rate explains has to be in flight as well, or the sender
 * stands still between the heaps. */
static void update_heaps(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (b->round_start && ++b->heap_rounds >= HEAP_ROUNDS) {
		b->heap_rounds = 0;
		b->heap_max[0] = b->heap_max[1];
		b->heap_max[1] = 0;
	}
	usec elapsed = usec_min(usec_max(ack->now - b->heap_at, 0), USEC_PER_SEC);
	uint64_t rate = bounded_rate(b);
	rate = rate < SCTP_PACE_RATE_MAX ? rate : SCTP_PACE_RATE_MAX;
	uint64_t expected = rate * (uint64_t)elapsed / USEC_PER_SEC;
	if (b->heap_bytes <= expected || elapsed == USEC_PER_SEC) {
		b->heap_bytes = 0;
		b->heap_at = ack->now;
		expected = 0;
	}
	b->heap_bytes += ack->acked;
	size_t extra = min_size((size_t)(b->heap_bytes - expected), c->cwnd);
	if (b->full)
		b->heap_max[1] = max_size(b->heap_max[1], extra);
}

/* ---- Startup ---- */

static bool too_much_lost(const struct sctp_congestion_ack *ack)
{
	return ack->rate.lost > ack->rate.in_flight / 100 * LOSS_THRESHOLD;
}

static void check_full(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (b->full || !b->round_start)
		return;
	bool lossy = b->round_lost >= STARTUP_LOST_PACKETS * c->mtu && too_much_lost(ack);
	b->round_lost = 0;
	if (lossy) {
		b->full = true;
		b->in_flight_high = max_size(
			product(c, rate_of(b), 100), max_size(b->in_flight_latest, window_min(c)));
		return;
	}
	if (ack->rate.app_limited)
		return;
	if (rate_of(b) >= b->full_rate / 100 * FULL_GROWTH) {
		b->full_rate = rate_of(b);
		b->full_rounds = 0;
	} else {
		b->full = ++b->full_rounds >= FULL_ROUNDS;
	}
}

static void check_startup(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (b->state == SCTP_BBR_STARTUP) {
		check_full(c, ack);
		if (b->full)
			b->state = SCTP_BBR_DRAIN;
	}
	if (b->state == SCTP_BBR_DRAIN && ack->in_flight <= in_flight_for(c, rate_of(b), 100))
		enter_down(c, ack);
}

/* ---- Probing for rate ---- */

/* in_flight_high is what holds the probe back. */
static bool is_held_back(const struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	size_t slack = max_size(2 * c->mtu, c->cwnd / 8);
	return c->cwnd + slack >= c->bbr.in_flight_high && ack->in_flight_before + slack >= c->cwnd;
}

static void raise_high(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (!is_held_back(c, ack))
		return;
	b->up_acked += ack->acked;
	if (b->up_acked >= b->up_count * c->mtu) {
		size_t packets = b->up_acked / (b->up_count * c->mtu);
		b->up_acked -= packets * b->up_count * c->mtu;
		b->in_flight_high = min_size(b->in_flight_high + packets * c->mtu, SCTP_CWND_MAX);
	}
	if (b->round_start)
		raise_slope(c);
}

static void adapt_upper_bounds(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (b->filter_pending && b->round_start && is_probe_bw(b)) {
		b->filter_pending = false;
		if (!ack->rate.app_limited) {
			b->rate_max[0] = b->rate_max[1];
			b->rate_max[1] = 0;
		}
	}
	if (too_much_lost(ack)) {
		if (!b->probe_samples)
			return;
		b->probe_samples = false;
		if (!ack->rate.app_limited)
			b->in_flight_high = max_size(ack->rate.in_flight, target(c) / 100 * BETA);
		if (b->state == SCTP_BBR_UP)
			enter_down(c, ack);
		return;
	}
	if (b->in_flight_high == SIZE_MAX)
		return;
	b->in_flight_high = max_size(b->in_flight_high, ack->rate.in_flight);
	if (b->state == SCTP_BBR_UP)
		raise_high(c, ack);
}

static bool is_time_to_probe(const struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	const struct sctp_bbr *b = &c->bbr;
	size_t reno_rounds = min_size(target(c) / c->mtu, RENO_ROUNDS_MAX);
	return ack->now - b->cycle_at > b->probe_wait || b->rounds_since_probe >= reno_rounds;
}

/* Long enough up: the queue that a probe makes is there, or the rate grows no more. While
 * in_flight_high holds the probe back, that is being raised first. */
static bool is_up_over(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	b->held_back |= is_held_back(c, ack);
	bool held_back = b->held_back;
	if (b->round_start)
		b->held_back = false;
	if (held_back || rate_of(b) >= b->full_rate / 100 * FULL_GROWTH) {
		b->full_rate = rate_of(b);
		b->full_rounds = 0;
	} else if (b->round_start && !ack->rate.app_limited) {
		b->full_rounds++;
	}
	if (b->full_rounds >= FULL_ROUNDS)
		return true;
	return !held_back && ack->now - b->cycle_at > b->min_rtt &&
	       ack->in_flight_before >= in_flight_for(c, rate_of(b), UP_PACING);
}

static void update_cycle(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (!b->full)
		return;
	adapt_upper_bounds(c, ack);
	switch (b->state) {
	case SCTP_BBR_DOWN:
		if (is_time_to_probe(c, ack))
			enter_refill(c, ack);
		else if (ack->in_flight <= with_headroom(c) &&
			 ack->in_flight <= in_flight_for(c, rate_of(b), 100))
			b->state = SCTP_BBR_CRUISE;
		return;
	case SCTP_BBR_CRUISE:
		if (is_time_to_probe(c, ack))
			enter_refill(c, ack);
		return;
	case SCTP_BBR_REFILL:
		if (b->round_start)
			enter_up(c, ack);
		return;
	case SCTP_BBR_UP:
		if (is_up_over(c, ack))
			enter_down(c, ack);
		return;
	case SCTP_BBR_STARTUP:
	case SCTP_BBR_DRAIN:
	case SCTP_BBR_PROBE_RTT:
		return;
	}
}

/* ---- Probing for the round trip ---- */

static size_t probe_rtt_window(const struct sctp_congestion *c)
{
	return max_size(product(c, bounded_rate(&c->bbr), PROBE_RTT_CWND_GAIN), window_min(c));
}

static void leave_probe_rtt(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	b->probe_min_at = ack->now;
	c->cwnd = max_size(c->cwnd, b->saved_cwnd);
	b->low = unbounded;
	if (b->full) {
		enter_down(c, ack);
		b->state = SCTP_BBR_CRUISE;
	} else {
		b->state = SCTP_BBR_STARTUP;
	}
}

static void update_round_trip(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	bool expired = ack->now - b->probe_min_at > PROBE_RTT_INTERVAL;
	usec rtt = ack->round_trip;
	if (rtt > 0 && (b->probe_min == 0 || rtt <= b->probe_min || expired)) {
		b->probe_min = rtt;
		b->probe_min_at = ack->now;
	} else if (rtt > 0 && rtt <= b->probe_min + b->probe_min / SAME_SHARE) {
		/* As good as empty: there is nothing to probe for. */
		b->probe_min_at = ack->now;
	}
	if (b->probe_min > 0 && (b->min_rtt == 0 || b->probe_min <= b->min_rtt ||
					ack->now - b->min_rtt_at > MIN_RTT_WINDOW)) {
		b->min_rtt = b->probe_min;
		b->min_rtt_at = b->probe_min_at;
	}
	if (expired && b->state != SCTP_BBR_PROBE_RTT && !b->idle_restart && b->full) {
		b->state = SCTP_BBR_PROBE_RTT;
		b->saved_cwnd = c->cwnd;
		b->probe_rtt_done = 0;
		start_round(b, ack);
	}
	if (b->state != SCTP_BBR_PROBE_RTT)
		return;
	if (b->probe_rtt_done == 0) {
		if (ack->in_flight > probe_rtt_window(c))
			return;
		b->probe_rtt_done = ack->now + PROBE_RTT_DURATION;
		b->probe_rtt_round = false;
		start_round(b, ack);
		return;
	}
	b->probe_rtt_round |= b->round_start;
	if (b->probe_rtt_round && ack->now >= b->probe_rtt_done)
		leave_probe_rtt(c, ack);
}

/* ---- What follows from it ---- */

static unsigned pacing_gain(const struct sctp_bbr *b)
{
	switch (b->state) {
	case SCTP_BBR_STARTUP:
		return STARTUP_PACING;
	case SCTP_BBR_DRAIN:
		return DRAIN_PACING;
	case SCTP_BBR_DOWN:
		return DOWN_PACING;
	case SCTP_BBR_UP:
		return UP_PACING;
	case SCTP_BBR_CRUISE:
	case SCTP_BBR_REFILL:
	case SCTP_BBR_PROBE_RTT:
		return 100;
	}
	UNREACHABLE();
}

static void set_pacing_rate(struct sctp_congestion *c, usec srtt)
{
	struct sctp_bbr *b = &c->bbr;
	uint64_t base = bounded_rate(b);
	if (base == 0 && srtt > 0)
		base = c->cwnd * (uint64_t)USEC_PER_SEC / (uint64_t)srtt;
	uint64_t rate = base / 100 * pacing_gain(b) / 100 * (100 - PACING_MARGIN);
	if (b->full || rate > c->pacing_rate)
		c->pacing_rate = rate;
}

static size_t model_bound(const struct sctp_congestion *c)
{
	const struct sctp_bbr *b = &c->bbr;
	size_t bound = SIZE_MAX;
	if (b->state == SCTP_BBR_CRUISE || b->state == SCTP_BBR_PROBE_RTT)
		bound = with_headroom(c);
	else if (is_probe_bw(b))
		bound = b->in_flight_high;
	return max_size(min_size(bound, b->low.in_flight), window_min(c));
}

static void set_window(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	unsigned gain = b->state == SCTP_BBR_UP ? UP_CWND_GAIN : CWND_GAIN;
	size_t max =
		in_flight_for(c, bounded_rate(b), gain) + max_size(b->heap_max[0], b->heap_max[1]);
	if (b->full)
		c->cwnd = min_size(c->cwnd + ack->acked, max);
	else if (c->cwnd < max || ack->rate.delivered < sctp_congestion_initial_window(c->mtu))
		c->cwnd += ack->acked;
	c->cwnd = min_size(max_size(c->cwnd, window_min(c)), SCTP_CWND_MAX);
	if (b->state == SCTP_BBR_PROBE_RTT)
		c->cwnd = min_size(c->cwnd, probe_rtt_window(c));
	c->cwnd = min_size(c->cwnd, model_bound(c));
}

static void on_ack(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_bbr *b = &c->bbr;
	if (!ack->rate.valid)
		return;
	if (b->random == 0) {
		b->random = (uint64_t)ack->now | 1;
		b->probe_min_at = b->min_rtt_at = b->heap_at = ack->now;
	}
	update_rate(c, ack);
	update_heaps(c, ack);
	check_startup(c, ack);
	update_cycle(c, ack);
	update_round_trip(c, ack);
	b->idle_restart = false;
	set_pacing_rate(c, ack->round_trip_smoothed);
	set_window(c, ack);
}

static void save(struct sctp_congestion *c)
{
	c->bbr.undo_cwnd = c->cwnd;
	c->bbr.undo_low = c->bbr.low;
}

/* Loss is counted by on_ack(), in rounds; here only what may be taken back is kept. */
static void on_loss(struct sctp_congestion *c, usec now)
{
	(void)now;
	save(c);
}

static void on_timeout(struct sctp_congestion *c, usec now)
{
	(void)now;
	save(c);
	c->cwnd = c->mtu;
}

static void on_spurious(struct sctp_congestion *c, usec now)
{
	(void)now;
	struct sctp_bbr *b = &c->bbr;
	if (b->undo_cwnd == 0)
		return;
	c->cwnd = max_size(c->cwnd, b->undo_cwnd);
	b->low = b->undo_low;
	b->loss_in_round = false;
	b->undo_cwnd = 0;
}

static void on_idle(struct sctp_congestion *c, usec now, usec idle, usec rto)
{
	(void)now;
	(void)idle;
	(void)rto;
	/* Pacing at the rate that was measured replaces the decay of the window. */
	c->bbr.idle_restart = true;
	if (is_probe_bw(&c->bbr))
		c->pacing_rate = bounded_rate(&c->bbr);
}

static void init(struct sctp_congestion *c)
{
	c->bbr = (struct sctp_bbr){.low = unbounded, .in_flight_high = SIZE_MAX};
}

const struct sctp_congestion_ops sctp_bbr_ops = {
	.name = "bbr",
	.init = init,
	.on_idle = on_idle,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_timeout = on_timeout,
	.on_spurious = on_spurious,
};
