#include "sctp/congestion.h"

#include "sctp/limits.h"
#include "test.h"

#define MTU 1160

static void ack(struct sctp_congestion *c, size_t acked, size_t in_flight)
{
	sctp_congestion_on_ack(
		c, &(struct sctp_congestion_ack){.acked = acked, .in_flight_before = in_flight});
}

static void slow_start_doubles_the_window_each_round_trip(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	assert_int_equal(c.cwnd, 10 * MTU);
	ack(&c, c.cwnd, c.cwnd);
	assert_int_equal(c.cwnd, 20 * MTU);
	/* A window that is hardly used does not grow. */
	ack(&c, MTU, MTU);
	assert_int_equal(c.cwnd, 20 * MTU);
}

static void congestion_avoidance_adds_a_packet_each_round_trip(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	sctp_congestion_on_loss(&c, 0);
	assert_int_equal(c.cwnd, 5 * MTU);
	ack(&c, MTU, c.cwnd); /* equal to ssthresh is still slow start */
	assert_int_equal(c.cwnd, 6 * MTU);
	for (int i = 0; i < 6; i++)
		ack(&c, MTU, c.cwnd);
	assert_int_equal(c.cwnd, 7 * MTU);
}

static void a_timeout_begins_again_with_one_packet(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	sctp_congestion_on_timeout(&c, 0);
	assert_int_equal(c.cwnd, MTU);
	assert_int_equal(c.newreno.ssthresh, 5 * MTU);
	sctp_congestion_on_timeout(&c, 0);
	assert_int_equal(c.newreno.ssthresh, 4 * MTU);
}

static void an_unused_window_decays_to_the_initial_one(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	usec now = 1000, rto = SCTP_RTO_MIN;
	sctp_congestion_on_send(&c, now, rto);
	while (c.cwnd < 100 * MTU)
		ack(&c, c.cwnd, c.cwnd);
	size_t before = c.cwnd;
	sctp_congestion_on_send(&c, now + rto, rto);
	assert_int_equal(c.cwnd, before / 2);
	sctp_congestion_on_send(&c, now + 3600 * USEC_PER_SEC, rto);
	assert_int_equal(c.cwnd, 10 * MTU);
}

static void the_window_has_a_maximum(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	for (int i = 0; i < 40; i++)
		ack(&c, c.cwnd, c.cwnd);
	assert_int_equal(c.cwnd, SCTP_CWND_MAX);
}

static void an_unnecessary_reduction_is_taken_back(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, SCTP_NEWRENO, MTU);
	ack(&c, c.cwnd, c.cwnd);
	sctp_congestion_on_timeout(&c, 0);
	sctp_congestion_on_spurious(&c, 0);
	assert_int_equal(c.cwnd, 20 * MTU);
	assert_int_equal(c.newreno.ssthresh, SCTP_CWND_MAX);
	/* Once. */
	c.cwnd = MTU;
	sctp_congestion_on_spurious(&c, 0);
	assert_int_equal(c.cwnd, MTU);
}

TESTS(TEST(slow_start_doubles_the_window_each_round_trip),
	TEST(congestion_avoidance_adds_a_packet_each_round_trip),
	TEST(a_timeout_begins_again_with_one_packet),
	TEST(an_unused_window_decays_to_the_initial_one), TEST(the_window_has_a_maximum),
	TEST(an_unnecessary_reduction_is_taken_back))
