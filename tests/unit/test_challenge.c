#include "test.h"

#include <stdio.h>

#include "hub/challenge.h"
#include "hub/limits.h"

#define NOW INT64_C(1800000000)
#define NODE "dpc-node-0123456789abcdef"

static struct challenges challenges_of(struct rng *rng)
{
	struct challenges challenges = {.rng = rng};
	rng_fill(rng, challenges.key, sizeof challenges.key);
	return challenges;
}

static void a_challenge_is_accepted_for_what_it_was_made(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	char text[CHALLENGE_TEXT_MAX], changed[CHALLENGE_TEXT_MAX];
	struct challenges challenges = challenges_of(&rng);
	struct challenges others = challenges_of(&rng);
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
}

static void the_other_way_to_write_a_challenge_is_refused(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(7);
	char text[CHALLENGE_TEXT_MAX];
	bool seen = false;
	struct challenges challenges = challenges_of(&rng);
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
}

TESTS(TEST(a_challenge_is_accepted_for_what_it_was_made),
	TEST(the_other_way_to_write_a_challenge_is_refused))
