/* Profiles in the store and searching them, on a real SQLite file or a real PostgreSQL. */
#include "hub_store.h"

/* An account whose profile has these words; NULL ones are empty. */
static int64_t put(struct world *w, const char *name, const char *l1, const char *l3,
	const char *l5, bool is_discoverable)
{
	int64_t id = 0;
	const char *words[] = {name, l1 ? l1 : "", "", l3 ? l3 : "", "", l5 ? l5 : ""};
	assert_ok(store_user_find(w->store, "key", name, true, NOW, &id));
	struct store_profile profile = {.user_id = id,
		.text = name,
		.updated = NOW,
		.words = is_discoverable ? words : NULL};
	assert_ok(store_profile_put(w->store, &profile));
	return id;
}

/* The names found, as "b,a". */
static const char *find_before(
	struct world *w, const char *first, const char *second, unsigned level, int64_t before)
{
	static char names[256];
	const char *words[] = {first, second};
	struct store_search search = {
		.words = words, .word_count = second ? 2 : 1, .level = level, .before = before};
	struct store_found found[SEARCH_PAGE_MAX];
	size_t count = 99;
	assert_ok(store_profile_search(w->store, &search, SEARCH_PAGE_MAX, found, &count));
	names[0] = 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(names);
		snprintf(names + size, sizeof names - size, "%s%s", i ? "," : "", found[i].text);
		free(found[i].text);
	}
	return names;
}

static const char *find(struct world *w, const char *first, const char *second, unsigned level)
{
	return find_before(w, first, second, level, INT64_MAX);
}

static void a_profile_is_put_replaced_and_deleted(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_found found;
	start(&w);
	int64_t id = put(&w, "ann", NULL, NULL, "rust", true);
	assert_ok(store_profile_get(w.store, id, &found));
	assert_string_equal(found.text, "ann");
	assert_int_equal(found.updated, NOW);
	free(found.text);
	assert_string_equal(find(&w, "rust", NULL, 5), "ann");
	assert_int_equal(put(&w, "ann", NULL, "rust", NULL, true), id);
	assert_string_equal(find(&w, "rust", NULL, 5), "");
	assert_string_equal(find(&w, "rust", NULL, 3), "ann");
	assert_ok(store_profile_delete(w.store, id));
	assert_ok(store_profile_delete(w.store, id));
	assert_err(store_profile_get(w.store, id, &found), ERR_NOT_FOUND);
	assert_string_equal(find(&w, "rust", NULL, 3), "");
	struct store_profile nobody = {.user_id = 999, .text = "x"};
	assert_err(store_profile_put(w.store, &nobody), ERR_IO);
	stop(&w);
}

static void a_search_finds_beginnings_of_words_whatever_their_case_and_accents(void **state)
{
	(void)state;
	struct world w = {0};
	start(&w);
	put(&w, "ann", NULL, NULL, "Machine learning\nC\n", true);
	put(&w, "Bj\xc3\xb6rn", NULL, NULL, "c++\ncooking\n", true);
	assert_string_equal(find(&w, "LEARN", NULL, 5), "ann");
	assert_string_equal(find(&w, "mach", "learning", 5), "ann");
	assert_string_equal(find(&w, "chine", NULL, 5), "");
	assert_string_equal(find(&w, "bjorn", NULL, 0), "Bj\xc3\xb6rn");
	assert_string_equal(find(&w, "BJ\xc3\x96R", NULL, 0), "Bj\xc3\xb6rn");
	/* One letter is the whole word. */
	assert_string_equal(find(&w, "c", NULL, 5), "Bj\xc3\xb6rn,ann");
	assert_string_equal(find(&w, "co", NULL, 5), "Bj\xc3\xb6rn");
	stop(&w);
}

