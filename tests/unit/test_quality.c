/* What counters say of a link: tables of samples, and everything that could make them absurd. */
#include "test.h"

#include <stdio.h>

#include "node/quality.h"

#define SECOND USEC_PER_SEC
#define START (1000 * SECOND)

static struct quality *create(void)
{
	struct quality *quality = NULL;
	assert_ok(quality_create(&quality));
	return quality;
}

static struct quality_counters counters_of(uint64_t link, uint64_t bytes, uint64_t sent)
{
	return (struct quality_counters){.link = link,
		.rtt = 20 * USEC_PER_MS,
		.jitter = USEC_PER_MS,
		.bytes_in = bytes,
		.bytes_out = 2 * bytes,
		.sent = sent,
		.lost = sent / 10};
}

static void count(struct quality *quality, usec now, uint64_t link, uint64_t bytes, uint64_t sent)
{
	struct quality_counters counters = counters_of(link, bytes, sent);
	quality_count(quality, now, &counters);
}

static void a_sample_is_what_the_counters_grew_by(void **state)
{
	(void)state;
	static const struct {
		usec at; /* seconds after the start */
		struct quality_counters counters;
		struct quality_sample sample;
	} steps[] = {
		{10, {1, 20000, 1000, 0, 0, 5000, 100, 100, 10},
			{0, 10 * SECOND, 20000, 1000, 500, 10, 100, 10}},
		{20, {1, 30000, 2000, 0, 0, 5000, 10100, 100, 10},
			{0, 10 * SECOND, 30000, 2000, 0, 1000, 0, 0}},
		{25, {1, 0, 0, 0, 0, 6000, 10100, 102, 11}, {0, 5 * SECOND, 0, 0, 200, 0, 2, 1}},
		{85, {1, 1, 1, 0, 0, 66000, 10100, 102, 11}, {0, 60 * SECOND, 1, 1, 1000, 0, 0, 0}},
	};
	struct quality *quality = create();
	struct quality_counters zero = {.link = 1};
	quality_count(quality, START, &zero);
	assert_int_equal(quality_sample_count(quality), 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct quality_sample sample;
		quality_count(quality, START + steps[i].at * SECOND, &steps[i].counters);
		assert_int_equal(quality_sample_count(quality), i + 1);
		quality_sample(quality, i, &sample);
		assert_int_equal(sample.at, START + steps[i].at * SECOND);
		/* Numbers above 2,047 are cut to eleven bits. */
		assert_in_range(
			sample.span, steps[i].sample.span * 2046 / 2047, steps[i].sample.span);
		assert_in_range(sample.rtt, steps[i].sample.rtt * 2046 / 2047, steps[i].sample.rtt);
		assert_int_equal(sample.jitter, steps[i].sample.jitter);
		assert_int_equal(sample.rate_in, steps[i].sample.rate_in);
		assert_int_equal(sample.rate_out, steps[i].sample.rate_out);
		assert_int_equal(sample.sent, steps[i].sample.sent);
		assert_int_equal(sample.lost, steps[i].sample.lost);
	}
	quality_destroy(quality);
}

static void large_numbers_are_kept_to_one_part_in_a_thousand(void **state)
{
	(void)state;
	struct quality *quality = create();
	for (unsigned bit = 0; bit < 40; bit++) {
		uint64_t rate = (1ULL << bit) + (1ULL << bit) / 3;
		struct quality_sample sample;
		struct quality_counters counters = {.link = bit};
		quality_count(quality, START + bit * 100 * SECOND, &counters);
		counters.bytes_in = 10 * rate;
		quality_count(quality, START + (bit * 100 + 10) * SECOND, &counters);
		quality_sample(quality, quality_sample_count(quality) - 1, &sample);
		assert_in_range(sample.rate_in, rate - rate / 1000, rate);
	}
	quality_destroy(quality);
}

