#include "sctp_pair.h"

static void assert_closed(const struct pair *p, enum sctp_close_reason reason)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p->end[i].closed, 1);
		assert_int_equal(p->end[i].reason, reason);
		assert_int_equal(sctp_state(p->end[i].assoc), SCTP_CLOSED);
		pair_assert_empty(p->end[i].assoc);
		assert_true(sctp_deadline(p->end[i].assoc) == USEC_NEVER);
	}
}

static void shutdown_loses_nothing_through_a_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair p;
		pair_init(&p, seed);
		p.loss = 20;
		p.duplication = 10;
		p.jitter = 10 * USEC_PER_MS;
		pair_connect(&p);
		for (unsigned i = 0; i < 20; i++) {
			assert_ok(pair_send(&p, 0, (uint16_t)(i % 3), false, 5000));
			assert_ok(pair_send(&p, 1, (uint16_t)(i % 3), true, 5000));
		}
		sctp_shutdown(p.end[0].assoc, p.now);
		if (seed % 2)
			sctp_shutdown(p.end[1].assoc, p.now);
		pair_run(&p, 600 * USEC_PER_SEC);
		assert_int_equal(p.end[0].received, 20);
		assert_int_equal(p.end[1].received, 20);
		/* When the last packet of all is lost, the other end gives up in the end. */
		for (int i = 0; i < 2; i++)
			assert_int_equal(p.end[i].closed, 1);
		pair_deinit(&p);
	}
}

static void both_ends_close_gracefully(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 0, false, 100000));
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static bool lose_all(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)p;
	(void)from;
	(void)data;
	(void)size;
	return false;
}

/* While the network was silent the timer has backed off to many seconds. Whoever closes has a right
 * to know soon, whichever end has data to be confirmed. */
static void closing_after_a_silence_does_not_wait_for_a_timer_that_backed_off(void **state)
{
	(void)state;
	for (int closer = 0; closer < 2; closer++) {
		struct pair p;
		pair_init(&p, 1);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		p.on_packet = lose_all;
		assert_ok(pair_send(&p, 0, 0, false, 1000));
		pair_run(&p, 20 * USEC_PER_SEC);
		assert_true(p.end[0].assoc->rto.backoff > 4);
		p.on_packet = NULL;
		sctp_shutdown(p.end[closer].assoc, p.now);
		pair_run(&p, USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 1);
		assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
		pair_deinit(&p);
	}
}

static void a_silence_that_outlasts_the_close_is_tried_through(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	p.on_packet = lose_all;
	assert_ok(pair_send(&p, 0, 0, false, 1000));
	pair_run(&p, 20 * USEC_PER_SEC);
	sctp_shutdown(p.end[0].assoc, p.now);
	uint64_t before = sctp_stats(p.end[0].assoc)->retransmitted_chunks;
	pair_run(&p, 10 * USEC_PER_SEC);
	assert_true(sctp_stats(p.end[0].assoc)->retransmitted_chunks >= before + 4);
	p.on_packet = NULL;
	pair_run(&p, 10 * USEC_PER_SEC);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static void what_was_accepted_before_the_handshake_is_delivered_before_closing(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	sctp_connect(p.end[0].assoc, p.now);
	assert_ok(pair_send(&p, 0, 0, false, 100000));
	sctp_shutdown(p.end[0].assoc, p.now);
	assert_err(pair_send(&p, 0, 0, false, 1), ERR_STATE);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static void closing_what_was_never_opened_is_done_at_once(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	sctp_shutdown(p.end[0].assoc, p.now);
	sctp_connect(p.end[1].assoc, p.now);
	sctp_shutdown(p.end[1].assoc, p.now);
	pair_run(&p, USEC_PER_SEC);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static void messages_not_pulled_yet_come_before_the_end(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.end[1].paused = true;
	assert_ok(pair_send(&p, 0, 0, false, 10000));
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(sctp_state(p.end[1].assoc), SCTP_CLOSED);
	assert_int_equal(p.end[1].received, 0);
	p.end[1].paused = false;
	pair_drain(&p);
	assert_int_equal(p.end[1].received, 1);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static bool drop_shutdown_complete(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	(void)size;
	return data[SCTP_HEADER_SIZE] != SCTP_SHUTDOWN_COMPLETE || p->counter++ > 0;
}

static void a_lost_shutdown_complete_is_told_again(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.on_packet = drop_shutdown_complete;
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.counter, 2);
	assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
	pair_deinit(&p);
}

static void a_peer_that_does_not_answer_shutdown_is_given_up(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.end[1].deaf = true;
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_run(&p, SCTP_SHUTDOWN_GUARD + USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	pair_deinit(&p);
}

static void who_talks_to_an_ended_association_is_told(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	/* The ABORT is lost. */
	p.loss = 100;
	sctp_abort(p.end[0].assoc, p.now);
	pair_drain(&p);
	p.loss = 0;
	assert_ok(pair_send(&p, 1, 0, false, 10));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].closed, 1);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PEER_ABORTED);
	pair_deinit(&p);
}

/* ESTABLISHED to CLOSED on both sides, with data in both directions: each SHUTDOWN finds the other
 * side in a state that depends on how far its own data has come. */
static void shutdowns_that_cross_lose_nothing_in_any_state(void **state)
{
	(void)state;
	for (unsigned gap = 0; gap < 40; gap++) {
		struct pair p;
		pair_init(&p, gap);
		pair_connect(&p);
		for (unsigned i = 0; i < 3; i++) {
			assert_ok(pair_send(&p, 0, 0, false, 20000));
			assert_ok(pair_send(&p, 1, 0, false, 1 + gap * 2000));
		}
		sctp_shutdown(p.end[0].assoc, p.now);
		pair_run(&p, (usec)gap * 2 * USEC_PER_MS);
		sctp_shutdown(p.end[1].assoc, p.now);
		pair_run(&p, 2 * USEC_PER_SEC);
		assert_int_equal(p.end[0].received, 3);
		assert_int_equal(p.end[1].received, 3);
		assert_closed(&p, SCTP_CLOSE_SHUTDOWN);
		pair_deinit(&p);
	}
}

TESTS(TEST(shutdown_loses_nothing_through_a_bad_network), TEST(both_ends_close_gracefully),
	TEST(closing_after_a_silence_does_not_wait_for_a_timer_that_backed_off),
	TEST(a_silence_that_outlasts_the_close_is_tried_through),
	TEST(what_was_accepted_before_the_handshake_is_delivered_before_closing),
	TEST(closing_what_was_never_opened_is_done_at_once),
	TEST(messages_not_pulled_yet_come_before_the_end),
	TEST(a_lost_shutdown_complete_is_told_again),
	TEST(a_peer_that_does_not_answer_shutdown_is_given_up),
	TEST(who_talks_to_an_ended_association_is_told),
	TEST(shutdowns_that_cross_lose_nothing_in_any_state))
