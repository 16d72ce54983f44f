#include "test.h"

#include "hub/roster.h"

#define A UINT64_C(10)
#define B UINT64_C(20)

static const struct contact_id node1 = {{1}, 8}, node2 = {{2}, 8}, node3 = {{3}, 16};

struct world {
	struct rng rng;
	struct roster roster;
	usec now;
};

static void start(struct world *w)
{
	*w = (struct world){.rng = rng_seeded(1), .now = 1000};
	roster_init(&w->roster, 3, 100, &w->rng);
}

static struct roster_hub *hear(struct world *w, uint64_t id)
{
	struct roster_hub *hub = roster_hear(&w->roster, id, w->now);
	assert_non_null(hub);
	return hub;
}

static void change(struct world *w, enum bus_kind kind, uint64_t hub, uint64_t number,
	const struct contact_id *node, uint64_t stamp)
{
	struct bus_message message = {
		.kind = kind, .hub = hub, .number = number, .node = *node, .stamp = stamp};
	roster_take(&w->roster, hear(w, hub), &message);
}

static void snapshot(struct world *w, uint64_t hub, uint64_t number, uint32_t part, bool is_last,
	const struct contact_id *node, uint64_t stamp)
{
	uint8_t entry[BUS_ENTRY_SIZE];
	struct bus_message message = {.kind = BUS_SNAPSHOT,
		.hub = hub,
		.number = number,
		.part = part,
		.is_last = is_last};
	if (node) {
		bus_entry_write(entry, node, stamp);
		message.entries = bytes_of(entry, sizeof entry);
	}
	roster_take(&w->roster, hear(w, hub), &message);
}

/* 0: nowhere. */
static uint64_t hub_of(struct world *w, const struct contact_id *node)
{
	uint64_t hub, stamp;
	return roster_find(&w->roster, node, &hub, &stamp) ? hub : 0;
}

static bool needs(struct world *w, uint64_t hub)
{
	w->now += BUS_WANT_INTERVAL;
	return roster_hub_needs_snapshot(hear(w, hub), w->now);
}

static void nodes_enter_and_leave(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	assert_true(needs(&w, A));
	snapshot(&w, A, 0, 0, true, NULL, 0);
	assert_false(needs(&w, A));
	change(&w, BUS_ENTER, A, 1, &node1, 100);
	change(&w, BUS_ENTER, A, 2, &node3, 100);
	assert_int_equal(hub_of(&w, &node1), A);
	assert_int_equal(hub_of(&w, &node2), 0);
	assert_int_equal(hub_of(&w, &node3), A);
	change(&w, BUS_LEAVE, A, 3, &node1, 100);
	assert_int_equal(hub_of(&w, &node1), 0);
	assert_int_equal(roster_node_count(&w.roster), 1);
	assert_false(needs(&w, A));
	roster_deinit(&w.roster);
}

static void the_newest_connection_is_right_whatever_the_order_of_words(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	change(&w, BUS_ENTER, A, 1, &node1, 100);
	change(&w, BUS_ENTER, B, 1, &node1, 200);
	assert_int_equal(hub_of(&w, &node1), B);
	/* Late, of what is over. */
	change(&w, BUS_LEAVE, A, 2, &node1, 100);
	assert_int_equal(hub_of(&w, &node1), B);
	change(&w, BUS_ENTER, A, 3, &node1, 150);
	assert_int_equal(hub_of(&w, &node1), B);
	/* It left and came back to the same hub. */
	change(&w, BUS_ENTER, B, 2, &node1, 300);
	change(&w, BUS_LEAVE, B, 3, &node1, 200);
	assert_int_equal(hub_of(&w, &node1), B);
	change(&w, BUS_LEAVE, B, 4, &node1, 300);
	assert_int_equal(hub_of(&w, &node1), 0);
	/* At the same microsecond all hubs still say the same. */
	assert_true(roster_is_newer(5, B, 5, A));
	assert_false(roster_is_newer(5, A, 5, B));
	roster_deinit(&w.roster);
}

