#include "base/usec.h"

#include "test.h"

static void a_time_is_in_the_bucket_of_the_first_bound_that_it_does_not_exceed(void **state)
{
	static const usec bounds[] = {100, 1000, 5000};
	static const struct {
		usec taken;
		size_t bucket;
	} cases[] = {{-1, 0}, {0, 0}, {100, 0}, {101, 1}, {1000, 1}, {1001, 2}, {5000, 2},
		{5001, 3}, {USEC_NEVER, 3}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(usec_bucket(cases[i].taken, bounds, 3), cases[i].bucket);
	assert_int_equal(usec_bucket(7, bounds, 0), 0);
}

TESTS(TEST(a_time_is_in_the_bucket_of_the_first_bound_that_it_does_not_exceed))
