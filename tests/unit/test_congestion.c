#include "sctp/congestion.h"

#include "sctp/limits.h"
#include "test.h"

#define MTU 1160

static void every_algorithm_starts_with_the_same_window(void **state)
{
	(void)state;
	for (enum sctp_congestion_algorithm i = SCTP_CONGESTION_DEFAULT; i <= SCTP_NEWRENO; i++) {
		struct sctp_congestion c;
		sctp_congestion_init(&c, i, MTU);
		assert_int_equal(c.cwnd, 10 * MTU);
		assert_int_equal(c.mtu, MTU);
	}
	/* RFC 6928: min (10*MSS, max (2*MSS, 14600)) */
	assert_int_equal(sctp_congestion_initial_window(1400), 14000);
	assert_int_equal(sctp_congestion_initial_window(1500), 14600);
	assert_int_equal(sctp_congestion_initial_window(9000), 18000);
}

TESTS(TEST(every_algorithm_starts_with_the_same_window))
