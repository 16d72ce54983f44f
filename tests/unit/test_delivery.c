#include "sctp/delivery.h"

#include "test.h"

#define SIZE 1000
#define RTT (20 * USEC_PER_MS)

/* Ten packets, `gap` apart, acknowledged one by one `ack_gap` apart after a round trip; the last
 * sample. */
static struct sctp_delivery_sample flight(
	struct sctp_delivery *r, usec start, usec gap, usec ack_gap)
{
	struct sctp_delivery_mark marks[10];
	struct sctp_delivery_sample sample = {0};
	for (size_t i = 0; i < 10; i++)
		marks[i] = sctp_delivery_on_send(r, start + (usec)i * gap, SIZE, (i + 1) * SIZE);
	for (size_t i = 0; i < 10; i++) {
		usec now = start + RTT + (usec)i * ack_gap;
		sctp_delivery_on_delivered(r, now, SIZE);
		sample = sctp_delivery_take(r, now, start + (usec)i * gap, &marks[i], 1);
	}
	return sample;
}

static void the_slower_of_sending_and_acknowledging_counts(void **state)
{
	(void)state;
	struct sctp_delivery r = {0};
	/* 10 kB in 20 ms and nine gaps. */
	struct sctp_delivery_sample s = flight(&r, USEC_PER_SEC, 1000, 1000);
	assert_in_range(s.rate, 10000 * 1000 / 29 - 1, 10000 * 1000 / 29 + 1);
	r = (struct sctp_delivery){0};
	s = flight(&r, USEC_PER_SEC, 0, 5000);
	assert_in_range(s.rate, 10000 * 1000 / 65 - 1, 10000 * 1000 / 65 + 1);
	/* A heap of SACKs does not make a network faster than the sender. */
	r = (struct sctp_delivery){0};
	s = flight(&r, USEC_PER_SEC, 2000, 0);
	assert_true(s.rate <= 10000 * 1000 / 18);
	assert_int_equal(s.delivered, 10000);
	assert_int_equal(s.prior_delivered, 0);
	assert_int_equal(s.in_flight, 10000);
}

static void a_sample_over_too_short_a_time_has_no_rate(void **state)
{
	(void)state;
	struct sctp_delivery r = {0};
	struct sctp_delivery_mark mark = sctp_delivery_on_send(&r, 1000, SIZE, SIZE);
	sctp_delivery_on_delivered(&r, 2000, SIZE);
	struct sctp_delivery_sample s = sctp_delivery_take(&r, 2000, 1000, &mark, RTT);
	assert_true(s.valid);
	assert_int_equal(s.rate, 0);
	/* Nor has one without time, or with a clock that goes back. */
	mark = sctp_delivery_on_send(&r, 5000, SIZE, SIZE);
	sctp_delivery_on_delivered(&r, 4000, SIZE);
	assert_int_equal(sctp_delivery_take(&r, 4000, 5000, &mark, 0).rate, 0);
}

static void what_an_idle_application_shows_is_marked_until_it_has_arrived(void **state)
{
	(void)state;
	struct sctp_delivery r = {0};
	struct sctp_delivery_mark first = sctp_delivery_on_send(&r, 1000, SIZE, SIZE);
	assert_false(first.app_limited);
	sctp_delivery_limit(&r, SIZE);
	struct sctp_delivery_mark second = sctp_delivery_on_send(&r, 2000, SIZE, 2 * SIZE);
	assert_true(second.app_limited);
	sctp_delivery_on_delivered(&r, 21000, SIZE);
	assert_false(sctp_delivery_take(&r, 21000, 1000, &first, 0).app_limited);
	sctp_delivery_on_delivered(&r, 22000, SIZE);
	assert_true(sctp_delivery_take(&r, 22000, 2000, &second, 0).app_limited);
	assert_false(sctp_delivery_on_send(&r, 23000, SIZE, SIZE).app_limited);
}

TESTS(TEST(the_slower_of_sending_and_acknowledging_counts),
	TEST(a_sample_over_too_short_a_time_has_no_rate),
	TEST(what_an_idle_application_shows_is_marked_until_it_has_arrived))
