#include "node/store.h"

#include "test.h"

#include <math.h>
#include <sqlite3.h>

#include "store_tamper.h"
#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"

static struct store *reopen(const char *home)
{
	struct store *store = NULL;
	assert_ok(store_open(home, &store, NULL));
	return store;
}

/* The ids of the messages, joined. */
static void assert_ids(const struct store_page *page, const char *ids)
{
	char text[100] = "";
	struct writer w = writer_of(text, sizeof text - 1);
	for (size_t i = 0; i < page->count; i++)
		write_text(&w, page->messages[i].id);
	assert_string_equal(text, ids);
}

static void assert_pending(struct store *store, const char *peer, const char *ids)
{
	struct store_page page;
	assert_ok(store_outbox_pending(store, peer, 0, 100, &page));
	assert_ids(&page, ids);
	store_page_deinit(&page);
}

static void a_message_goes_from_queued_over_sent_to_delivered(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	bool first;
	assert_ok(store_outbox_add(
		store, BOB, &(struct store_draft){"a", "hello", 1753000000.25, NULL, NULL}));
	store_close(store);
	store = reopen(*state);
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_int_equal(m.state, STORE_QUEUED);
	assert_string_equal(m.text, "hello");
	assert_true(m.timestamp == 1753000000.25);
	store_message_deinit(&m);
	assert_ok(store_mark_sent(store, BOB, "a"));
	assert_ok(store_mark_sent(store, BOB, "a"));
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_int_equal(m.state, STORE_SENT);
	store_message_deinit(&m);
	assert_ok(store_mark_unsent(store, BOB));
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_int_equal(m.state, STORE_QUEUED);
	store_message_deinit(&m);
	assert_pending(store, BOB, "a");
	assert_ok(store_mark_delivered(store, BOB, "a", &first));
	assert_true(first);
	assert_ok(store_mark_delivered(store, BOB, "a", &first));
	assert_false(first);
	assert_ok(store_mark_sent(store, BOB, "a"));
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_int_equal(m.state, STORE_DELIVERED);
	store_message_deinit(&m);
	assert_pending(store, BOB, "");
	assert_err(store_mark_delivered(store, BOB, "b", NULL), ERR_NOT_FOUND);
	assert_err(store_mark_delivered(store, ALICE, "a", NULL), ERR_NOT_FOUND);
	assert_err(store_mark_sent(store, BOB, "b"), ERR_NOT_FOUND);
	assert_err(store_message_get(store, BOB, STORE_IN, "a", &m), ERR_NOT_FOUND);
	store_close(store);
}

static void the_outbox_keeps_the_order_of_each_peer(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	char peers[2][STORE_NODE_ID_MAX + 1];
	size_t count;
	for (int i = 0; i < 6; i++) {
		char id[2] = {(char)('f' - i), 0};
		assert_ok(store_outbox_add(store, i % 2 ? BOB : ALICE,
			&(struct store_draft){id, "x", 10 - i, NULL, NULL}));
	}
	assert_ok(store_mark_delivered(store, ALICE, "d", NULL));
	assert_pending(store, ALICE, "fb");
	assert_pending(store, BOB, "eca");
	assert_ok(store_outbox_pending(store, BOB, 0, 2, &page));
	assert_ids(&page, "ec");
	assert_true(page.more);
	int64_t after = page.messages[1].sequence;
	store_page_deinit(&page);
	assert_ok(store_outbox_pending(store, BOB, after, 2, &page));
	assert_ids(&page, "a");
	assert_false(page.more);
	store_page_deinit(&page);
	assert_ok(store_outbox_count(store, NULL, &count));
	assert_int_equal(count, 5);
	assert_ok(store_outbox_count(store, BOB, &count));
	assert_int_equal(count, 3);
	assert_ok(store_outbox_peers(store, "", peers, 2, &count));
	assert_int_equal(count, 2);
	assert_string_equal(peers[0], ALICE);
	assert_ok(store_outbox_peers(store, peers[0], peers, 2, &count));
	assert_int_equal(count, 1);
	assert_string_equal(peers[0], BOB);
	store_close(store);
}

static void an_incoming_message_is_stored_once(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	bool is_new;
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"a", "first", 1, NULL, NULL}, &is_new));
	assert_true(is_new);
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"a", "second", 2, NULL, NULL}, &is_new));
	assert_false(is_new);
	assert_ok(store_receive(
		store, ALICE, &(struct store_draft){"a", "of another", 1, NULL, NULL}, &is_new));
	assert_true(is_new);
	assert_ok(store_outbox_add(store, BOB,
		&(struct store_draft){"a", "ours may have the same id", 3, NULL, NULL}));
	assert_err(store_outbox_add(
			   store, BOB, &(struct store_draft){"a", "but only once", 3, NULL, NULL}),
		ERR_EXISTS);
	assert_ok(store_history(store, BOB, 0, 10, &page));
	assert_ids(&page, "aa");
	assert_string_equal(page.messages[0].text, "first");
	assert_int_equal(page.messages[0].state, STORE_RECEIVED);
	assert_int_equal(page.messages[0].direction, STORE_IN);
	store_page_deinit(&page);
	store_close(store);
}

