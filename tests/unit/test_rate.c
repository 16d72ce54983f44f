#include "test.h"

#include "node/failure.h"
#include "node/rate.h"

static void a_burst_of_one_minutes_worth_is_allowed_and_not_more(void **state)
{
	(void)state;
	struct rate rate = {0};
	usec now = 5 * USEC_PER_SEC;
	for (int i = 0; i < 30; i++)
		assert_true(rate_take(&rate, now, 30));
	assert_false(rate_take(&rate, now, 30));
}

static void the_bucket_refills_steadily(void **state)
{
	(void)state;
	struct rate rate = {0};
	usec now = 0;
	while (rate_take(&rate, now, 60))
		;
	now += USEC_PER_SEC;
	assert_true(rate_take(&rate, now, 60));
	assert_false(rate_take(&rate, now, 60));
	now += 60 * USEC_PER_SEC;
	for (int i = 0; i < 60; i++)
		assert_true(rate_take(&rate, now, 60));
	assert_false(rate_take(&rate, now, 60));
}

static void failures_have_names_and_statuses(void **state)
{
	(void)state;
	for (enum failure_code code = FAILURE_NONE + 1; code < FAILURE_COUNT; code++) {
		/* That of who asks for a token is no peer's to say. */
		assert_int_equal(failure_of_name(failure_name(code)),
			code < FAILURE_MALFORMED ? FAILURE_REFUSED : code);
		assert_in_range(failure_status(code), 400, 599);
	}
	assert_int_equal(failure_of_name("nothing of ours"), FAILURE_REFUSED);
	assert_int_equal(failure_of_name("unknown_type"), FAILURE_UNSUPPORTED);
}

TESTS(TEST(a_burst_of_one_minutes_worth_is_allowed_and_not_more), TEST(the_bucket_refills_steadily),
	TEST(failures_have_names_and_statuses))
