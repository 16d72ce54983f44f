#include "sctp/rto.h"

#include "sctp/limits.h"
#include "test.h"

static void the_first_measurement_sets_it_and_later_ones_smooth_it(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_INITIAL);
	sctp_rto_measure(&rto, 0, 200 * USEC_PER_MS);
	assert_true(rto.srtt == 200 * USEC_PER_MS);
	assert_true(sctp_rto_current(&rto) == 600 * USEC_PER_MS);
	for (int i = 0; i < 100; i++)
		sctp_rto_measure(&rto, 0, 400 * USEC_PER_MS);
	assert_in_range(rto.srtt, 399 * USEC_PER_MS, 400 * USEC_PER_MS);
	assert_in_range(sctp_rto_current(&rto), 399 * USEC_PER_MS, 410 * USEC_PER_MS);
}

static void it_stays_between_its_limits_and_backs_off(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_measure(&rto, 0, 0);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MIN);
	sctp_rto_back_off(&rto);
	assert_true(sctp_rto_current(&rto) == 2 * SCTP_RTO_MIN);
	for (int i = 0; i < 100; i++)
		sctp_rto_back_off(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MAX);
	sctp_rto_recover(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MIN);
	for (int i = 0; i < 10; i++)
		sctp_rto_measure(&rto, 0, SCTP_RTO_MAX);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MAX);
}

static void a_jump_of_the_clock_is_no_round_trip(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_measure(&rto, 0, 50 * USEC_PER_MS);
	sctp_rto_measure(&rto, 3600 * USEC_PER_SEC, 3600 * USEC_PER_SEC);
	assert_true(rto.srtt == 50 * USEC_PER_MS);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MIN);
}

static void the_smallest_round_trip_is_forgotten_by_and_by(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_measure(&rto, 0, 10 * USEC_PER_MS);
	for (usec now = 0; now < SCTP_RTT_MIN_WINDOW; now += USEC_PER_SEC)
		sctp_rto_measure(&rto, now, 30 * USEC_PER_MS);
	assert_true(rto.min == 10 * USEC_PER_MS);
	for (usec now = SCTP_RTT_MIN_WINDOW; now <= 2 * SCTP_RTT_MIN_WINDOW; now += USEC_PER_SEC)
		sctp_rto_measure(&rto, now, 30 * USEC_PER_MS);
	assert_true(rto.min == 30 * USEC_PER_MS);
}

/* Until the window in which the smallest is kept is over. */
static void what_was_measured_can_be_corrected(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_correct(&rto, 10 * USEC_PER_MS);
	assert_true(rto.min == 0);
	sctp_rto_measure(&rto, 0, 8 * USEC_PER_SEC);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MAX);
	sctp_rto_correct(&rto, 300 * USEC_PER_MS);
	sctp_rto_correct(&rto, 400 * USEC_PER_MS);
	assert_true(rto.min == 300 * USEC_PER_MS);
	assert_true(rto.srtt == 300 * USEC_PER_MS);
	assert_true(sctp_rto_current(&rto) == 900 * USEC_PER_MS);
	sctp_rto_measure(&rto, SCTP_RTT_MIN_WINDOW - 1, 500 * USEC_PER_MS);
	assert_true(rto.min == 300 * USEC_PER_MS);
	sctp_rto_measure(&rto, SCTP_RTT_MIN_WINDOW, 500 * USEC_PER_MS);
	assert_true(rto.min == 500 * USEC_PER_MS);
}

TESTS(TEST(the_first_measurement_sets_it_and_later_ones_smooth_it),
	TEST(it_stays_between_its_limits_and_backs_off), TEST(a_jump_of_the_clock_is_no_round_trip),
	TEST(the_smallest_round_trip_is_forgotten_by_and_by),
	TEST(what_was_measured_can_be_corrected))
