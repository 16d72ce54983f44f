#include "sctp/rack.h"

#include "sctp/limits.h"
#include "test.h"

static struct sctp_rto path(usec round_trip)
{
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_measure(&rto, 0, round_trip);
	return rto;
}

static void a_packet_is_late_after_a_quarter_of_a_round_trip_more(void **state)
{
	(void)state;
	struct sctp_rack r = {0};
	struct sctp_rto rto = path(40 * USEC_PER_MS);
	assert_int_equal(sctp_rack_age(&r, &rto), 50 * USEC_PER_MS);
	/* Not below what a timer can tell. */
	rto = path(100);
	assert_int_equal(sctp_rack_age(&r, &rto), 100 + SCTP_TIMER_GRANULARITY);
}

static void packets_count_until_reordering_is_seen(void **state)
{
	(void)state;
	struct sctp_rack r = {0};
	assert_int_equal(sctp_rack_packets(&r), SCTP_PACKETS_TO_RETRANSMIT);
	sctp_rack_on_reordering(&r);
	assert_true(sctp_rack_packets(&r) == UINT64_MAX);
}

static void needless_retransmissions_widen_the_window_for_a_while(void **state)
{
	(void)state;
	struct sctp_rack r = {0};
	struct sctp_rto rto = path(40 * USEC_PER_MS);
	sctp_rack_on_spurious(&r);
	assert_int_equal(sctp_rack_age(&r, &rto), 60 * USEC_PER_MS);
	for (int i = 0; i < 100; i++)
		sctp_rack_on_spurious(&r);
	assert_int_equal(r.multiplier, SCTP_RACK_MULTIPLIER_MAX);
	/* Never more than a round trip. */
	assert_int_equal(sctp_rack_age(&r, &rto), 80 * USEC_PER_MS);
	for (int i = 0; i < SCTP_RACK_PATIENCE - 1; i++)
		sctp_rack_on_loss(&r);
	assert_int_equal(sctp_rack_age(&r, &rto), 80 * USEC_PER_MS);
	sctp_rack_on_loss(&r);
	assert_int_equal(sctp_rack_age(&r, &rto), 50 * USEC_PER_MS);
}

static void a_probe_waits_two_round_trips_and_for_a_delayed_sack(void **state)
{
	(void)state;
	struct sctp_rto rto = path(40 * USEC_PER_MS);
	assert_int_equal(sctp_rack_probe_delay(&rto, false), 80 * USEC_PER_MS);
	assert_int_equal(
		sctp_rack_probe_delay(&rto, true), 80 * USEC_PER_MS + SCTP_PEER_SACK_DELAY_MAX);
	rto = path(100);
	assert_int_equal(sctp_rack_probe_delay(&rto, false), SCTP_PROBE_DELAY_MIN);
	sctp_rto_init(&rto);
	assert_int_equal(sctp_rack_probe_delay(&rto, false), SCTP_RTO_INITIAL);
}

TESTS(TEST(a_packet_is_late_after_a_quarter_of_a_round_trip_more),
	TEST(packets_count_until_reordering_is_seen),
	TEST(needless_retransmissions_widen_the_window_for_a_while),
	TEST(a_probe_waits_two_round_trips_and_for_a_delayed_sack))
