#include "sctp/rto.h"

#include "sctp/limits.h"
#include "test.h"

static void the_first_measurement_sets_it_and_later_ones_smooth_it(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_INITIAL);
	sctp_rto_measure(&rto, 200 * USEC_PER_MS);
	assert_true(rto.srtt == 200 * USEC_PER_MS);
	assert_true(sctp_rto_current(&rto) == 600 * USEC_PER_MS);
	for (int i = 0; i < 100; i++)
		sctp_rto_measure(&rto, 400 * USEC_PER_MS);
	assert_in_range(rto.srtt, 399 * USEC_PER_MS, 400 * USEC_PER_MS);
	assert_in_range(sctp_rto_current(&rto), 399 * USEC_PER_MS, 410 * USEC_PER_MS);
}

static void it_stays_between_its_limits_and_backs_off(void **state)
{
	(void)state;
	struct sctp_rto rto;
	sctp_rto_init(&rto);
	sctp_rto_measure(&rto, 0);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MIN);
	sctp_rto_back_off(&rto);
	assert_true(sctp_rto_current(&rto) == 2 * SCTP_RTO_MIN);
	for (int i = 0; i < 100; i++)
		sctp_rto_back_off(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MAX);
	sctp_rto_recover(&rto);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MIN);
	sctp_rto_measure(&rto, 3600 * USEC_PER_SEC);
	assert_true(sctp_rto_current(&rto) == SCTP_RTO_MAX);
}

TESTS(TEST(the_first_measurement_sets_it_and_later_ones_smooth_it),
	TEST(it_stays_between_its_limits_and_backs_off))
