/* Keys that sign access tokens: the first, the next, and what becomes of the one before. */
#include "hub/token_keys.h"

#include "hub_store.h"

static void the_first_key_is_made_once(void **state)
{
	(void)state;
	struct world w = {0};
	struct token_keys keys = {0}, again = {0};
	start(&w);
	assert_ok(token_keys_load(&keys, w.store, NOW));
	assert_int_equal(keys.count, 1);
	assert_int_equal(strlen(keys.keys[0].id), TOKEN_KEY_ID_MAX - 1);
	/* Another hub, or this one after a restart. */
	assert_ok(token_keys_load(&again, w.store, NOW + 1000));
	assert_int_equal(again.count, 1);
	assert_memory_equal(&again.keys[0], &keys.keys[0], sizeof keys.keys[0]);
	assert_true(token_keys_newest(&keys) == token_keys_find(&keys, keys.keys[0].id, NOW));
	assert_null(token_keys_find(&keys, "0000000000000000", NOW));
	token_keys_forget(&again);
	assert_int_equal(again.count, 0);
	stop(&w);
}

static void the_key_before_counts_as_long_as_its_tokens(void **state)
{
	(void)state;
	struct world w = {0};
	struct token_keys keys = {0};
	char first[TOKEN_KEY_ID_MAX], second[TOKEN_KEY_ID_MAX];
	int64_t end = NOW + ACCESS_TOKEN_LIFETIME_S + TOKEN_FUTURE_MAX_S;
	start(&w);
	assert_ok(token_keys_load(&keys, w.store, NOW));
	memcpy(first, keys.keys[0].id, sizeof first);
	assert_ok(token_keys_rotate(&keys, w.store, NOW, false));
	assert_int_equal(keys.count, 2);
	memcpy(second, keys.keys[0].id, sizeof second);
	assert_string_not_equal(first, second);
	assert_non_null(token_keys_find(&keys, first, end - 1));
	assert_null(token_keys_find(&keys, first, end));
	assert_non_null(token_keys_find(&keys, second, end));
	/* One that somebody else may have. */
	assert_ok(token_keys_rotate(&keys, w.store, NOW + 1, true));
	assert_null(token_keys_find(&keys, first, NOW + 1));
	assert_null(token_keys_find(&keys, second, NOW + 1));
	assert_int_equal(keys.count, 1);
	stop(&w);
}

static void a_key_grows_old(void **state)
{
	(void)state;
	struct world w = {0};
	struct token_keys keys = {0};
	start(&w);
	assert_ok(token_keys_load(&keys, w.store, NOW));
	assert_false(token_keys_are_old(&keys, NOW + 2 * 86400 - 1, 2));
	assert_true(token_keys_are_old(&keys, NOW + 2 * 86400, 2));
	stop(&w);
}

TESTS(TEST(the_first_key_is_made_once), TEST(the_key_before_counts_as_long_as_its_tokens),
	TEST(a_key_grows_old))