static void the_level_is_the_highest_of_a_topic_that_was_asked_for(void **state)
{
	(void)state;
	struct world w = {0};
	start(&w);
	put(&w, "rusty", NULL, NULL, "cooking", true);
	put(&w, "ann", "rust", "rustic furniture", NULL, true);
	put(&w, "eve", "rust", NULL, "cooking", true);
	assert_string_equal(find(&w, "rust", NULL, 5), "");
	assert_string_equal(find(&w, "rust", NULL, 3), "ann");
	assert_string_equal(find(&w, "rust", NULL, 1), "eve");
	assert_string_equal(find(&w, "rust", NULL, 0), "rusty");
	assert_string_equal(find(&w, "rust", "cooking", 5), "eve,rusty");
	assert_string_equal(find(&w, "rust", "cooking", 1), "");
	assert_string_equal(find(&w, "rusty", "cook", 5), "rusty");
	assert_string_equal(find(&w, "rusty", "furniture", 3), "");
	stop(&w);
}

static void who_does_not_want_to_be_found_is_not(void **state)
{
	(void)state;
	struct world w = {0};
	struct store_found found;
	start(&w);
	int64_t id = put(&w, "ann", NULL, NULL, "rust", false);
	assert_string_equal(find(&w, "rust", NULL, 5), "");
	assert_string_equal(find(&w, "ann", NULL, 0), "");
	assert_ok(store_profile_get(w.store, id, &found));
	free(found.text);
	put(&w, "ann", NULL, NULL, "rust", true);
	assert_string_equal(find(&w, "ann", NULL, 0), "ann");
	put(&w, "ann", NULL, NULL, "rust", false);
	assert_string_equal(find(&w, "ann", NULL, 0), "");
	stop(&w);
}

static void the_latest_accounts_come_first_page_by_page(void **state)
{
	(void)state;
	struct world w = {0};
	start(&w);
	put(&w, "a", NULL, NULL, "rust", true);
	int64_t second = put(&w, "b", NULL, NULL, "rust", true);
	put(&w, "c", NULL, NULL, "rust", true);
	assert_string_equal(find(&w, "rust", NULL, 5), "c,b,a");
	assert_string_equal(find_before(&w, "rust", NULL, 5, second), "a");
	const char *words[] = {"rust"};
	struct store_search search = {
		.words = words, .word_count = 1, .level = 5, .before = INT64_MAX};
	struct store_found found[2];
	size_t count;
	assert_ok(store_profile_search(w.store, &search, 2, found, &count));
	assert_int_equal(count, 2);
	assert_string_equal(found[1].text, "b");
	free(found[0].text);
	free(found[1].text);
	stop(&w);
}

static void words_are_words_and_no_syntax(void **state)
{
	(void)state;
	struct world w = {0};
	static const char *const hostile[] = {"\"", "a\"b", "*", "(", "NEAR(a", "l5:rust", "{l5}",
		"^rust", "-rust", "'; DROP TABLE profiles; --", "\"\"\"\"", "AND", "NOT"};
	start(&w);
	put(&w, "ann", NULL, NULL, "rust", true);
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		(void)find(&w, hostile[i], NULL, 5);
		(void)find(&w, "rust", hostile[i], 0);
	}
	assert_string_equal(find(&w, "NOT", NULL, 0), "");
	/* What the index does not take for part of a word is left out. */
	assert_string_equal(find(&w, "^rust", NULL, 5), "ann");
	/* The longest text with the most quotes. */
	char longest[SEARCH_TEXT_MAX + 1];
	memset(longest, '"', SEARCH_TEXT_MAX);
	longest[0] = 'x';
	longest[SEARCH_TEXT_MAX] = 0;
	for (unsigned level = 0; level <= PROFILE_LEVEL_MAX; level++)
		assert_string_equal(find(&w, longest, NULL, level), "");
	stop(&w);
}

TESTS(TEST(a_profile_is_put_replaced_and_deleted),
	TEST(a_search_finds_beginnings_of_words_whatever_their_case_and_accents),
	TEST(the_level_is_the_highest_of_a_topic_that_was_asked_for),
	TEST(who_does_not_want_to_be_found_is_not),
	TEST(the_latest_accounts_come_first_page_by_page), TEST(words_are_words_and_no_syntax))
