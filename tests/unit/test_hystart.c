#include "sctp/hystart.h"

#include "test.h"

static bool play(struct sctp_hystart *h, usec round_trip)
{
	for (int i = 0; i < 10; i++)
		sctp_hystart_on_round_trip(h, round_trip);
	return sctp_hystart_end_round(h);
}

static void steady_round_trips_never_end_slow_start(void **state)
{
	(void)state;
	struct sctp_hystart h = {0};
	for (int i = 0; i < 100; i++)
		assert_false(play(&h, 50 * USEC_PER_MS + i % 3 * USEC_PER_MS));
	assert_int_equal(sctp_hystart_divisor(&h), 1);
}

static void growing_ones_slow_it_down_and_end_it_five_rounds_later(void **state)
{
	(void)state;
	struct sctp_hystart h = {0};
	assert_false(play(&h, 40 * USEC_PER_MS));
	assert_false(play(&h, 44 * USEC_PER_MS)); /* not by an eighth */
	assert_int_equal(sctp_hystart_divisor(&h), 1);
	assert_false(play(&h, 50 * USEC_PER_MS));
	assert_int_equal(sctp_hystart_divisor(&h), 4);
	for (int i = 0; i < 4; i++)
		assert_false(play(&h, 55 * USEC_PER_MS));
	assert_true(play(&h, 55 * USEC_PER_MS));
}

static void a_passing_delay_resumes_slow_start(void **state)
{
	(void)state;
	struct sctp_hystart h = {0};
	play(&h, 40 * USEC_PER_MS);
	play(&h, 60 * USEC_PER_MS);
	assert_int_equal(sctp_hystart_divisor(&h), 4);
	play(&h, 41 * USEC_PER_MS);
	assert_int_equal(sctp_hystart_divisor(&h), 1);
}

static void a_few_samples_say_nothing(void **state)
{
	(void)state;
	struct sctp_hystart h = {0};
	play(&h, 40 * USEC_PER_MS);
	for (int i = 0; i < 7; i++)
		sctp_hystart_on_round_trip(&h, 90 * USEC_PER_MS);
	assert_int_equal(sctp_hystart_divisor(&h), 1);
	sctp_hystart_on_round_trip(&h, 90 * USEC_PER_MS);
	assert_int_equal(sctp_hystart_divisor(&h), 4);
}

TESTS(TEST(steady_round_trips_never_end_slow_start),
	TEST(growing_ones_slow_it_down_and_end_it_five_rounds_later),
	TEST(a_passing_delay_resumes_slow_start), TEST(a_few_samples_say_nothing))
