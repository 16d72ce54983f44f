#include "hub/backlog.h"

#include <stdio.h>

#include "hub/limits.h"
#include "test.h"

static struct contact_id id_of(size_t number)
{
	char node_id[NODE_ID_MAX];
	snprintf(node_id, sizeof node_id, "dpc-node-%016zx", number);
	return contact_id_of(node_id);
}

/* A socket that reads when it is told to. */
struct target {
	struct backlog backlog;
	uint64_t sent;
	size_t queued;
};

static bool offer(struct target *t, size_t sender, size_t size)
{
	struct contact_id id = id_of(sender);
	bool is_admitted = backlog_admit(&t->backlog, &id, size, t->sent, t->queued);
	if (is_admitted)
		t->queued += size;
	return is_admitted;
}

static void take(struct target *t, size_t size)
{
	t->queued -= size;
	t->sent += size;
}

/* How much of one sender's is admitted, in pieces. */
static size_t fill(struct target *t, size_t sender, size_t piece)
{
	size_t size = 0;
	while (offer(t, sender, piece))
		size += piece;
	return size;
}

static void while_little_waits_nobody_is_counted(void **state)
{
	(void)state;
	struct target t = {0};
	for (size_t i = 0; i < 1000; i++) {
		assert_true(offer(&t, i, RELAY_SIZE_MAX));
		take(&t, t.queued);
	}
	assert_null(t.backlog.shares);
}

static void a_sender_has_its_share_and_others_theirs(void **state)
{
	(void)state;
	struct target t = {0};
	size_t most = BACKLOG_FREE_BYTES + BACKLOG_SHARE_MAX;
	size_t first = fill(&t, 1, 1000);
	assert_in_range(first, most - 2000, most);
	size_t second = fill(&t, 2, 1000);
	assert_in_range(second, BACKLOG_SHARE_MAX - 999, BACKLOG_SHARE_MAX);
	/* The largest frame of a third fits still; and in the end nothing does. */
	assert_true(offer(&t, 3, RELAY_SIZE_MAX));
	(void)fill(&t, 4, 1000);
	assert_in_range(t.queued, RELAY_QUEUE_BYTES_MAX - 999, RELAY_QUEUE_BYTES_MAX);
	assert_false(offer(&t, 5, 1000));
	backlog_deinit(&t.backlog);
}

static void what_has_left_is_not_counted_any_more(void **state)
{
	(void)state;
	struct target t = {0};
	(void)fill(&t, 1, 1000);
	assert_false(offer(&t, 1, 1000));
	take(&t, BACKLOG_FREE_BYTES);
	/* As much as leaves may come, for ever, though the queue is never empty. */
	for (size_t i = 0; i < 10000; i++) {
		take(&t, 1000);
		assert_true(offer(&t, 1, 1000));
	}
	(void)fill(&t, 1, 1000);
	assert_in_range(t.queued, BACKLOG_SHARE_MAX - 1000, BACKLOG_SHARE_MAX);
	/* And all of it, when all has left. */
	take(&t, t.queued);
	assert_int_equal(fill(&t, 1, 1024), (BACKLOG_FREE_BYTES + BACKLOG_SHARE_MAX) / 1024 * 1024);
	backlog_deinit(&t.backlog);
}

static void so_many_senders_have_a_share_at_a_time(void **state)
{
	(void)state;
	struct target t = {0};
	while (t.queued + 1000 <= BACKLOG_FREE_BYTES)
		assert_true(offer(&t, 0, 1000));
	for (size_t i = 1; i <= BACKLOG_SENDERS_MAX; i++)
		assert_true(offer(&t, i, 1000));
	assert_false(offer(&t, BACKLOG_SENDERS_MAX + 1, 1000));
	assert_true(offer(&t, BACKLOG_SENDERS_MAX, 1000));
	/* The first of them is through. */
	take(&t, BACKLOG_FREE_BYTES / 1000 * 1000 + 1000);
	(void)fill(&t, 2, 1000);
	assert_true(offer(&t, BACKLOG_SENDERS_MAX + 1, 1000));
	backlog_deinit(&t.backlog);
}

TESTS(TEST(while_little_waits_nobody_is_counted), TEST(a_sender_has_its_share_and_others_theirs),
	TEST(what_has_left_is_not_counted_any_more), TEST(so_many_senders_have_a_share_at_a_time))
