/* A row of pings in figures. */
#include "test.h"

#include "cli/ping_stats.h"

static int thousandths(double value)
{
	return (int)(value * 1000 + 0.5);
}

static void nothing_sent_is_nothing_lost(void **state)
{
	(void)state;
	struct ping_stats stats = {0};
	assert_int_equal(thousandths(ping_stats_mean(&stats)), 0);
	assert_int_equal(thousandths(ping_stats_jitter(&stats)), 0);
	assert_int_equal(thousandths(ping_stats_loss_rate(&stats)), 0);
	ping_stats_loss(&stats);
	assert_int_equal(thousandths(ping_stats_loss_rate(&stats)), 1000);
	assert_int_equal(thousandths(ping_stats_mean(&stats)), 0);
}

static void answers_and_losses_add_up(void **state)
{
	(void)state;
	struct ping_stats stats = {0};
	ping_stats_answer(&stats, 10);
	assert_int_equal(thousandths(ping_stats_jitter(&stats)), 0);
	ping_stats_answer(&stats, 14);
	ping_stats_loss(&stats);
	ping_stats_answer(&stats, 12);
	assert_int_equal(stats.sent, 4);
	assert_int_equal(stats.received, 3);
	assert_int_equal(thousandths(stats.min), 10000);
	assert_int_equal(thousandths(stats.max), 14000);
	assert_int_equal(thousandths(ping_stats_mean(&stats)), 12000);
	assert_int_equal(thousandths(ping_stats_jitter(&stats)), 3000);
	assert_int_equal(thousandths(ping_stats_loss_rate(&stats)), 250);
}

TESTS(TEST(nothing_sent_is_nothing_lost), TEST(answers_and_losses_add_up))
