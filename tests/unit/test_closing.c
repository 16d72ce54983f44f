/* Thousands of channels opened and closed by both sides at once, over a line that loses and
 * reorders: each is told of once, ids come back, and nothing is kept. */
#include "support/heap_count.h"
#include "support/peer_pair.h"
#include "test.h"

#include "base/usec.h"

#define AT_ONCE 16               /* channels that an end has opened and that are not closed */
#define IDLE (60 * USEC_PER_SEC) /* after it what was allocated for traffic is given back */

/* What an end was told. */
struct view {
	bool is_ours[DPC_CHANNELS_MAX], is_open[DPC_CHANNELS_MAX];
	size_t begun, in_use, closed;
	int32_t id_max;
};

static struct peer_pair pair;
static struct view views[2];
static struct rng chance;

static void note_event(struct peer_pair *p, int end, const struct dpc_event *event)
{
	struct view *view = &views[end];
	uint16_t channel = event->channel;
	int32_t id;
	switch (event->type) {
	case DPC_EVENT_CHANNEL_OPEN:
		assert_false(view->is_open[channel]);
		assert_int_equal(view->is_ours[channel], !event->by_remote);
		id = dpc_peer_channel_id(p->ends[end].peer, channel);
		view->id_max = id > view->id_max ? id : view->id_max;
		view->is_open[channel] = true;
		return;
	case DPC_EVENT_CHANNEL_CLOSED:
		view->in_use -= view->is_ours[channel];
		view->is_ours[channel] = view->is_open[channel] = false;
		view->closed++;
		return;
	default:
		return;
	}
}

static void open_some(int end, size_t count)
{
	static const struct dpc_channel_config configs[] = {
		{.label = "a"},
		{.label = "b", .protocol = "p", .unordered = true},
		{.label = "c", .reliability = DPC_MAX_RETRANSMITS, .limit = 1},
	};
	struct view *view = &views[end];
	for (; view->in_use < AT_ONCE && view->begun < count; view->begun++, view->in_use++) {
		uint16_t channel;
		assert_int_equal(dpc_peer_open_channel(pair.ends[end].peer, pair.now,
					 &configs[view->begun % 3], &channel),
			DPC_OK);
		assert_false(view->is_ours[channel] || view->is_open[channel]);
		view->is_ours[channel] = true;
	}
}

/* Some with a message before, and some twice. */
static void close_some(int end)
{
	struct dpc_peer *peer = pair.ends[end].peer;
	for (uint16_t channel = 0; channel < DPC_CHANNELS_MAX; channel++) {
		if (!views[end].is_open[channel] || rng_below(&chance, 3) > 0)
			continue;
		if (rng_below(&chance, 2))
			(void)dpc_peer_send(peer, pair.now, channel, true, "bye", 3);
		assert_int_equal(dpc_peer_close_channel(peer, pair.now, channel), DPC_OK);
	}
}

/* Every end opens so many; then a while without anything. */
static void cycle(size_t count)
{
	int64_t limit = pair.now + (int64_t)count * USEC_PER_SEC;
	memset(views, 0, sizeof views);
	while (views[0].closed < 2 * count || views[1].closed < 2 * count) {
		for (int end = 0; end < 2; end++) {
			open_some(end, count);
			close_some(end);
		}
		pair_run(&pair, 10 * USEC_PER_MS);
		assert_true(pair.now < limit);
	}
	pair_run(&pair, IDLE);
	for (int end = 0; end < 2; end++) {
		assert_int_equal(views[end].begun, count);
		assert_int_equal(views[end].in_use, 0);
		assert_int_equal(views[end].closed, 2 * count);
		assert_in_range(views[end].id_max, 1, 4 * AT_ONCE);
		assert_int_equal(dpc_peer_state(pair.ends[end].peer), DPC_CONNECTED);
	}
}

static void thousands_of_channels_come_and_go_and_leave_nothing(void **state)
{
	(void)state;
	assert_true(heap_count_start());
	chance = rng_seeded(3);
	assert_true(pair_connect(&pair));
	for (int end = 0; end < 2; end++)
		assert_int_equal(dpc_peer_close_channel(
					 pair.ends[end].peer, pair.now, pair.ends[end].channel),
			DPC_OK);
	pair_run(&pair, USEC_PER_SEC);
	pair.on_event = note_event;
	pair.latency = 15 * USEC_PER_MS;
	pair.jitter = 10 * USEC_PER_MS;
	pair.loss = 5;
	cycle(200);
	struct heap_count before = heap_count();
	cycle(2500);
	struct heap_count after = heap_count();
	print_message("%zu bytes before, %zu after; %zu and %zu blocks; %.0f s\n", before.bytes,
		after.bytes, before.blocks, after.blocks, (double)(pair.now - PAIR_START) / 1e6);
	assert_true(after.blocks <= before.blocks + 4);
	assert_true(after.bytes <= before.bytes + 1024);
	pair_deinit(&pair);
}

static void a_negotiated_channel_that_the_peer_lacks_is_closed_after_a_while(void **state)
{
	(void)state;
	assert_true(pair_connect(&pair));
	const struct dpc_channel_config config = {.label = "x", .negotiated = true, .id = 77};
	uint16_t channel;
	struct dpc_peer *peer = pair.ends[0].peer;
	assert_int_equal(dpc_peer_open_channel(peer, pair.now, &config, &channel), DPC_OK);
	pair_run(&pair, USEC_PER_SEC);
	assert_int_equal(dpc_peer_close_channel(peer, pair.now, channel), DPC_OK);
	pair_run(&pair, 60 * USEC_PER_SEC);
	assert_int_equal(pair.ends[0].closed_channels, 1);
	assert_int_equal(pair.ends[1].closed_channels, 0);
	pair_deinit(&pair);
}

TESTS(TEST(thousands_of_channels_come_and_go_and_leave_nothing),
	TEST(a_negotiated_channel_that_the_peer_lacks_is_closed_after_a_while))
