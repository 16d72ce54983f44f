#include "node/ai_queue.h"

#include "test.h"

#include <string.h>

static void join(struct ai_queue *queue, struct ai_asker *asker, struct ai_ticket *ticket)
{
	*ticket = (struct ai_ticket){0};
	assert_ok(ai_queue_join(queue, asker, ticket));
}

static void no_more_are_at_work_than_allowed(void **state)
{
	(void)state;
	struct ai_queue queue;
	struct ai_asker alice = {0};
	struct ai_ticket tickets[3];
	ai_queue_init(&queue, 2);
	assert_null(ai_queue_next(&queue));
	for (size_t i = 0; i < 3; i++)
		join(&queue, &alice, &tickets[i]);
	assert_ptr_equal(ai_queue_next(&queue), &tickets[0]);
	assert_ptr_equal(ai_queue_next(&queue), &tickets[1]);
	assert_null(ai_queue_next(&queue));
	ai_queue_leave(&queue, &tickets[0]);
	ai_queue_leave(&queue, &tickets[0]);
	assert_ptr_equal(ai_queue_next(&queue), &tickets[2]);
	assert_null(ai_queue_next(&queue));
	assert_int_equal(alice.working, 2);
	assert_int_equal(alice.waiting, 0);
}

static void a_peer_with_many_queries_does_not_keep_others_waiting(void **state)
{
	(void)state;
	struct ai_queue queue;
	struct ai_asker mallory = {0}, alice = {0}, bob = {0};
	struct ai_ticket many[6], a, b;
	ai_queue_init(&queue, 2);
	for (size_t i = 0; i < 6; i++)
		join(&queue, &mallory, &many[i]);
	assert_ptr_equal(ai_queue_next(&queue), &many[0]);
	assert_ptr_equal(ai_queue_next(&queue), &many[1]);
	join(&queue, &alice, &a);
	join(&queue, &bob, &b);
	ai_queue_leave(&queue, &many[0]);
	assert_ptr_equal(ai_queue_next(&queue), &a);
	ai_queue_leave(&queue, &many[1]);
	assert_ptr_equal(ai_queue_next(&queue), &b);
	ai_queue_leave(&queue, &a);
	assert_ptr_equal(ai_queue_next(&queue), &many[2]);
}

static void peers_with_as_many_at_work_take_turns(void **state)
{
	(void)state;
	struct ai_queue queue;
	struct ai_asker alice = {0}, bob = {0};
	struct ai_ticket a[3], b[3];
	char turns[7] = "";
	ai_queue_init(&queue, 1);
	for (size_t i = 0; i < 3; i++)
		join(&queue, &alice, &a[i]);
	for (size_t i = 0; i < 3; i++)
		join(&queue, &bob, &b[i]);
	for (size_t i = 0; i < 6; i++) {
		struct ai_ticket *ticket = ai_queue_next(&queue);
		assert_non_null(ticket);
		turns[i] = ticket->asker == &alice ? 'a' : 'b';
		ai_queue_leave(&queue, ticket);
	}
	assert_string_equal(turns, "ababab");
}

static void who_waits_can_leave(void **state)
{
	(void)state;
	struct ai_queue queue;
	struct ai_asker alice = {0};
	struct ai_ticket first, second;
	ai_queue_init(&queue, 1);
	join(&queue, &alice, &first);
	join(&queue, &alice, &second);
	ai_queue_leave(&queue, &first);
	assert_int_equal(alice.waiting, 1);
	assert_ptr_equal(ai_queue_next(&queue), &second);
	ai_queue_leave(&queue, &second);
	assert_int_equal(queue.working, 0);
	assert_null(ai_queue_next(&queue));
}

static void those_who_wait_are_limited(void **state)
{
	(void)state;
	struct ai_queue queue;
	struct ai_asker askers[AI_WAITING_MAX / AI_WAITING_PER_PEER_MAX + 1];
	struct ai_ticket tickets[AI_WAITING_MAX + 1];
	size_t count = 0;
	memset(askers, 0, sizeof askers);
	memset(tickets, 0, sizeof tickets);
	ai_queue_init(&queue, 1);
	for (size_t i = 0; i < sizeof askers / sizeof *askers - 1; i++) {
		for (size_t k = 0; k < AI_WAITING_PER_PEER_MAX; k++)
			assert_ok(ai_queue_join(&queue, &askers[i], &tickets[count++]));
		assert_err(ai_queue_join(&queue, &askers[i], &tickets[count]), ERR_LIMIT);
	}
	assert_int_equal(count, AI_WAITING_MAX);
	struct ai_asker *last = &askers[sizeof askers / sizeof *askers - 1];
	assert_err(ai_queue_join(&queue, last, &tickets[count]), ERR_LIMIT);
	assert_non_null(ai_queue_next(&queue));
	assert_ok(ai_queue_join(&queue, last, &tickets[count]));
}

TESTS(TEST(no_more_are_at_work_than_allowed),
	TEST(a_peer_with_many_queries_does_not_keep_others_waiting),
	TEST(peers_with_as_many_at_work_take_turns), TEST(who_waits_can_leave),
	TEST(those_who_wait_are_limited))
