#include "node/store_change.h"

#include "test.h"

#include "base/text.h"
#include "node/store_search.h"
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

static void send(struct store *store, const char *id, const char *text)
{
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){id, text, 1000, NULL, NULL}));
}

static void receive(struct store *store, const char *id, const char *text)
{
	bool is_new;
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){id, text, 1000, NULL, NULL}, &is_new));
	assert_true(is_new);
}

static void assert_message(struct store *store, enum store_direction direction, const char *id,
	enum store_state state, double edited, bool deleted, const char *text)
{
	struct store_message m;
	assert_ok(store_message_get(store, BOB, direction, id, &m));
	assert_int_equal(m.state, state);
	assert_true(m.edited == edited);
	assert_int_equal(m.deleted, deleted);
	assert_string_equal(m.text, text);
	store_message_deinit(&m);
}

/* What waits, as "id text id text": a change is shown with what it is about. */
static void assert_pending(struct store *store, const char *expected)
{
	struct store_page page;
	char text[200] = "";
	assert_ok(store_outbox_pending(store, BOB, 0, 100, &page));
	for (size_t i = 0; i < page.count; i++) {
		const struct store_message *m = &page.messages[i];
		size_t size = strlen(text);
		snprintf(text + size, sizeof text - size, "%s%s%s%s %s", i ? " " : "", m->id,
			m->kind == STORE_EDIT ? ">" : (m->kind == STORE_DELETION ? "x" : ""),
			m->kind == STORE_TEXT ? "" : m->refers, m->text);
	}
	assert_string_equal(text, expected);
	store_page_deinit(&page);
}

static size_t finds(struct store *store, const char *word)
{
	struct store_finds found = {0};
	assert_ok(store_search(store, word, NULL, 0, 100, &found));
	size_t count = found.count;
	store_finds_deinit(&found);
	return count;
}

static void an_edit_is_done_at_once_and_waits_for_the_peer(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	bool first;
	send(store, "a", "old words");
	assert_ok(store_edit(store, BOB, "a", "e1", "new words", 2000));
	store_close(store);
	store = reopen(*state);
	assert_message(store, STORE_OUT, "a", STORE_QUEUED, 2000, false, "new words");
	assert_pending(store, "a new words e1>a new words");
	assert_int_equal(finds(store, "old"), 0);
	assert_int_equal(finds(store, "new"), 1);
	/* It is no message of the history. */
	assert_ok(store_history(store, BOB, 0, 10, &page));
	assert_int_equal(page.count, 1);
	store_page_deinit(&page);
	assert_ok(store_mark_sent(store, BOB, "a"));
	assert_ok(store_mark_sent(store, BOB, "e1"));
	assert_ok(store_mark_delivered(store, BOB, "a", &first));
	assert_ok(store_mark_delivered(store, BOB, "e1", &first));
	assert_true(first);
	assert_err(store_mark_delivered(store, BOB, "e1", &first), ERR_NOT_FOUND);
	assert_pending(store, "");
	assert_message(store, STORE_OUT, "a", STORE_DELIVERED, 2000, false, "new words");
	store_close(store);
}

/* The clock went back, or has not moved. */
static void a_second_edit_is_later_than_the_first(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	send(store, "a", "one");
	assert_ok(store_edit(store, BOB, "a", "e1", "two", 2000));
	assert_ok(store_edit(store, BOB, "a", "e2", "three", 1500));
	assert_pending(store, "a three e2>a three"); /* the first says nothing any more */
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_true(m.edited > 2000);
	assert_string_equal(m.text, "three");
	store_message_deinit(&m);
	store_close(store);
}

static void a_deletion_takes_the_text_and_what_waited(void **state)
{
	struct store *store = reopen(*state);
	enum store_state was;
	bool first;
	send(store, "a", "secret words");
	send(store, "b", "others");
	assert_ok(store_edit(store, BOB, "a", "e1", "edited secret", 2000));
	assert_ok(store_mark_sent(store, BOB, "a"));
	assert_ok(store_delete(store, BOB, "a", "d1", &was));
	assert_int_equal(was, STORE_SENT);
	assert_message(store, STORE_OUT, "a", STORE_DELIVERED, 2000, true, "");
	assert_pending(store, "b others e1>a  d1xa ");
	assert_int_equal(finds(store, "secret"), 0);
	assert_int_equal(finds(store, "words"), 0);
	/* It may have arrived all the same. */
	assert_ok(store_mark_delivered(store, BOB, "a", &first));
	assert_false(first);
	assert_err(store_delete(store, BOB, "a", "d2", &was), ERR_NOT_FOUND);
	assert_err(store_edit(store, BOB, "a", "e2", "x", 3000), ERR_NOT_FOUND);
	store_close(store);
}

