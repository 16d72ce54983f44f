#include "sctp/window.h"

#include "test.h"

#define RTT (50 * USEC_PER_MS)
#define FLOOR ((size_t)1000000)
#define CEILING ((size_t)16000000)

/* A sender that fills the window each round trip, and an application that takes `percent` of it. */
static void run(struct sctp_window *w, usec *now, int rounds, size_t percent)
{
	for (int i = 0; i < rounds; i++) {
		size_t size = w->size;
		for (int k = 0; k < 100; k++) {
			*now += RTT / 100;
			sctp_window_take(w, size / 100 * percent / 100);
			sctp_window_update(w, *now, RTT);
		}
	}
}

static void it_doubles_while_all_of_it_is_taken_up_to_the_ceiling(void **state)
{
	(void)state;
	struct sctp_window w;
	usec now = USEC_PER_SEC;
	sctp_window_init(&w, FLOOR, CEILING);
	run(&w, &now, 3, 100);
	assert_in_range(w.size, 2 * FLOOR, 8 * FLOOR);
	run(&w, &now, 10, 100);
	assert_int_equal(w.size, CEILING);
	assert_false(sctp_window_can_grow(&w));
}

static void it_stays_when_the_application_does_not_take_what_comes(void **state)
{
	(void)state;
	struct sctp_window w;
	usec now = USEC_PER_SEC;
	sctp_window_init(&w, FLOOR, CEILING);
	run(&w, &now, 50, 40);
	assert_int_equal(w.size, FLOOR);
	run(&w, &now, 50, 0);
	assert_int_equal(w.size, FLOOR);
}

static void what_was_taken_over_a_pause_does_not_count(void **state)
{
	(void)state;
	struct sctp_window w;
	usec now = USEC_PER_SEC;
	sctp_window_init(&w, FLOOR, CEILING);
	for (int i = 0; i < 20; i++) {
		sctp_window_update(&w, now, RTT);
		sctp_window_take(&w, 10 * FLOOR);
		now += 10 * RTT;
		sctp_window_update(&w, now, RTT);
		now += RTT;
	}
	assert_int_equal(w.size, FLOOR);
}

static void a_fixed_window_stays_fixed(void **state)
{
	(void)state;
	struct sctp_window w;
	usec now = USEC_PER_SEC;
	sctp_window_init(&w, FLOOR, 0);
	run(&w, &now, 50, 100);
	assert_int_equal(w.size, FLOOR);
}

TESTS(TEST(it_doubles_while_all_of_it_is_taken_up_to_the_ceiling),
	TEST(it_stays_when_the_application_does_not_take_what_comes),
	TEST(what_was_taken_over_a_pause_does_not_count), TEST(a_fixed_window_stays_fixed))