static void another_link_counts_from_its_own_beginning(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_summary sum;
	count(quality, START, 1, 0, 0);
	count(quality, START + 10 * SECOND, 1, 1000 * 1000 * 1000, 1000000);
	/* Its counters are far below, then far above those of the one before. */
	count(quality, START + 12 * SECOND, 2, 50, 10);
	count(quality, START + 22 * SECOND, 2, 1050, 20);
	count(quality, START + 24 * SECOND, 3, UINT64_MAX / 4, UINT64_MAX / 4);
	count(quality, START + 34 * SECOND, 3, UINT64_MAX / 4 + 1000, UINT64_MAX / 4 + 10);
	quality_summary(quality, START + 11 * SECOND, USEC_NEVER, &sum);
	assert_int_equal(sum.samples, 2);
	assert_int_equal(sum.span, 20 * SECOND);
	assert_int_equal(sum.rate_in.min, 100);
	assert_int_equal(sum.rate_in.max, 100);
	assert_int_equal(sum.rate_out.mean, 200);
	assert_int_equal(sum.sent, 20);
	assert_true(sum.lost <= sum.sent);
	quality_destroy(quality);
}

static void counters_and_clocks_that_run_backwards_are_no_sample(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_sample sample;
	count(quality, START, 1, 1000, 10);
	count(quality, START + 10 * SECOND, 1, 999, 10);
	assert_int_equal(quality_sample_count(quality), 0);
	count(quality, START - 500 * SECOND, 1, 2000, 20);
	assert_int_equal(quality_sample_count(quality), 0);
	count(quality, START - 490 * SECOND, 1, 2100, 20);
	assert_int_equal(quality_sample_count(quality), 1);
	quality_sample(quality, 0, &sample);
	assert_int_equal(sample.rate_in, 10);
	/* Far ahead: a rate over the whole time, and all that was before is too old. */
	count(quality, START + 10 * QUALITY_TIME, 1, 2100, 20);
	assert_int_equal(quality_sample_count(quality), 1);
	quality_sample(quality, 0, &sample);
	assert_int_equal(sample.rate_in, 0);
	/* Set back: what is of the future now is as good as too old. */
	count(quality, START, 1, 2100, 20);
	count(quality, START + 10 * SECOND, 1, 2100, 20);
	assert_int_equal(quality_sample_count(quality), 1);
	quality_destroy(quality);
}

static void too_short_a_time_is_left_to_the_next_sample(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_sample sample;
	count(quality, START, 1, 0, 0);
	count(quality, START, 1, 500, 0);
	count(quality, START + QUALITY_SPAN_MIN - 1, 1, 900, 0);
	assert_int_equal(quality_sample_count(quality), 0);
	count(quality, START + QUALITY_SPAN_MIN, 1, 1000, 0);
	assert_int_equal(quality_sample_count(quality), 1);
	quality_sample(quality, 0, &sample);
	assert_int_equal(sample.rate_in, 1000);
	quality_destroy(quality);
}

static void the_ring_keeps_the_last_hour(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_summary sum;
	struct quality_sample sample;
	/* A sample a second: more than an hour of them is more than there is room for. */
	for (unsigned i = 0; i <= QUALITY_SAMPLES_MAX + 100; i++)
		count(quality, START + i * SECOND, 1, i * 100, i);
	assert_int_equal(quality_sample_count(quality), QUALITY_SAMPLES_MAX);
	for (size_t i = 0; i < QUALITY_SAMPLES_MAX; i++) {
		quality_sample(quality, i, &sample);
		assert_int_equal(sample.at, START + (usec)(101 + i) * SECOND);
	}
	quality_summary(quality, 0, USEC_NEVER, &sum);
	assert_int_equal(sum.samples, QUALITY_SAMPLES_MAX);
	assert_int_equal(sum.rate_in.min, 100);
	assert_int_equal(sum.rate_in.max, 100);
	quality_summary(quality, sample.at - 9 * SECOND, sample.at, &sum);
	assert_int_equal(sum.samples, 10);
	quality_summary(quality, sample.at - 9 * SECOND, sample.at - 1, &sum);
	assert_int_equal(sum.samples, 9);
	/* Half an hour without a link, and half an hour later the first of them are too old. */
	usec later = START + QUALITY_TIME + 250 * SECOND;
	count(quality, later - 10 * SECOND, 2, 0, 0);
	count(quality, later, 2, 0, 0);
	quality_sample(quality, 0, &sample);
	assert_int_equal(sample.at, START + 250 * SECOND);
	quality_destroy(quality);
}

