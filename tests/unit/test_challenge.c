#include "test.h"

#include <stdio.h>

#include "hub/challenge.h"
#include "hub/limits.h"

#define NOW INT64_C(1800000000)
#define NODE "dpc-node-0123456789abcdef"

static void a_challenge_is_accepted_for_what_it_was_made(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct challenges challenges, others;
	char text[CHALLENGE_TEXT_MAX], changed[CHALLENGE_TEXT_MAX];
	challenges_init(&challenges, 10, &rng);
	challenges_init(&others, 10, &rng);
	assert_ok(challenge_issue(&challenges, "login", NODE, NOW, text));
	assert_int_equal(strlen(text), CHALLENGE_TEXT_MAX - 1);
	assert_ok(challenge_check(&challenges, "login", NODE, text, NOW));
	assert_ok(
		challenge_check(&challenges, "login", NODE, text, NOW + CHALLENGE_LIFETIME_S - 1));
	assert_err(challenge_check(&challenges, "login", NODE, text, NOW + CHALLENGE_LIFETIME_S),
		ERR_EXPIRED);
	assert_err(challenge_check(&challenges, "register", NODE, text, NOW), ERR_UNTRUSTED);
	assert_err(challenge_check(&challenges, "login", NODE "0", text, NOW), ERR_UNTRUSTED);
	assert_err(challenge_check(&others, "login", NODE, text, NOW), ERR_UNTRUSTED);
	assert_err(challenge_check(&challenges, "login", NODE, "", NOW), ERR_UNTRUSTED);
	for (size_t i = 0; i < strlen(text); i++) {
		memcpy(changed, text, sizeof text);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_err(
			challenge_check(&challenges, "login", NODE, changed, NOW), ERR_UNTRUSTED);
	}
	challenges_deinit(&challenges);
	challenges_deinit(&others);
}

static void a_challenge_is_good_once(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct challenges challenges;
	char text[CHALLENGE_TEXT_MAX];
	challenges_init(&challenges, 10, &rng);
	assert_ok(challenge_issue(&challenges, "login", NODE, NOW, text));
	assert_ok(challenge_spend(&challenges, text, NOW));
	assert_err(challenge_check(&challenges, "login", NODE, text, NOW + 1), ERR_EXISTS);
	assert_err(challenge_spend(&challenges, text, NOW), ERR_EXISTS);
	challenges_deinit(&challenges);
}

static void the_other_way_to_write_a_challenge_is_refused(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(7);
	struct challenges challenges;
	char text[CHALLENGE_TEXT_MAX];
	bool seen = false;
	challenges_init(&challenges, 10, &rng);
	for (int i = 0; i < 100 && !seen; i++) {
		assert_ok(challenge_issue(&challenges, "login", NODE, NOW, text));
		char *place = strpbrk(text, "-_");
		if (!place)
			continue;
		*place = *place == '-' ? '+' : '/';
		assert_err(challenge_check(&challenges, "login", NODE, text, NOW), ERR_UNTRUSTED);
		seen = true;
	}
	assert_true(seen);
	challenges_deinit(&challenges);
}

static void spent_ones_are_bounded_and_forgotten_when_they_expire(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct challenges challenges;
	char text[CHALLENGE_TEXT_MAX];
	challenges_init(&challenges, 3, &rng);
	for (int i = 0; i < 4; i++) {
		assert_ok(challenge_issue(&challenges, "login", NODE, NOW, text));
		assert_err(challenge_spend(&challenges, text, NOW), i < 3 ? ERR_OK : ERR_LIMIT);
	}
	assert_ok(challenge_issue(&challenges, "login", NODE, NOW + CHALLENGE_LIFETIME_S, text));
	assert_ok(challenge_spend(&challenges, text, NOW + CHALLENGE_LIFETIME_S));
	assert_int_equal(challenges.spent.count, 1);
	challenges_deinit(&challenges);
}

TESTS(TEST(a_challenge_is_accepted_for_what_it_was_made), TEST(a_challenge_is_good_once),
	TEST(the_other_way_to_write_a_challenge_is_refused),
	TEST(spent_ones_are_bounded_and_forgotten_when_they_expire))
