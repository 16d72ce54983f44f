#include "sctp/cubic.h"

#include "sctp/congestion.h"
#include "sctp/limits.h"
#include "test.h"

#define MTU 1160
#define RTT (50 * USEC_PER_MS)

struct path {
	struct sctp_congestion c;
	usec now;
	uint64_t delivered;
};

static void init(struct path *p)
{
	*p = (struct path){.now = USEC_PER_SEC};
	sctp_congestion_init(&p->c, SCTP_CUBIC, MTU);
}

/* A round trip in which the whole window is acknowledged, packet by packet. */
static void round_trip(struct path *p, usec rtt)
{
	size_t window = p->c.cwnd, packets = window / MTU;
	uint64_t start = p->delivered;
	for (size_t i = 0; i < packets; i++) {
		p->now += rtt / (usec)packets;
		p->delivered += MTU;
		sctp_congestion_on_ack(&p->c, &(struct sctp_congestion_ack){.now = p->now,
						      .acked = MTU,
						      .in_flight_before = p->c.cwnd,
						      .in_flight = p->c.cwnd - MTU,
						      .round_trip = rtt,
						      .round_trip_smoothed = rtt,
						      .rate = {.valid = true,
							      .delivered = p->delivered,
							      .prior_delivered = start}});
	}
}

static void slow_start_doubles_until_round_trips_grow(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	round_trip(&p, RTT);
	assert_int_equal(p.c.cwnd, 20 * MTU);
	round_trip(&p, RTT);
	assert_int_equal(p.c.cwnd, 40 * MTU);
	for (usec rtt = RTT + 20 * USEC_PER_MS; p.c.cwnd < p.c.cubic.curve.ssthresh; rtt += 1000)
		round_trip(&p, rtt);
	/* Conservative slow start has ended it, long before the maximum. */
	assert_true(p.c.cwnd < 400 * MTU);
}

static void a_loss_leaves_seven_tenths_and_the_way_back_is_a_cubic(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = 1000 * MTU;
	sctp_congestion_on_loss(&p.c, p.now);
	assert_int_equal(p.c.cwnd, 700 * MTU);
	/* K = cubic_root(300 / 0.4) = 9.08 s: fast first, flat at the plateau, and fast again. */
	usec start = p.now;
	while (p.now < start + 4 * USEC_PER_SEC)
		round_trip(&p, RTT);
	assert_in_range(p.c.cwnd, 930 * MTU, 965 * MTU); /* 0.4 * 5.08^3 = 52 below */
	while (p.now < start + 9 * USEC_PER_SEC)
		round_trip(&p, RTT);
	assert_in_range(p.c.cwnd, 990 * MTU, 1003 * MTU);
	while (p.now < start + 14 * USEC_PER_SEC)
		round_trip(&p, RTT);
	assert_in_range(p.c.cwnd, 1040 * MTU, 1070 * MTU); /* 0.4 * 4.92^3 = 48 above */
}

static void a_second_loss_below_the_maximum_makes_room(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = 1000 * MTU;
	sctp_congestion_on_loss(&p.c, p.now);
	sctp_congestion_on_loss(&p.c, p.now);
	assert_int_equal(p.c.cwnd, 490 * MTU);
	assert_int_equal(p.c.cubic.curve.window_max, 595 * MTU);
}

static void on_a_short_path_it_keeps_up_with_reno(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = 20 * MTU;
	sctp_congestion_on_loss(&p.c, p.now);
	assert_int_equal(p.c.cwnd, 14 * MTU);
	/* alpha is 9 / 17 of a packet a round trip up to the old maximum. */
	for (int i = 0; i < 10; i++)
		round_trip(&p, 5 * USEC_PER_MS);
	assert_in_range(p.c.cwnd, 18 * MTU, 20 * MTU);
}

static void a_window_that_is_not_used_does_not_grow(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = 100 * MTU;
	sctp_congestion_on_loss(&p.c, p.now);
	size_t window = p.c.cwnd;
	for (int i = 0; i < 1000; i++) {
		p.now += RTT;
		sctp_congestion_on_ack(&p.c, &(struct sctp_congestion_ack){.now = p.now,
						     .acked = MTU,
						     .in_flight_before = MTU,
						     .round_trip = RTT,
						     .round_trip_smoothed = RTT});
	}
	assert_int_equal(p.c.cwnd, window);
	/* And time passed so is not made up for at once. */
	round_trip(&p, RTT);
	assert_true(p.c.cwnd < window + 10 * MTU);
}

static void a_needless_reduction_is_taken_back(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = 100 * MTU;
	struct sctp_cubic_curve before = p.c.cubic.curve;
	sctp_congestion_on_timeout(&p.c, p.now);
	assert_int_equal(p.c.cwnd, MTU);
	sctp_congestion_on_spurious(&p.c, p.now);
	assert_int_equal(p.c.cwnd, 100 * MTU);
	assert_int_equal(p.c.cubic.curve.ssthresh, before.ssthresh);
	p.c.cwnd = MTU;
	sctp_congestion_on_spurious(&p.c, p.now); /* once */
	assert_int_equal(p.c.cwnd, MTU);
}

static void the_window_has_a_maximum_and_the_curve_no_overflow(void **state)
{
	(void)state;
	struct path p;
	init(&p);
	p.c.cwnd = SCTP_CWND_MAX - MTU;
	sctp_congestion_on_loss(&p.c, p.now);
	p.now += INT64_MAX / 4;
	for (int i = 0; i < 3; i++) {
		p.now += 3600 * USEC_PER_SEC;
		sctp_congestion_on_ack(&p.c, &(struct sctp_congestion_ack){.now = p.now,
						     .acked = SCTP_CWND_MAX,
						     .in_flight_before = SCTP_CWND_MAX,
						     .round_trip = 1,
						     .round_trip_smoothed = 1});
		assert_true(p.c.cwnd <= SCTP_CWND_MAX);
	}
	assert_int_equal(p.c.cwnd, SCTP_CWND_MAX);
}

TESTS(TEST(slow_start_doubles_until_round_trips_grow),
	TEST(a_loss_leaves_seven_tenths_and_the_way_back_is_a_cubic),
	TEST(a_second_loss_below_the_maximum_makes_room),
	TEST(on_a_short_path_it_keeps_up_with_reno), TEST(a_window_that_is_not_used_does_not_grow),
	TEST(a_needless_reduction_is_taken_back),
	TEST(the_window_has_a_maximum_and_the_curve_no_overflow))