static void history_is_paged_backwards_and_comes_oldest_first(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	bool is_new;
	int64_t sequence;
	for (int i = 0; i < 7; i++) {
		char id[2] = {(char)('a' + i), 0};
		assert_ok(store_receive(
			store, BOB, &(struct store_draft){id, "x", i, NULL, NULL}, &is_new));
	}
	assert_ok(store_history(store, BOB, 0, 3, &page));
	assert_ids(&page, "efg");
	assert_true(page.more);
	store_page_deinit(&page);
	assert_ok(store_history_sequence(store, BOB, "e", &sequence));
	assert_ok(store_history(store, BOB, sequence, 4, &page));
	assert_ids(&page, "abcd");
	assert_false(page.more);
	store_page_deinit(&page);
	assert_err(store_history_sequence(store, BOB, "z", &sequence), ERR_NOT_FOUND);
	assert_ok(store_history(store, ALICE, 0, 4, &page));
	assert_int_equal(page.count, 0);
	store_page_deinit(&page);
	store_close(store);
}

static void ill_formed_messages_are_refused(void **state)
{
	struct store *store = reopen(*state);
	bool is_new;
	char *text = calloc(1, STORE_TEXT_MAX + 2);
	assert_non_null(text);
	memset(text, 'x', STORE_TEXT_MAX + 1);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"a", text, 1, NULL, NULL}),
		ERR_TOO_LARGE);
	text[STORE_TEXT_MAX] = 0;
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"a", text, 1, NULL, NULL}));
	free(text);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"b", "", 1, NULL, NULL}),
		ERR_MALFORMED);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"b", "\xff", 1, NULL, NULL}),
		ERR_MALFORMED);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"b b", "x", 1, NULL, NULL}),
		ERR_MALFORMED);
	assert_err(store_outbox_add(store, "bob", &(struct store_draft){"b", "x", 1, NULL, NULL}),
		ERR_MALFORMED);
	assert_err(store_receive(store, BOB,
			   &(struct store_draft){"b", "x", (double)INFINITY, NULL, NULL}, &is_new),
		ERR_MALFORMED);
	store_close(store);
}

/* Sets the counter that the limits are checked with. */
static void set_counter(const char *home, const char *column, int value)
{
	sqlite3 *db;
	char *path = text_format("%s/dpc.db", home);
	char *sql = text_format("UPDATE peers SET %s = %d", column, value);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_changes(db), 1);
	sqlite3_close(db);
	free(path);
	free(sql);
}

static void the_outbox_and_the_history_of_a_peer_are_limited(void **state)
{
	struct store *store = reopen(*state);
	bool is_new;
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"1", "x", 1, NULL, NULL}));
	set_counter(*state, "pending", STORE_OUTBOX_MAX - 1);
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"2", "x", 1, NULL, NULL}));
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"3", "x", 1, NULL, NULL}),
		ERR_LIMIT);
	assert_non_null(strstr(store_fault_text(store), "10000 messages wait"));
	assert_ok(store_outbox_add(store, ALICE, &(struct store_draft){"3", "x", 1, NULL, NULL}));
	/* A full outbox does not keep others from writing to us. */
	assert_ok(
		store_receive(store, BOB, &(struct store_draft){"3", "x", 1, NULL, NULL}, &is_new));
	assert_ok(store_mark_delivered(store, BOB, "1", NULL));
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"3", "x", 1, NULL, NULL}));
	store_close(store);
}

static void a_full_history_accepts_no_more_but_knows_what_it_has(void **state)
{
	struct store *store = reopen(*state);
	bool is_new;
	assert_ok(
		store_receive(store, BOB, &(struct store_draft){"1", "x", 1, NULL, NULL}, &is_new));
	set_counter(*state, "messages", STORE_HISTORY_MAX);
	assert_err(
		store_receive(store, BOB, &(struct store_draft){"2", "x", 1, NULL, NULL}, &is_new),
		ERR_LIMIT);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"2", "x", 1, NULL, NULL}),
		ERR_LIMIT);
	assert_ok(
		store_receive(store, BOB, &(struct store_draft){"1", "x", 1, NULL, NULL}, &is_new));
	assert_false(is_new);
	store_close(store);
}

static void a_page_is_limited(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	tamper(*state, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 501)"
		       "INSERT INTO messages (peer, direction, id, state, timestamp, text)"
		       " SELECT '" BOB "', 0, i, 0, 0, 'x' FROM n");
	assert_ok(store_outbox_pending(store, BOB, 0, 100000, &page));
	assert_int_equal(page.count, STORE_PAGE_MAX);
	assert_true(page.more);
	store_page_deinit(&page);
	assert_ok(store_history(store, BOB, 0, 100000, &page));
	assert_int_equal(page.count, STORE_PAGE_MAX);
	store_page_deinit(&page);
	store_close(store);
}

static void states_and_directions_have_names(void **state)
{
	(void)state;
	assert_string_equal(store_direction_name(STORE_IN), "in");
	assert_string_equal(store_state_name(STORE_DELIVERED), "delivered");
}

TESTS(HOME_TEST(a_message_goes_from_queued_over_sent_to_delivered),
	HOME_TEST(the_outbox_keeps_the_order_of_each_peer),
	HOME_TEST(an_incoming_message_is_stored_once),
	HOME_TEST(history_is_paged_backwards_and_comes_oldest_first),
	HOME_TEST(ill_formed_messages_are_refused),
	HOME_TEST(the_outbox_and_the_history_of_a_peer_are_limited),
	HOME_TEST(a_full_history_accepts_no_more_but_knows_what_it_has),
	HOME_TEST(a_page_is_limited), TEST(states_and_directions_have_names))
