#include "test.h"

#include "hub/ratelimit.h"

#define START (1000 * USEC_PER_SEC)

static size_t take_all(struct ratelimit *limit, const char *key, usec now)
{
	size_t count = 0;
	while (count < 1000 && ratelimit_take(limit, bytes_of_text(key), now))
		count++;
	return count;
}

static void a_burst_is_granted_and_then_the_rate(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct ratelimit limit;
	ratelimit_init(&limit, 10, 30, 100, &rng);
	assert_int_equal(take_all(&limit, "a", START), 30);
	assert_int_equal(take_all(&limit, "a", START + USEC_PER_SEC), 10);
	assert_int_equal(take_all(&limit, "a", START + USEC_PER_SEC + 99999), 0);
	assert_int_equal(take_all(&limit, "a", START + USEC_PER_SEC + 100000), 1);
	assert_int_equal(take_all(&limit, "a", START + 1000 * USEC_PER_SEC), 30);
	ratelimit_deinit(&limit);
}

static void keys_do_not_touch_each_other(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct ratelimit limit;
	ratelimit_init(&limit, 1, 3, 100, &rng);
	assert_int_equal(take_all(&limit, "a", START), 3);
	assert_int_equal(take_all(&limit, "b", START), 3);
	assert_int_equal(take_all(&limit, "a", START), 0);
	ratelimit_deinit(&limit);
}

static void the_table_is_bounded_and_forgets_who_was_idle_longest(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct ratelimit limit;
	ratelimit_init(&limit, 1, 1, 4, &rng);
	for (uint8_t i = 0; i < 4; i++)
		assert_true(ratelimit_take(&limit, bytes_of(&i, 1), START));
	uint8_t first = 0, fifth = 4, second = 1;
	assert_false(ratelimit_take(&limit, bytes_of(&first, 1), START));
	assert_true(ratelimit_take(&limit, bytes_of(&fifth, 1), START));
	assert_int_equal(limit.buckets.count, 4);
	/* The first was used since; the second was forgotten. */
	assert_false(ratelimit_take(&limit, bytes_of(&first, 1), START));
	assert_true(ratelimit_take(&limit, bytes_of(&second, 1), START));
	ratelimit_deinit(&limit);
}

static void full_buckets_do_not_stay(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct ratelimit limit;
	ratelimit_init(&limit, 1, 1, 1000, &rng);
	for (uint8_t i = 0; i < 100; i++)
		assert_true(ratelimit_take(&limit, bytes_of(&i, 1), START + i * 2 * USEC_PER_SEC));
	assert_true(limit.buckets.count <= 2);
	ratelimit_deinit(&limit);
}

TESTS(TEST(a_burst_is_granted_and_then_the_rate), TEST(keys_do_not_touch_each_other),
	TEST(the_table_is_bounded_and_forgets_who_was_idle_longest), TEST(full_buckets_do_not_stay))
