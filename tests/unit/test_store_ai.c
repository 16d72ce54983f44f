#include "node/store_ai.h"

#include "test.h"

#include <string.h>

#include "base/text.h"
#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"

static struct store *open_store(void **state)
{
	struct store *store;
	struct fault fault;
	assert_ok(store_open(*state, &store, &fault));
	return store;
}

static int64_t begin(
	struct store *store, const char *peer, double time, const char *outcome, const char *prompt)
{
	struct store_ai_entry entry = {.time = time};
	int64_t sequence;
	assert_true(text_copy(entry.peer, sizeof entry.peer, peer));
	assert_true(text_copy(entry.model, sizeof entry.model, "m"));
	assert_true(text_copy(entry.outcome, sizeof entry.outcome, outcome));
	assert_ok(store_ai_begin(store, &entry, prompt, &sequence));
	return sequence;
}

static void end(struct store *store, int64_t sequence, int64_t prompt, int64_t completion)
{
	struct store_ai_entry entry = {.sequence = sequence,
		.model = "m:1",
		.outcome = "done",
		.prompt_tokens = prompt,
		.completion_tokens = completion,
		.estimated = true,
		.duration_ms = 12};
	assert_ok(store_ai_end(store, &entry));
}

static void entries_are_listed_the_newest_first(void **state)
{
	struct store *store = open_store(state);
	struct store_ai_page page;
	int64_t first = begin(store, ALICE, 100.5, "working", NULL);
	begin(store, BOB, 101, "denied", "why?");
	end(store, first, 3, 4);
	assert_ok(store_ai_list(store, NULL, 10, &page));
	assert_int_equal(page.count, 2);
	assert_string_equal(page.entries[0].peer, BOB);
	assert_string_equal(page.entries[0].outcome, "denied");
	assert_string_equal(page.entries[0].prompt, "why?");
	assert_true(page.entries[1].time > 100.4 && page.entries[1].time < 100.6);
	assert_string_equal(page.entries[1].model, "m:1");
	assert_string_equal(page.entries[1].outcome, "done");
	assert_int_equal(page.entries[1].prompt_tokens, 3);
	assert_int_equal(page.entries[1].completion_tokens, 4);
	assert_true(page.entries[1].estimated);
	assert_int_equal(page.entries[1].duration_ms, 12);
	assert_null(page.entries[1].prompt);
	store_ai_page_deinit(&page);
	assert_ok(store_ai_list(store, ALICE, 10, &page));
	assert_int_equal(page.count, 1);
	store_ai_page_deinit(&page);
	assert_ok(store_ai_list(store, NULL, 1, &page));
	assert_int_equal(page.count, 1);
	assert_string_equal(page.entries[0].peer, BOB);
	store_ai_page_deinit(&page);
	store_close(store);
}

static void what_was_refused_is_no_use(void **state)
{
	struct store *store = open_store(state);
	int64_t queries, tokens;
	end(store, begin(store, ALICE, 50, "working", NULL), 100, 100);
	end(store, begin(store, ALICE, 100, "working", NULL), 3, 4);
	begin(store, ALICE, 101, "working", NULL);
	begin(store, ALICE, 102, "denied", NULL);
	begin(store, ALICE, 103, "limit", NULL);
	end(store, begin(store, BOB, 104, "working", NULL), 5, 6);
	assert_ok(store_ai_usage(store, ALICE, 100, &queries, &tokens));
	assert_int_equal(queries, 2);
	assert_int_equal(tokens, 7);
	assert_ok(store_ai_usage(store, BOB, 105, &queries, &tokens));
	assert_int_equal(queries, 0);
	assert_int_equal(tokens, 0);
	store_close(store);
}

static void what_was_at_work_at_the_end_of_a_node_is_cancelled(void **state)
{
	struct store *store = open_store(state);
	struct store_ai_page page;
	begin(store, ALICE, 100, "working", NULL);
	store_close(store);
	store = open_store(state);
	assert_ok(store_ai_recover(store));
	assert_ok(store_ai_list(store, NULL, 10, &page));
	assert_string_equal(page.entries[0].outcome, "cancelled");
	store_ai_page_deinit(&page);
	store_close(store);
}

static void the_log_is_limited(void **state)
{
	struct store *store = open_store(state);
	int64_t queries, tokens;
	for (int i = 0; i < STORE_AI_LOG_MAX + 10; i++)
		begin(store, ALICE, i, "done", NULL);
	assert_ok(store_ai_usage(store, ALICE, 0, &queries, &tokens));
	assert_int_equal(queries, STORE_AI_LOG_MAX);
	store_close(store);
}

TESTS(HOME_TEST(entries_are_listed_the_newest_first), HOME_TEST(what_was_refused_is_no_use),
	HOME_TEST(what_was_at_work_at_the_end_of_a_node_is_cancelled),
	HOME_TEST(the_log_is_limited))
