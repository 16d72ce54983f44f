#include "base/rng.h"

#include <ctype.h>

#include "test.h"

static void same_seed_gives_the_same_bytes(void **state)
{
	(void)state;
	struct rng a = rng_seeded(42), b = rng_seeded(42), c = rng_seeded(43);
	uint64_t first = rng_u64(&a);
	assert_true(first == rng_u64(&b));
	assert_true(first != rng_u64(&c));
}

static void below_stays_below_and_reaches_every_value(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	int seen[7] = {0};
	for (int i = 0; i < 1000; i++)
		seen[rng_below(&rng, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_true(seen[i] > 50);
	assert_true(rng_below(&rng, 1) == 0);
}

static void text_is_made_of_ice_characters(void **state)
{
	(void)state;
	struct rng rng = rng_system();
	char text[257];
	rng_text(&rng, text, 256);
	assert_int_equal(strlen(text), 256);
	for (const char *c = text; *c; c++)
		assert_true(isalnum((unsigned char)*c) || *c == '+' || *c == '/');
}

TESTS(TEST(same_seed_gives_the_same_bytes), TEST(below_stays_below_and_reaches_every_value),
	TEST(text_is_made_of_ice_characters))