static void only_ones_own_messages_are_changed(void **state)
{
	struct store *store = reopen(*state);
	enum store_state was;
	bool changed = true;
	receive(store, "a", "theirs");
	send(store, "b", "ours");
	assert_err(store_edit(store, BOB, "a", "e1", "x", 2000), ERR_NOT_FOUND);
	assert_err(store_delete(store, BOB, "a", "d1", &was), ERR_NOT_FOUND);
	assert_err(store_peer_edit(store, BOB, "b", "x", 2000, &changed), ERR_NOT_FOUND);
	assert_ok(store_peer_delete(store, BOB, "b", &changed));
	assert_false(changed);
	/* Nor those of another peer. */
	assert_err(store_peer_edit(store, ALICE, "a", "x", 2000, &changed), ERR_NOT_FOUND);
	assert_ok(store_peer_delete(store, ALICE, "a", &changed));
	assert_false(changed);
	assert_message(store, STORE_IN, "a", STORE_RECEIVED, 0, false, "theirs");
	assert_message(store, STORE_OUT, "b", STORE_QUEUED, 0, false, "ours");
	store_close(store);
}

/* In whatever order they come, and however often. */
static void of_the_peers_edits_the_latest_holds(void **state)
{
	struct store *store = reopen(*state);
	bool changed;
	receive(store, "a", "one");
	assert_ok(store_peer_edit(store, BOB, "a", "three", 3000, &changed));
	assert_true(changed);
	assert_ok(store_peer_edit(store, BOB, "a", "two", 2000, &changed));
	assert_false(changed);
	assert_ok(store_peer_edit(store, BOB, "a", "three", 3000, &changed));
	assert_false(changed);
	assert_message(store, STORE_IN, "a", STORE_RECEIVED, 3000, false, "three");
	assert_int_equal(finds(store, "three"), 1);
	assert_ok(store_peer_delete(store, BOB, "a", &changed));
	assert_true(changed);
	assert_ok(store_peer_delete(store, BOB, "a", &changed));
	assert_false(changed);
	assert_ok(store_peer_edit(store, BOB, "a", "back", 4000, &changed));
	assert_false(changed);
	assert_message(store, STORE_IN, "a", STORE_RECEIVED, 3000, true, "");
	assert_int_equal(finds(store, "three"), 0);
	store_close(store);
}

static void a_message_of_the_peers_can_be_deleted_here(void **state)
{
	struct store *store = reopen(*state);
	receive(store, "a", "nonsense");
	assert_ok(store_delete_received(store, BOB, "a"));
	assert_err(store_delete_received(store, BOB, "a"), ERR_NOT_FOUND);
	assert_message(store, STORE_IN, "a", STORE_RECEIVED, 0, true, "");
	assert_pending(store, "");
	store_close(store);
}

static void a_change_that_is_refused_is_given_up(void **state)
{
	struct store *store = reopen(*state);
	size_t count;
	send(store, "a", "one");
	assert_ok(store_edit(store, BOB, "a", "e1", "two", 2000));
	assert_ok(store_change_remove(store, BOB, "e1", &count));
	assert_int_equal(count, 1);
	assert_ok(store_change_remove(store, BOB, "e1", &count));
	assert_int_equal(count, 0);
	/* A peer cannot refuse a message away. */
	assert_ok(store_change_remove(store, BOB, "a", &count));
	assert_int_equal(count, 0);
	assert_pending(store, "a two");
	store_close(store);
}

static void changes_and_texts_have_their_limits(void **state)
{
	struct store *store = reopen(*state);
	enum store_state was;
	bool changed;
	char *long_text = calloc(1, STORE_TEXT_MAX + 2);
	assert_non_null(long_text);
	memset(long_text, 'x', STORE_TEXT_MAX + 1);
	send(store, "a", "one");
	receive(store, "b", "two");
	assert_err(store_edit(store, BOB, "a", "e", long_text, 2000), ERR_TOO_LARGE);
	assert_err(store_edit(store, BOB, "a", "e", "", 2000), ERR_MALFORMED);
	assert_err(store_edit(store, BOB, "a", "e", "\xff", 2000), ERR_MALFORMED);
	assert_err(store_peer_edit(store, BOB, "b", long_text, 2000, &changed), ERR_TOO_LARGE);
	assert_err(store_peer_edit(store, BOB, "b", "", 2000, &changed), ERR_MALFORMED);
	free(long_text);
	store_close(store);
	/* A full outbox takes no changes either. */
	char sql[100];
	snprintf(sql, sizeof sql, "UPDATE peers SET pending = %d", STORE_OUTBOX_MAX);
	tamper(*state, sql);
	store = reopen(*state);
	assert_err(store_edit(store, BOB, "a", "e", "two", 2000), ERR_LIMIT);
	assert_message(store, STORE_OUT, "a", STORE_QUEUED, 0, false, "one");
	/* But what is deleted makes room. */
	assert_ok(store_delete(store, BOB, "a", "d", &was));
	assert_message(store, STORE_OUT, "a", STORE_DELIVERED, 0, true, "");
	store_close(store);
}

