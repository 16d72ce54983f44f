#include "peer/farewell.h"

#include "peer/internal.h"
#include "support/peer_pair.h"
#include "test.h"

#define NOW (100 * USEC_PER_SEC)

static struct farewell words(void)
{
	struct farewell f = {0};
	farewell_add(&f, bytes_of_text("abort"));
	farewell_add(&f, bytes_of_text("notify"));
	farewell_begin(&f, NOW, 80 * USEC_PER_MS, true);
	return f;
}

static void they_are_repeated_a_few_times_unasked(void **state)
{
	(void)state;
	struct farewell f = words();
	unsigned count = 0;
	usec now = NOW, last = 0;
	assert_int_equal(farewell_write(&f, NOW).size, 0);
	while (farewell_deadline(&f) != USEC_NEVER) {
		now = farewell_deadline(&f);
		farewell_advance(&f, now);
		struct bytes said = farewell_write(&f, now);
		if (said.size > 0) {
			assert_bytes_equal(said, bytes_of_text("abortnotify"));
			count++;
			last = now;
		}
	}
	assert_int_equal(count, PEER_FAREWELL_UNASKED);
	assert_int_equal(last, NOW + (1 + 2 + 4) * 160 * USEC_PER_MS);
	assert_int_equal(now, NOW + PEER_LINGER);
	assert_true(f.done);
}

static void an_answer_ends_them(void **state)
{
	(void)state;
	struct farewell f = words();
	farewell_receive(&f, NOW + 1, true);
	assert_true(f.done);
	assert_true(farewell_deadline(&f) == USEC_NEVER);
}

static void who_has_not_heard_is_told_within_limits(void **state)
{
	(void)state;
	struct farewell f = words();
	unsigned count = 0;
	/* A flood of packets draws few answers. */
	for (usec now = NOW; now < NOW + 10 * USEC_PER_SEC; now += USEC_PER_MS) {
		farewell_receive(&f, now, false);
		count += farewell_write(&f, now).size > 0;
	}
	assert_int_equal(count, PEER_FAREWELL_REPEATS_MAX);
}

static void nothing_is_repeated_when_the_last_word_was_the_others(void **state)
{
	(void)state;
	struct farewell f = {0};
	farewell_add(&f, bytes_of_text("notify"));
	farewell_begin(&f, NOW, 0, false);
	assert_true(f.done);
	farewell_receive(&f, NOW + USEC_PER_SEC, false);
	assert_int_equal(farewell_write(&f, NOW + USEC_PER_SEC).size, 0);
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	static const uint8_t large[PEER_FAREWELL_MAX];
	struct farewell f = {0};
	farewell_add(&f, bytes_of_text("abort"));
	farewell_add(&f, bytes_of(large, sizeof large));
	assert_int_equal(f.size, 5);
	farewell_add(&f, bytes_of(large, sizeof large - 5));
	assert_int_equal(f.size, PEER_FAREWELL_MAX);
}

/* ---- Between peers ---- */

enum end {
	CLOSE,
	ABORT,
	BOTH_CLOSE,
};

static void say(struct peer_pair *pair, enum end end)
{
	struct dpc_peer *a = pair->ends[0].peer, *b = pair->ends[1].peer;
	if (end == ABORT)
		dpc_peer_abort(a, pair->now);
	else
		dpc_peer_close(a, pair->now);
	if (end == BOTH_CLOSE)
		dpc_peer_close(b, pair->now);
}

static void both_sides_know_at_once_on_a_good_line(void **state)
{
	(void)state;
	for (enum end end = CLOSE; end <= BOTH_CLOSE; end++) {
		struct peer_pair pair;
		assert_true(pair_connect(&pair));
		pair_run(&pair, USEC_PER_SEC);
		say(&pair, end);
		pair_run(&pair, 50 * USEC_PER_MS);
		for (int i = 0; i < 2; i++) {
			assert_true(pair.ends[i].closed);
			assert_true(dpc_peer_is_done(pair.ends[i].peer));
			assert_true(dpc_peer_deadline(pair.ends[i].peer) == INT64_MAX);
		}
		pair_deinit(&pair);
	}
}

static void thirty_percent_of_loss_does_not_keep_the_other_side_waiting(void **state)
{
	(void)state;
	usec slowest = 0, sum = 0;
	for (uint64_t seed = 0; seed < 60; seed++) {
		enum end end = (enum end)(seed % 3);
		struct peer_pair pair;
		assert_true(pair_connect(&pair));
		pair_run(&pair, USEC_PER_SEC);
		pair.network = rng_seeded(seed);
		pair.latency = 20 * USEC_PER_MS;
		pair.loss = 30;
		usec begun = pair.now;
		say(&pair, end);
		pair_run(&pair, 30 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			assert_true(pair.ends[i].closed);
			assert_true(dpc_peer_is_done(pair.ends[i].peer));
			usec took = pair.ends[i].closed_at - begun;
			slowest = usec_max(slowest, took);
			sum += took;
		}
		pair_deinit(&pair);
	}
	assert_true(slowest < 15 * USEC_PER_SEC);
	assert_true(sum / 120 < USEC_PER_SEC);
}

static bool lose_the_first_words(struct peer_pair *pair, int from, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return from != 0 || pair->counter-- <= 0;
}

static void words_that_are_lost_are_heard_a_moment_later(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair_run(&pair, USEC_PER_SEC);
	pair.on_datagram = lose_the_first_words;
	pair.counter = 2; /* ABORT and close_notify */
	dpc_peer_abort(pair.ends[0].peer, pair.now);
	pair_run(&pair, 2 * PEER_FAREWELL_INTERVAL_MIN);
	assert_true(pair.ends[1].closed);
	assert_string_equal(pair.ends[1].close_text, "closed by the peer");
	assert_true(dpc_peer_is_done(pair.ends[0].peer));
	pair_deinit(&pair);
}

static void a_check_of_consent_is_an_occasion_to_repeat_them(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair_run(&pair, USEC_PER_SEC);
	pair.on_datagram = lose_the_first_words;
	pair.counter = 2 + PEER_FAREWELL_UNASKED;
	dpc_peer_abort(pair.ends[0].peer, pair.now);
	pair_run(&pair, 2 * USEC_PER_SEC);
	assert_false(pair.ends[1].closed);
	pair_run(&pair, 5 * USEC_PER_SEC);
	assert_true(pair.ends[1].closed);
	pair_deinit(&pair);
}

static void destroying_is_immediate_all_the_same(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	dpc_peer_abort(pair.ends[0].peer, pair.now);
	pair_drain(&pair, 0);
	assert_false(dpc_peer_is_done(pair.ends[0].peer));
	pair_deinit(&pair);
}

TESTS(TEST(they_are_repeated_a_few_times_unasked), TEST(an_answer_ends_them),
	TEST(who_has_not_heard_is_told_within_limits),
	TEST(nothing_is_repeated_when_the_last_word_was_the_others),
	TEST(what_does_not_fit_is_left_out), TEST(both_sides_know_at_once_on_a_good_line),
	TEST(thirty_percent_of_loss_does_not_keep_the_other_side_waiting),
	TEST(words_that_are_lost_are_heard_a_moment_later),
	TEST(a_check_of_consent_is_an_occasion_to_repeat_them),
	TEST(destroying_is_immediate_all_the_same))
