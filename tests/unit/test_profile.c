/* Profiles as clients send them, and the words of a search. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "hub/profile.h"

static void a_profile_keeps_its_fields_and_no_others(void **state)
{
	(void)state;
	struct profile profile = {0};
	const char *text = "{\"name\":\"Alice\",\"description\":\"talks\",\"expertise\":{\"C\":5,"
			   "\"\\u00c4pfel\":2},\"compute\":{\"gpu\":true},"
			   "\"p2p_uri_hint\":\"dpc://192.0.2.1:1\",\"email\":\"a@b\"}";
	assert_null(profile_parse(bytes_of_text(text), &profile));
	assert_true(profile.is_discoverable);
	assert_null(json_object_get(profile.object, "email"));
	assert_int_equal(json_object_size(profile.object), 6);
	assert_string_equal(buffer_text(&profile.words[0]), "Alice\ntalks");
	assert_string_equal(buffer_text(&profile.words[5]), "C\n");
	assert_string_equal(buffer_text(&profile.words[2]), "\xc3\x84pfel\n");
	assert_string_equal(buffer_text(&profile.words[1]), "");
	profile_deinit(&profile);
	profile_deinit(&profile);
	assert_null(profile_parse(
		bytes_of_text("{\"name\":\"B\",\"discoverable\":false,\"expertise\":null}"),
		&profile));
	assert_false(profile.is_discoverable);
	profile_deinit(&profile);
}

static void what_is_wrong_with_a_profile_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *text, *code;
	} cases[] = {
		{"", "malformed"},
		{"[]", "malformed"},
		{"{\"name\":\"a\",\"discoverable\":1}", "malformed"},
		{"{}", "bad_name"},
		{"{\"name\":\"\"}", "bad_name"},
		{"{\"name\":\" \\t \"}", "bad_name"},
		{"{\"name\":\"a\\u001bb\"}", "bad_name"},
		{"{\"name\":7}", "bad_name"},
		{"{\"name\":\"a\",\"description\":[]}", "bad_description"},
		{"{\"name\":\"a\",\"description\":\"\\u0007\"}", "bad_description"},
		{"{\"name\":\"a\",\"expertise\":[]}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"\":1}}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"c\":0}}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"c\":6}}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"c\":\"5\"}}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"c\":2.5}}", "bad_expertise"},
		{"{\"name\":\"a\",\"expertise\":{\"c\":null}}", "bad_expertise"},
		{"{\"name\":\"a\",\"compute\":\"much\"}", "bad_compute"},
		{"{\"name\":\"a\",\"p2p_uri_hint\":\"http://x\"}", "bad_uri"},
		{"{\"name\":\"a\",\"p2p_uri_hint\":\"dpc://x y\"}", "bad_uri"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct profile profile;
		const struct refusal *refusal =
			profile_parse(bytes_of_text(cases[i].text), &profile);
		assert_non_null(refusal);
		assert_string_equal(refusal->code, cases[i].code);
	}
}

/* A profile with so many characters between `before` and `after`. */
static const struct refusal *try_length(const char *before, const char *after, size_t length)
{
	struct profile profile;
	struct buffer text = buffer_with_max(HUB_BODY_MAX);
	assert_ok(buffer_append_text(&text, before));
	for (size_t i = 0; i < length; i++)
		assert_ok(buffer_append_text(&text, "x"));
	assert_ok(buffer_append_text(&text, after));
	const struct refusal *refusal = profile_parse(buffer_bytes(&text), &profile);
	if (!refusal)
		profile_deinit(&profile);
	buffer_deinit(&text);
	return refusal;
}

static void every_field_has_a_limit(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after;
		size_t max;
	} cases[] = {
		{"{\"name\":\"", "\"}", PROFILE_NAME_MAX},
		{"{\"name\":\"a\",\"description\":\"", "\"}", PROFILE_DESCRIPTION_MAX},
		{"{\"name\":\"a\",\"expertise\":{\"", "\":1}}", PROFILE_TOPIC_MAX},
		{"{\"name\":\"a\",\"compute\":{\"a\":\"", "\"}}", PROFILE_COMPUTE_MAX - 8},
		{"{\"name\":\"a\",\"p2p_uri_hint\":\"dpc://", "\"}", PROFILE_URI_MAX - 6},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_null(try_length(cases[i].before, cases[i].after, cases[i].max));
		assert_non_null(try_length(cases[i].before, cases[i].after, cases[i].max + 1));
	}
}

static const struct refusal *try_topics(size_t count)
{
	struct profile profile;
	struct buffer text = buffer_with_max(HUB_BODY_MAX);
	assert_ok(buffer_append_text(&text, "{\"name\":\"a\",\"expertise\":{"));
	for (size_t i = 0; i < count; i++)
		assert_ok(buffer_append_format(&text, "%s\"t%zu\":5", i ? "," : "", i));
	assert_ok(buffer_append_text(&text, "}}"));
	const struct refusal *refusal = profile_parse(buffer_bytes(&text), &profile);
	if (!refusal)
		profile_deinit(&profile);
	buffer_deinit(&text);
	return refusal;
}

static void a_profile_has_so_many_topics(void **state)
{
	(void)state;
	assert_null(try_topics(PROFILE_TOPICS_MAX));
	assert_string_equal(try_topics(PROFILE_TOPICS_MAX + 1)->code, "bad_expertise");
}

static void a_search_is_its_words(void **state)
{
	(void)state;
	struct search_words words;
	assert_true(search_words_parse("  rust \t c++ - \"quoted\" \xc3\xa4 ", &words));
	assert_int_equal(words.count, 4);
	assert_string_equal(words.words[0], "rust");
	assert_string_equal(words.words[1], "c++");
	assert_string_equal(words.words[2], "\"quoted\"");
	assert_string_equal(words.words[3], "\xc3\xa4");
	assert_true(search_words_parse("1 2 3 4 5 6 7 8", &words));
	assert_int_equal(words.count, SEARCH_WORDS_MAX);
	assert_false(search_words_parse("1 2 3 4 5 6 7 8 9", &words));
	assert_false(search_words_parse("", &words));
	assert_false(search_words_parse("rust \xff", &words));
	assert_false(search_words_parse(" * + \" ", &words));
	char text[SEARCH_TEXT_MAX + 2];
	memset(text, 'x', sizeof text);
	text[SEARCH_TEXT_MAX] = 0;
	assert_true(search_words_parse(text, &words));
	text[SEARCH_TEXT_MAX] = 'x';
	text[SEARCH_TEXT_MAX + 1] = 0;
	assert_false(search_words_parse(text, &words));
}

TESTS(TEST(a_profile_keeps_its_fields_and_no_others), TEST(what_is_wrong_with_a_profile_is_said),
	TEST(every_field_has_a_limit), TEST(a_profile_has_so_many_topics),
	TEST(a_search_is_its_words))