static void a_message_is_found_by_the_beginning_of_its_id(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	send(store, "abcd1", "one");
	send(store, "abcd2", "two");
	receive(store, "abce", "three");
	assert_ok(store_message_find(store, BOB, STORE_EITHER, "abcd2", &m));
	store_message_deinit(&m);
	assert_ok(store_message_find(store, BOB, STORE_EITHER, "abce", &m));
	store_message_deinit(&m);
	assert_err(store_message_find(store, BOB, STORE_EITHER, "abcd", &m), ERR_MISMATCH);
	assert_err(store_message_find(store, BOB, STORE_EITHER, "abc", &m), ERR_NOT_FOUND);
	assert_err(store_message_find(store, BOB, STORE_EITHER, "zzzz", &m), ERR_NOT_FOUND);
	assert_err(store_message_find(store, BOB, STORE_EITHER, "ab' OR 1", &m), ERR_NOT_FOUND);
	assert_err(store_message_find(store, ALICE, STORE_EITHER, "abce", &m), ERR_NOT_FOUND);
	assert_err(store_message_find(store, BOB, STORE_OUT, "abce", &m), ERR_NOT_FOUND);
	assert_ok(store_message_last(store, BOB, &m));
	assert_string_equal(m.id, "abcd2");
	store_message_deinit(&m);
	assert_err(store_message_last(store, ALICE, &m), ERR_NOT_FOUND);
	store_close(store);
}

#define OURS "0123456789abcdef0123456789abcdef"

/* Whoever gets our ids can choose them, or what they begin with. */
static void a_peer_that_takes_our_ids_is_told_from_us(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	send(store, OURS, "ours");
	receive(store, "01234567", "the beginning of ours");
	assert_err(store_message_find(store, BOB, STORE_EITHER, "01234567", &m), ERR_MISMATCH);
	assert_ok(store_message_find(store, BOB, STORE_OUT, "01234567", &m));
	assert_string_equal(m.text, "ours");
	store_message_deinit(&m);
	receive(store, OURS "0", "longer than ours");
	assert_ok(store_message_find(store, BOB, STORE_EITHER, OURS, &m));
	assert_string_equal(m.text, "ours");
	store_message_deinit(&m);
	receive(store, OURS, "the same");
	assert_err(store_message_find(store, BOB, STORE_EITHER, OURS, &m), ERR_MISMATCH);
	assert_ok(store_message_find(store, BOB, STORE_IN, OURS, &m));
	assert_string_equal(m.text, "the same");
	store_message_deinit(&m);
	store_close(store);
}

/* A deletion may overtake its message, over another link. */
static void what_is_deleted_before_it_comes_does_not_come(void **state)
{
	struct store *store = reopen(*state);
	struct store_page page;
	bool changed = true, is_new = true;
	assert_ok(store_peer_delete(store, BOB, "a", &changed));
	assert_false(changed);
	assert_ok(store_peer_delete(store, BOB, "a", &changed));
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"a", "late", 1, NULL, NULL}, &is_new));
	assert_false(is_new);
	assert_ok(store_history(store, BOB, 0, 10, &page));
	assert_int_equal(page.count, 0);
	store_page_deinit(&page);
	assert_int_equal(finds(store, "late"), 0);
	store_close(store);
}

/* Of a peer's attachments only what they mean is kept. */
static void strange_fields_of_attachments_are_not_kept(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	bool is_new;
	json_t *list = json_pack("[{s:s, s:s, s:i, s:[{},{},{}], s:s}]", "id", "f", "name", "a",
		"size", 5, "z", "path", "/etc/passwd");
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"a", "see", 1, NULL, list}, &is_new));
	json_decref(list);
	assert_ok(store_message_get(store, BOB, STORE_IN, "a", &m));
	assert_string_equal(m.attachments, "[{\"id\":\"f\",\"name\":\"a\",\"size\":5}]");
	store_message_deinit(&m);
	store_close(store);
}

static void assert_unread(struct store *store, size_t expected)
{
	size_t count;
	assert_ok(store_unread(store, BOB, &count));
	assert_int_equal(count, expected);
}

