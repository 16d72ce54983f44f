#include "sctp/tracker.h"

#include "base/rng.h"
#include "test.h"

#define BASE (UINT64_C(1) << 32)

static void agrees_with_a_plain_set(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	for (int round = 0; round < 20; round++) {
		struct sctp_tracker tracker;
		sctp_tracker_init(&tracker, BASE);
		bool set[201] = {true};
		for (int step = 0; step < 2000; step++) {
			uint64_t i = 1 + rng_below(&rng, 200);
			assert_int_equal(sctp_tracker_has(&tracker, BASE + i), set[i]);
			if (!set[i])
				assert_ok(sctp_tracker_add(&tracker, BASE + i));
			set[i] = true;
			uint64_t cumulative = 0, highest = 0;
			while (cumulative < 200 && set[cumulative + 1])
				cumulative++;
			for (uint64_t j = 1; j <= 200; j++)
				highest = set[j] ? j : highest;
			assert_true(tracker.cumulative == BASE + cumulative);
			assert_true(sctp_tracker_highest(&tracker) == BASE + highest);
			for (size_t j = 1; j < tracker.count; j++)
				assert_true(tracker.runs[j - 1].end + 1 < tracker.runs[j].start);
			if (tracker.cumulative == BASE + 200)
				break;
		}
		sctp_tracker_deinit(&tracker);
	}
}

static void one_run_too_many_is_refused(void **state)
{
	(void)state;
	struct sctp_tracker tracker;
	sctp_tracker_init(&tracker, BASE);
	for (uint64_t i = 1; i <= SCTP_GAP_BLOCKS_MAX; i++)
		assert_ok(sctp_tracker_add(&tracker, BASE + 2 * i));
	assert_err(sctp_tracker_add(&tracker, BASE + 10000), ERR_LIMIT);
	assert_ok(sctp_tracker_add(&tracker, BASE + 5));
	assert_ok(sctp_tracker_add(&tracker, BASE + 10000));
	sctp_tracker_deinit(&tracker);
}

static void going_forward_passes_over_runs(void **state)
{
	(void)state;
	struct sctp_tracker tracker;
	sctp_tracker_init(&tracker, BASE);
	for (uint64_t i = 2; i <= 8; i += 2)
		assert_ok(sctp_tracker_add(&tracker, BASE + i));
	sctp_tracker_forward(&tracker, BASE + 3);
	assert_true(tracker.cumulative == BASE + 4);
	sctp_tracker_forward(&tracker, BASE + 1);
	assert_true(tracker.cumulative == BASE + 4);
	sctp_tracker_forward(&tracker, BASE + 100);
	assert_true(tracker.cumulative == BASE + 100);
	assert_null(tracker.runs);
	sctp_tracker_deinit(&tracker);
}

static void duplicates_are_noted_up_to_a_limit(void **state)
{
	(void)state;
	struct sctp_tracker tracker;
	sctp_tracker_init(&tracker, BASE);
	for (uint64_t i = 0; i < 2 * SCTP_DUPLICATES_MAX; i++)
		sctp_tracker_note_duplicate(&tracker, BASE + i);
	assert_int_equal(tracker.duplicate_count, SCTP_DUPLICATES_MAX);
}

TESTS(TEST(agrees_with_a_plain_set), TEST(one_run_too_many_is_refused),
	TEST(going_forward_passes_over_runs), TEST(duplicates_are_noted_up_to_a_limit))