static void a_summary_weighs_samples_by_their_length(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_summary sum;
	struct quality_counters counters = {.link = 1};
	quality_summary(quality, 0, USEC_NEVER, &sum);
	assert_int_equal(sum.samples, 0);
	assert_int_equal(sum.rtt.mean, 0);
	quality_count(quality, START, &counters);
	counters.rtt = 1000;
	counters.bytes_in = 1000;
	quality_count(quality, START + SECOND, &counters);
	counters.rtt = 2000;
	quality_count(quality, START + 3 * SECOND, &counters);
	/* A round trip that is not known is none of zero. */
	counters.rtt = 0;
	quality_count(quality, START + 4 * SECOND, &counters);
	quality_summary(quality, 0, USEC_NEVER, &sum);
	assert_int_equal(sum.samples, 3);
	assert_int_equal(sum.rtt.min, 1000);
	assert_int_equal(sum.rtt.mean, 1666);
	assert_int_equal(sum.rtt.max, 2000);
	assert_int_equal(sum.rate_in.min, 0);
	assert_int_equal(sum.rate_in.mean, 250);
	assert_int_equal(sum.rate_in.max, 1000);
	quality_destroy(quality);
}

static void the_latest_figures_are_of_the_last_seconds(void **state)
{
	(void)state;
	struct quality *quality = create();
	struct quality_sample sample;
	struct quality_counters counters = counters_of(1, 0, 0);
	assert_false(quality_latest(quality, START, &counters, &sample));
	quality_count(quality, START, &counters);
	assert_false(quality_latest(quality, START + SECOND / 2, &counters, &sample));
	counters.bytes_in = 1000;
	assert_true(quality_latest(quality, START + SECOND, &counters, &sample));
	assert_int_equal(sample.rate_in, 1000);
	quality_count(quality, START + 10 * SECOND, &counters);
	counters.bytes_in = 11000;
	/* Together with the sample before, then by itself. */
	assert_true(quality_latest(quality, START + 11 * SECOND, &counters, &sample));
	assert_int_equal(sample.rate_in, 1000);
	assert_true(quality_latest(quality, START + 15 * SECOND, &counters, &sample));
	assert_int_equal(sample.rate_in, 2000);
	/* Another link has nothing to do with it. */
	counters.link = 2;
	assert_false(quality_latest(quality, START + 15 * SECOND, &counters, &sample));
	quality_destroy(quality);
}

static void the_latest_changes_of_the_path_are_kept(void **state)
{
	(void)state;
	struct quality *quality = create();
	char text[32];
	quality_path(quality, START, "");
	assert_int_equal(quality_change_count(quality), 0);
	for (unsigned i = 0; i < QUALITY_CHANGES_MAX + 5; i++) {
		snprintf(text, sizeof(text), "path %u", i);
		quality_path(quality, START + i, text);
		quality_path(quality, START + i + 1, text);
	}
	assert_int_equal(quality_change_count(quality), QUALITY_CHANGES_MAX);
	for (unsigned i = 0; i < QUALITY_CHANGES_MAX; i++) {
		snprintf(text, sizeof(text), "path %u", i + 5);
		assert_string_equal(quality_change(quality, i)->text, text);
		assert_int_equal(quality_change(quality, i)->at, START + i + 5);
	}
	quality_path(quality, START + 100, "");
	assert_string_equal(quality_change(quality, QUALITY_CHANGES_MAX - 1)->text, "");
	quality_destroy(quality);
}

static void after_an_hour_of_nothing_it_is_over(void **state)
{
	(void)state;
	struct quality *quality = create();
	assert_true(quality_is_over(quality, START));
	quality_path(quality, START, "direct");
	assert_false(quality_is_over(quality, START + QUALITY_TIME - 1));
	assert_true(quality_is_over(quality, START + QUALITY_TIME));
	count(quality, START + SECOND, 1, 0, 0);
	assert_false(quality_is_over(quality, START + QUALITY_TIME));
	quality_destroy(quality);
	quality_destroy(NULL);
}

TESTS(TEST(a_sample_is_what_the_counters_grew_by),
	TEST(large_numbers_are_kept_to_one_part_in_a_thousand),
	TEST(another_link_counts_from_its_own_beginning),
	TEST(counters_and_clocks_that_run_backwards_are_no_sample),
	TEST(too_short_a_time_is_left_to_the_next_sample), TEST(the_ring_keeps_the_last_hour),
	TEST(a_summary_weighs_samples_by_their_length),
	TEST(the_latest_figures_are_of_the_last_seconds),
	TEST(the_latest_changes_of_the_path_are_kept), TEST(after_an_hour_of_nothing_it_is_over))
