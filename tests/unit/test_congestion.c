#include "sctp/congestion.h"

#include "sctp/limits.h"
#include "test.h"

#define MTU 1160

static void slow_start_doubles_the_window_each_round_trip(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, MTU);
	assert_int_equal(c.cwnd, 10 * MTU);
	sctp_congestion_on_ack(&c, c.cwnd, c.cwnd);
	assert_int_equal(c.cwnd, 20 * MTU);
	/* A window that is hardly used does not grow. */
	sctp_congestion_on_ack(&c, MTU, MTU);
	assert_int_equal(c.cwnd, 20 * MTU);
}

static void congestion_avoidance_adds_a_packet_each_round_trip(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, MTU);
	sctp_congestion_on_loss(&c);
	assert_int_equal(c.cwnd, 5 * MTU);
	sctp_congestion_on_ack(&c, MTU, c.cwnd); /* equal to ssthresh is still slow start */
	assert_int_equal(c.cwnd, 6 * MTU);
	for (int i = 0; i < 6; i++)
		sctp_congestion_on_ack(&c, MTU, c.cwnd);
	assert_int_equal(c.cwnd, 7 * MTU);
}

static void a_timeout_begins_again_with_one_packet(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, MTU);
	sctp_congestion_on_timeout(&c);
	assert_int_equal(c.cwnd, MTU);
	assert_int_equal(c.ssthresh, 5 * MTU);
	sctp_congestion_on_timeout(&c);
	assert_int_equal(c.ssthresh, 4 * MTU);
}

static void an_unused_window_decays_to_the_initial_one(void **state)
{
	(void)state;
	struct sctp_congestion c;
	sctp_congestion_init(&c, MTU);
	usec now = 1000, rto = SCTP_RTO_MIN;
	sctp_congestion_on_send(&c, now, rto);
	while (c.cwnd < 100 * MTU)
		sctp_congestion_on_ack(&c, c.cwnd, c.cwnd);
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
	sctp_congestion_init(&c, MTU);
	for (int i = 0; i < 40; i++)
		sctp_congestion_on_ack(&c, c.cwnd, c.cwnd);
	assert_int_equal(c.cwnd, SCTP_CWND_MAX);
}

TESTS(TEST(slow_start_doubles_the_window_each_round_trip),
	TEST(congestion_avoidance_adds_a_packet_each_round_trip),
	TEST(a_timeout_begins_again_with_one_packet),
	TEST(an_unused_window_decays_to_the_initial_one), TEST(the_window_has_a_maximum))
