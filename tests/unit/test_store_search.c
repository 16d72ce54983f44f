#include "node/store_search.h"

#include "test.h"

#include <string.h>

#include "base/text.h"
#include "store_tamper.h"
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

static void receive(struct store *store, const char *peer, const char *id, const char *text)
{
	bool is_new;
	assert_ok(store_receive(
		store, peer, &(struct store_draft){id, text, 1753000000, NULL, NULL}, &is_new));
	assert_true(is_new);
}

/* The ids found, newest first, with spaces between them. */
static void assert_finds(struct store *store, const char *words, const char *peer, const char *ids)
{
	struct store_finds finds = {0};
	char found[200] = "";
	assert_ok(store_search(store, words, peer, 0, 10, &finds));
	for (size_t i = 0; i < finds.count; i++) {
		size_t size = strlen(found);
		snprintf(found + size, sizeof found - size, "%s%s", i ? " " : "",
			finds.finds[i].message.id);
	}
	assert_string_equal(found, ids);
	store_finds_deinit(&finds);
}

static void all_words_are_found_whatever_their_case_and_accents(void **state)
{
	struct store *store = open_store(state);
	receive(store, ALICE, "1", "The café opens at nine");
	receive(store, BOB, "2", "Nine cafes, don't open them");
	assert_ok(store_outbox_add(store, ALICE,
		&(struct store_draft){"3", "see you at NINE", 1753000001, NULL, NULL}));
	assert_finds(store, "nine", NULL, "3 2 1");
	assert_finds(store, " nine\tCAFE ", NULL, "1");
	assert_finds(store, "caf*", NULL, "2 1");
	assert_finds(store, "don't", NULL, "2");
	assert_finds(store, "nine", ALICE, "3 1");
	assert_finds(store, "nine ten", NULL, "");
	/* The peer's id is no word of a text, and punctuation none at all. */
	assert_finds(store, "fedcba9876543210", NULL, "");
	assert_finds(store, "nine !! -", BOB, "2");
	assert_finds(store, "— nine …", BOB, "2");
	assert_finds(store, "…", BOB, "");
	store_close(store);
}

static void what_is_looked_for_is_never_an_operator(void **state)
{
	static const char *const hostile[] = {"a\"b", "\"", "\"\"a", "a OR b", "NEAR(a b)",
		"text:a", "^a", "a + b", "(a", "a)", "{text}:a", "-a", "a*b*", "**a",
		"a'; DROP TABLE messages; --", "\xf0\x9f\x91\x8d", "* a"};
	struct store *store = open_store(state);
	receive(store, ALICE, "1", "a OR b NEAR text");
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		struct store_finds finds = {0};
		enum err err = store_search(store, hostile[i], NULL, 0, 10, &finds);
		assert_true(err == ERR_OK || err == ERR_MALFORMED);
		store_finds_deinit(&finds);
	}
	assert_finds(store, "a or b", NULL, "1");
	assert_finds(store, "a and b", NULL, "");
	store_close(store);
}

static void limits_of_what_is_looked_for(void **state)
{
	struct store *store = open_store(state);
	struct store_finds finds = {0};
	char long_word[STORE_SEARCH_MAX + 2] = "", words[2 * STORE_SEARCH_WORDS_MAX + 3] = "";
	memset(long_word, 'a', STORE_SEARCH_MAX + 1);
	assert_err(store_search(store, long_word, NULL, 0, 10, &finds), ERR_TOO_LARGE);
	long_word[STORE_SEARCH_MAX] = 0;
	assert_finds(store, long_word, NULL, "");
	for (size_t i = 0; i <= STORE_SEARCH_WORDS_MAX; i++)
		memcpy(words + 2 * i, "a ", 2);
	assert_err(store_search(store, words, NULL, 0, 10, &finds), ERR_TOO_LARGE);
	words[2 * STORE_SEARCH_WORDS_MAX] = 0;
	assert_finds(store, words, NULL, "");
	assert_err(store_search(store, "", NULL, 0, 10, &finds), ERR_MALFORMED);
	assert_err(store_search(store, " .*! * ", NULL, 0, 10, &finds), ERR_MALFORMED);
	assert_err(store_search(store, "a \xff", NULL, 0, 10, &finds), ERR_MALFORMED);
	store_close(store);
}

static void the_words_are_shown_and_pages_go_back(void **state)
{
	struct store *store = open_store(state);
	struct store_finds finds = {0};
	for (int i = 0; i < 5; i++) {
		char id[8], text[40];
		snprintf(id, sizeof id, "%d", i);
		snprintf(text, sizeof text, "number %d of five", i);
		receive(store, ALICE, id, text);
	}
	assert_ok(store_search(store, "num*", NULL, 0, 3, &finds));
	assert_int_equal(finds.count, 3);
	assert_true(finds.more);
	assert_string_equal(finds.finds[0].snippet,
		STORE_SNIPPET_BEGIN "number" STORE_SNIPPET_END " 4 of five");
	int64_t last = finds.finds[2].message.sequence;
	store_finds_deinit(&finds);
	assert_ok(store_search(store, "num*", ALICE, last, 3, &finds));
	assert_int_equal(finds.count, 2);
	assert_false(finds.more);
	assert_string_equal(finds.finds[1].message.text, "number 0 of five");
	store_finds_deinit(&finds);
	store_close(store);
}

static void what_goes_is_not_found_any_more(void **state)
{
	struct store *store = open_store(state);
	struct store_contact alice = {.node_id = ALICE};
	assert_ok(store_contact_add(store, &alice));
	assert_ok(store_outbox_add(
		store, ALICE, &(struct store_draft){"1", "waiting words", 1753000001, NULL, NULL}));
	receive(store, ALICE, "2", "other words");
	assert_finds(store, "words", NULL, "2 1");
	assert_ok(store_contact_remove(store, ALICE)); /* and what is not delivered */
	assert_finds(store, "words", NULL, "2");
	store_close(store);
}

/* As a database of the version before, which has no index. */
static void messages_of_a_former_version_are_found(void **state)
{
	struct store *store = open_store(state);
	receive(store, ALICE, "1", "an old message");
	store_close(store);
	tamper(*state, "DROP INDEX messages_out;"
		       "DROP INDEX messages_in;"
		       "ALTER TABLE messages DROP COLUMN kind;"
		       "ALTER TABLE messages DROP COLUMN refers;"
		       "ALTER TABLE messages DROP COLUMN edited;"
		       "ALTER TABLE messages DROP COLUMN deleted;"
		       "ALTER TABLE messages DROP COLUMN attachments;"
		       "ALTER TABLE peers DROP COLUMN read_here;"
		       "ALTER TABLE peers DROP COLUMN read_there;"
		       "DROP TABLE words;"
		       "INSERT INTO messages (peer, direction, id, state, timestamp, text)"
		       " VALUES ('" BOB "', 1, '2', 3, 1.5, 'an older message');"
		       "PRAGMA user_version = 3");
	store = open_store(state);
	assert_finds(store, "old*", NULL, "2 1");
	store_close(store);
}

TESTS(HOME_TEST(all_words_are_found_whatever_their_case_and_accents),
	HOME_TEST(what_is_looked_for_is_never_an_operator), HOME_TEST(limits_of_what_is_looked_for),
	HOME_TEST(the_words_are_shown_and_pages_go_back),
	HOME_TEST(what_goes_is_not_found_any_more),
	HOME_TEST(messages_of_a_former_version_are_found))