static void what_is_read_only_grows(void **state)
{
	struct store *store = reopen(*state);
	char id[STORE_MESSAGE_ID_MAX + 1];
	bool changed;
	assert_unread(store, 0);
	assert_ok(store_read_here(store, BOB, NULL));
	assert_err(store_read_position(store, BOB, id), ERR_NOT_FOUND);
	receive(store, "a", "one");
	send(store, "s", "between");
	receive(store, "b", "two");
	receive(store, "c", "three");
	assert_unread(store, 3);
	assert_ok(store_read_here(store, BOB, "b"));
	assert_unread(store, 1);
	assert_ok(store_read_here(store, BOB, "a"));
	assert_unread(store, 1);
	assert_ok(store_read_position(store, BOB, id));
	assert_string_equal(id, "b");
	assert_message(store, STORE_IN, "b", STORE_READ, 0, false, "two");
	assert_message(store, STORE_IN, "c", STORE_RECEIVED, 0, false, "three");
	assert_err(store_read_here(store, BOB, "s"), ERR_NOT_FOUND);
	assert_ok(store_read_here(store, BOB, NULL));
	assert_unread(store, 0);
	receive(store, "d", "four");
	assert_unread(store, 1);
	assert_ok(store_delete_received(store, BOB, "d"));
	assert_unread(store, 0);
	/* And there. One that waits cannot have been read. */
	assert_ok(store_read_there(store, BOB, "s", &changed));
	assert_true(changed);
	assert_message(store, STORE_OUT, "s", STORE_QUEUED, 0, false, "between");
	assert_ok(store_mark_delivered(store, BOB, "s", NULL));
	assert_message(store, STORE_OUT, "s", STORE_READ, 0, false, "between");
	assert_ok(store_read_there(store, BOB, "s", &changed));
	assert_false(changed);
	assert_err(store_read_there(store, BOB, "a", &changed), ERR_NOT_FOUND);
	store_close(store);
}

static void unread_messages_are_counted_up_to_a_limit(void **state)
{
	struct store *store = reopen(*state);
	receive(store, "a", "one");
	store_close(store);
	tamper(*state, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
		       "2000) INSERT INTO messages (peer, direction, id, state, timestamp, text) "
		       "SELECT '" BOB "', 1, 'm' || i, 3, 1, 'x' FROM n");
	store = reopen(*state);
	assert_unread(store, STORE_UNREAD_MAX);
	store_close(store);
}

static void attachments_go_with_their_message(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	enum store_state was;
	json_t *list = json_pack("[{s:s, s:s, s:i}]", "id", "f", "name", "a", "size", 5);
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"a", "see", 1, NULL, list}));
	json_decref(list);
	store_close(store);
	store = reopen(*state);
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_string_equal(m.attachments, "[{\"id\":\"f\",\"name\":\"a\",\"size\":5}]");
	store_message_deinit(&m);
	assert_ok(store_delete(store, BOB, "a", "d", &was));
	assert_ok(store_message_get(store, BOB, STORE_OUT, "a", &m));
	assert_string_equal(m.attachments, "");
	store_message_deinit(&m);
	store_close(store);
}

static void a_reply_names_what_it_answers(void **state)
{
	struct store *store = reopen(*state);
	struct store_message m;
	bool is_new;
	receive(store, "a", "question");
	assert_ok(store_outbox_add(store, BOB, &(struct store_draft){"b", "answer", 1, "a", NULL}));
	assert_ok(store_receive(
		store, BOB, &(struct store_draft){"c", "so?", 1, "b", NULL}, &is_new));
	assert_ok(store_message_get(store, BOB, STORE_OUT, "b", &m));
	assert_string_equal(m.refers, "a");
	store_message_deinit(&m);
	assert_ok(store_message_get(store, BOB, STORE_IN, "c", &m));
	assert_string_equal(m.refers, "b");
	store_message_deinit(&m);
	assert_err(store_outbox_add(store, BOB, &(struct store_draft){"d", "x", 1, "no id", NULL}),
		ERR_MALFORMED);
	store_close(store);
}

TESTS(HOME_TEST(an_edit_is_done_at_once_and_waits_for_the_peer),
	HOME_TEST(a_second_edit_is_later_than_the_first),
	HOME_TEST(a_deletion_takes_the_text_and_what_waited),
	HOME_TEST(only_ones_own_messages_are_changed),
	HOME_TEST(of_the_peers_edits_the_latest_holds),
	HOME_TEST(a_message_of_the_peers_can_be_deleted_here),
	HOME_TEST(a_change_that_is_refused_is_given_up),
	HOME_TEST(changes_and_texts_have_their_limits),
	HOME_TEST(a_message_is_found_by_the_beginning_of_its_id),
	HOME_TEST(a_peer_that_takes_our_ids_is_told_from_us),
	HOME_TEST(what_is_deleted_before_it_comes_does_not_come),
	HOME_TEST(strange_fields_of_attachments_are_not_kept), HOME_TEST(what_is_read_only_grows),
	HOME_TEST(unread_messages_are_counted_up_to_a_limit),
	HOME_TEST(attachments_go_with_their_message), HOME_TEST(a_reply_names_what_it_answers))