static void what_was_missed_is_noticed_and_asked_for_once(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	snapshot(&w, A, 4, 0, true, &node1, 100);
	assert_false(needs(&w, A));
	/* A gap. */
	change(&w, BUS_ENTER, A, 6, &node2, 100);
	assert_true(needs(&w, A));
	assert_false(roster_hub_needs_snapshot(hear(&w, A), w.now + BUS_WANT_INTERVAL - 1));
	/* A snapshot names all there are. */
	snapshot(&w, A, 6, 0, false, &node2, 100);
	snapshot(&w, A, 6, 1, true, &node3, 100);
	assert_false(needs(&w, A));
	assert_int_equal(hub_of(&w, &node1), 0);
	assert_int_equal(hub_of(&w, &node2), A);
	assert_int_equal(hub_of(&w, &node3), A);
	/* What it has seen already changes nothing. */
	change(&w, BUS_LEAVE, A, 5, &node2, 100);
	assert_int_equal(hub_of(&w, &node2), A);
	/* A beat shows what was missed last. */
	struct bus_message beat = {.kind = BUS_BEAT, .hub = A, .number = 6};
	roster_take(&w.roster, hear(&w, A), &beat);
	assert_false(needs(&w, A));
	beat.number = 7;
	roster_take(&w.roster, hear(&w, A), &beat);
	assert_true(needs(&w, A));
	/* One of which a part is missing does not count. */
	snapshot(&w, A, 7, 0, false, &node1, 100);
	snapshot(&w, A, 7, 2, true, NULL, 0);
	assert_true(needs(&w, A));
	assert_int_equal(hub_of(&w, &node2), A);
	roster_deinit(&w.roster);
}

static void a_hub_that_is_silent_is_gone_with_its_nodes(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	change(&w, BUS_ENTER, A, 1, &node1, 100);
	w.now += BUS_SILENCE_MAX;
	change(&w, BUS_ENTER, B, 1, &node2, 100);
	assert_null(roster_silent(&w.roster, w.now));
	struct roster_hub *silent = roster_silent(&w.roster, w.now + 1);
	assert_non_null(silent);
	assert_int_equal(silent->id, A);
	roster_drop(&w.roster, silent);
	assert_int_equal(hub_of(&w, &node1), 0);
	assert_int_equal(hub_of(&w, &node2), B);
	assert_int_equal(w.roster.hub_count, 1);
	roster_deinit(&w.roster);
}

static void hubs_and_nodes_have_limits(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	for (uint64_t id = 1; id <= 3; id++)
		hear(&w, id);
	assert_null(roster_hear(&w.roster, 4, w.now));
	for (uint8_t i = 0; i < 101; i++) {
		struct contact_id node = {{9, i}, 8};
		change(&w, BUS_ENTER, 1, i + UINT64_C(1), &node, 100);
		assert_int_equal(hub_of(&w, &node), i < 100 ? 1 : 0);
	}
	roster_deinit(&w.roster);
}

static void a_signal_is_taken_once_and_not_long_after_later_ones(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	struct roster_hub *hub = hear(&w, A);
	assert_true(roster_hub_take_signal(hub, 5));
	assert_false(roster_hub_take_signal(hub, 5));
	assert_true(roster_hub_take_signal(hub, 3));
	assert_false(roster_hub_take_signal(hub, 3));
	assert_true(roster_hub_take_signal(hub, 68));
	assert_true(roster_hub_take_signal(hub, 6));
	assert_false(roster_hub_take_signal(hub, 5));
	assert_false(roster_hub_take_signal(hub, 4));
	assert_true(roster_hub_take_signal(hub, 1000));
	assert_false(roster_hub_take_signal(hub, 68));
	assert_true(roster_hub_take_signal(hub, 999));
	roster_deinit(&w.roster);
}

TESTS(TEST(nodes_enter_and_leave), TEST(the_newest_connection_is_right_whatever_the_order_of_words),
	TEST(what_was_missed_is_noticed_and_asked_for_once),
	TEST(a_hub_that_is_silent_is_gone_with_its_nodes), TEST(hubs_and_nodes_have_limits),
	TEST(a_signal_is_taken_once_and_not_long_after_later_ones))
