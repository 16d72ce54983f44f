#include "base/map.h"

#include "test.h"

#define KEYS 500

static void siphash_gives_the_published_vector(void **state)
{
	(void)state;
	uint8_t secret[16], message[15];
	for (uint8_t i = 0; i < 16; i++)
		secret[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		message[i] = i;
	/* The worked example of the SipHash paper, appendix A. */
	assert_true(siphash24(secret, bytes_of(message, sizeof message)) ==
		    UINT64_C(0xa129ca6149be45e5));
}

static void holds_what_a_plain_array_holds(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(3);
	struct map map;
	map_init(&map, KEYS, &rng);
	uint32_t keys[KEYS];
	bool present[KEYS] = {false};
	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = i;
	for (int step = 0; step < 20000; step++) {
		size_t i = rng_below(&rng, KEYS);
		struct bytes key = bytes_of(&keys[i], sizeof keys[i]);
		if (rng_below(&rng, 2) == 0) {
			assert_err(
				map_insert(&map, key, &keys[i]), present[i] ? ERR_EXISTS : ERR_OK);
			present[i] = true;
		} else {
			assert_ptr_equal(map_remove(&map, key), present[i] ? &keys[i] : NULL);
			present[i] = false;
		}
	}
	size_t expected = 0, seen = 0, cursor = 0;
	for (size_t i = 0; i < KEYS; i++) {
		expected += present[i];
		assert_ptr_equal(map_get(&map, bytes_of(&keys[i], sizeof keys[i])),
			present[i] ? &keys[i] : NULL);
	}
	while (map_next(&map, &cursor))
		seen++;
	assert_int_equal(seen, expected);
	assert_int_equal(map.count, expected);
	map_deinit(&map);
}

static void refuses_more_than_its_maximum(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(3);
	struct map map;
	map_init(&map, 2, &rng);
	assert_ok(map_insert(&map, bytes_of_text("a"), &rng));
	assert_ok(map_insert(&map, bytes_of_text("b"), &rng));
	assert_err(map_insert(&map, bytes_of_text("c"), &rng), ERR_LIMIT);
	map_deinit(&map);
}

static void shrinks_when_nearly_all_is_gone(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	static uint32_t many[MANY];
	struct rng rng = rng_seeded(3);
	struct map map;
	map_init(&map, MANY, &rng);
	for (uint32_t i = 0; i < MANY; i++) {
		many[i] = i;
		assert_ok(map_insert(&map, bytes_of(&many[i], sizeof many[i]), &many[i]));
	}
	size_t full = map.capacity;
	for (uint32_t i = MANY - 1; i >= 100; i--)
		assert_ptr_equal(map_remove(&map, bytes_of(&i, sizeof i)), &many[i]);
	assert_true(map.capacity <= 8 * 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_ptr_equal(map_get(&map, bytes_of(&i, sizeof i)), &many[i]);
	for (uint32_t i = 100; i < MANY; i++)
		assert_ok(map_insert(&map, bytes_of(&many[i], sizeof many[i]), &many[i]));
	assert_int_equal(map.capacity, full);
	map_deinit(&map);
}

TESTS(TEST(siphash_gives_the_published_vector), TEST(holds_what_a_plain_array_holds),
	TEST(refuses_more_than_its_maximum), TEST(shrinks_when_nearly_all_is_gone))
