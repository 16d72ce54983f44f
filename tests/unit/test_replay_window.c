/* Each number once, in any order within the window. */
#include "dtls/replay_window.h"

#include "base/rng.h"
#include "test.h"

static void each_number_is_admitted_once(void **state)
{
	(void)state;
	struct replay_window window = {0};
	for (uint64_t i = 0; i < 3 * DTLS_REPLAY_WINDOW; i++) {
		assert_true(replay_window_admits(&window, i));
		replay_window_note(&window, i);
		assert_false(replay_window_admits(&window, i));
	}
}

static void the_window_reaches_as_far_back_as_it_says(void **state)
{
	(void)state;
	/* Wherever its front is in a word. */
	for (uint64_t front = 10000; front < 10064; front++) {
		struct replay_window window = {0};
		replay_window_note(&window, front);
		assert_false(replay_window_admits(&window, front));
		for (uint64_t back = 1; back < DTLS_REPLAY_WINDOW; back++) {
			assert_true(replay_window_admits(&window, front - back));
			replay_window_note(&window, front - back);
			assert_false(replay_window_admits(&window, front - back));
		}
		assert_false(replay_window_admits(&window, front - DTLS_REPLAY_WINDOW));
		assert_false(replay_window_admits(&window, 0));
	}
}

static void what_the_window_has_left_does_not_come_back(void **state)
{
	(void)state;
	static const uint64_t leaps[] = {1, 63, 64, 65, DTLS_REPLAY_WINDOW - 1, DTLS_REPLAY_WINDOW,
		DTLS_REPLAY_WINDOW + 64, DTLS_REPLAY_WINDOW + 65, 1000000, UINT64_C(1) << 47};
	for (size_t i = 0; i < sizeof leaps / sizeof leaps[0]; i++) {
		struct replay_window window = {0};
		for (uint64_t n = 0; n < 2000; n++)
			replay_window_note(&window, n);
		uint64_t front = 1999 + leaps[i];
		replay_window_note(&window, front);
		for (uint64_t n = 0; n < 2000; n++)
			assert_false(replay_window_admits(&window, n));
		/* What was leapt over is new, as far as the window reaches. */
		for (uint64_t n = front - 1; n > 1999 && front - n < DTLS_REPLAY_WINDOW; n--)
			assert_true(replay_window_admits(&window, n));
	}
}

static void the_last_number_of_all(void **state)
{
	(void)state;
	struct replay_window window = {0};
	replay_window_note(&window, DTLS_SEQUENCE_MAX);
	assert_false(replay_window_admits(&window, DTLS_SEQUENCE_MAX));
	assert_true(replay_window_admits(&window, DTLS_SEQUENCE_MAX - 1));
	assert_false(replay_window_admits(&window, 0));
}

/* Against a list of all that was noted. */
static void agrees_with_a_plain_list(void **state)
{
	(void)state;
	static bool noted[40000];
	struct rng rng = rng_seeded(1);
	struct replay_window window = {0};
	uint64_t front = 0;
	while (front < 38000) {
		uint64_t leap = rng_below(&rng, 100) == 0 ? 1500 : 4;
		uint64_t n = front + rng_below(&rng, leap);
		if (rng_below(&rng, 2))
			n -= n < 1100 ? 0 : rng_below(&rng, 1100);
		bool is_old = n + DTLS_REPLAY_WINDOW <= front;
		assert_int_equal(replay_window_admits(&window, n), !is_old && !noted[n]);
		if (is_old || noted[n])
			continue;
		replay_window_note(&window, n);
		noted[n] = true;
		front = n > front ? n : front;
	}
}

TESTS(TEST(each_number_is_admitted_once), TEST(the_window_reaches_as_far_back_as_it_says),
	TEST(what_the_window_has_left_does_not_come_back), TEST(the_last_number_of_all),
	TEST(agrees_with_a_plain_list))
