/* What the stack allocates for a packet: nothing. A message is copied into one block where it is
 * accepted and put together in another where it arrives, however many packets carry it. */
#include "support/heap_count.h"
#include "support/peer_pair.h"
#include "test.h"

#include "base/usec.h"

/* What does not grow with the traffic: tables that do, and the like. */
#define AMORTISED 32

static struct peer_pair pair;

/* Sends messages in bulk, as fast as the network in memory lets them through. */
static void send_bulk(size_t size, size_t messages)
{
	static uint8_t message[256 * 1024];
	struct pair_end *from = &pair.ends[0], *to = &pair.ends[1];
	size_t sent = 0, target = to->messages + messages;
	int64_t limit = pair.now + 60 * USEC_PER_SEC;
	while (to->messages < target) {
		while (sent < messages &&
			dpc_peer_buffered(from->peer, from->channel) + size <= 1024 * 1024) {
			assert_int_equal(dpc_peer_send(from->peer, pair.now, from->channel, true,
						 message, size),
				DPC_OK);
			sent++;
		}
		pair_run(&pair, PAIR_DELAY_US);
		assert_true(pair.now < limit);
	}
}

static uint64_t datagrams_of(size_t size, size_t messages)
{
	return (uint64_t)size * messages / DPC_MTU_DEFAULT;
}

static void bulk_allocates_nothing_for_a_packet(void **state)
{
	(void)state;
	enum { SIZE = 200000, MESSAGES = 50 };
	send_bulk(SIZE, MESSAGES);
	struct heap_count before = heap_count();
	send_bulk(SIZE, MESSAGES);
	size_t allocations = heap_count().allocations - before.allocations;
	print_message("%zu allocations for %d messages in %u datagrams\n", allocations, MESSAGES,
		(unsigned)datagrams_of(SIZE, MESSAGES));
	assert_true(allocations <= 2 * MESSAGES + AMORTISED);
}

static void a_small_message_takes_a_block_at_either_end(void **state)
{
	(void)state;
	enum { SIZE = 200, MESSAGES = 20000 };
	send_bulk(SIZE, MESSAGES);
	struct heap_count before = heap_count();
	send_bulk(SIZE, MESSAGES);
	size_t allocations = heap_count().allocations - before.allocations;
	print_message("%zu allocations for %d messages\n", allocations, MESSAGES);
	assert_true(allocations <= 2 * MESSAGES + AMORTISED);
}

static void after_bulk_an_idle_connection_holds_what_it_held_before(void **state)
{
	(void)state;
	pair_run(&pair, 60 * USEC_PER_SEC);
	struct heap_count before = heap_count();
	send_bulk(16384, 1000);
	pair_run(&pair, 60 * USEC_PER_SEC);
	struct heap_count after = heap_count();
	assert_true(after.blocks <= before.blocks + 4);
	assert_true(after.bytes <= before.bytes + 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(bulk_allocates_nothing_for_a_packet),
		TEST(a_small_message_takes_a_block_at_either_end),
		TEST(after_bulk_an_idle_connection_holds_what_it_held_before)};
	if (!heap_count_start() || !pair_connect(&pair))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	pair_deinit(&pair);
	return failed;
}
