#include "message/turns.h"

#include "test.h"

#include "message/limits.h"

static bool is_valid(const char *text)
{
	json_t *turns = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(turns);
	bool valid = turns_are_valid(turns);
	json_decref(turns);
	return valid;
}

static void turns_have_a_role_and_a_text(void **state)
{
	(void)state;
	static const char *const good[] = {"[{\"role\":\"user\",\"content\":\"a\"}]",
		"[{\"role\":\"system\",\"content\":\"\",\"name\":1},{\"role\":\"assistant\","
		"\"content\":\"b\"}]"};
	static const char *const bad[] = {"[]", "{}", "1", "[1]", "[{}]",
		"[{\"role\":\"tool\",\"content\":\"a\"}]", "[{\"role\":\"user\"}]",
		"[{\"role\":\"user\",\"content\":[]}]", "[{\"role\":1,\"content\":\"a\"}]"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(is_valid(bad[i]));
}

static void turns_are_limited_in_number(void **state)
{
	(void)state;
	json_t *turns = json_array();
	while (json_array_size(turns) < MESSAGE_TURNS_MAX)
		json_array_append_new(
			turns, json_pack("{s:s,s:s}", "role", "user", "content", "a"));
	assert_true(turns_are_valid(turns));
	json_array_append_new(turns, json_pack("{s:s,s:s}", "role", "user", "content", "a"));
	assert_false(turns_are_valid(turns));
	json_decref(turns);
}

static void options_have_their_types(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"{}", true},
		{"{\"temperature\":0,\"top_p\":0.5,\"max_tokens\":1,\"seed\":-1,\"stop\":[\"a\"]}",
			true},
		{"{\"temperature\":null,\"anything\":\"else\"}", true},
		{"[]", false},
		{"{\"temperature\":\"hot\"}", false},
		{"{\"top_p\":[]}", false},
		{"{\"max_tokens\":0}", false},
		{"{\"max_tokens\":1.5}", false},
		{"{\"seed\":\"1\"}", false},
		{"{\"stop\":\"a\"}", false},
		{"{\"stop\":[1]}", false},
		{"{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
		 "\"12\",\"13\",\"14\",\"15\",\"16\"]}",
			true},
		{"{\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\","
		 "\"12\",\"13\",\"14\",\"15\",\"16\",\"17\"]}",
			false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *options = json_loads(cases[i].text, 0, NULL);
		assert_int_equal(turn_options_are_valid(options), cases[i].valid);
		json_decref(options);
	}
}

static void a_conversation_becomes_one_text(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(100);
	json_t *turns = turns_of_question("why?");
	assert_true(turns_are_valid(turns));
	assert_ok(turns_flatten(turns, &text));
	assert_string_equal(buffer_text(&text), "why?");
	json_decref(turns);
	turns = json_loads("[{\"role\":\"system\",\"content\":\"be short\"},{\"role\":\"user\","
			   "\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
			   "{\"role\":\"user\",\"content\":\"c\"}]",
		0, NULL);
	buffer_clear(&text);
	assert_ok(turns_flatten(turns, &text));
	assert_string_equal(buffer_text(&text), "be short\n\nUser: a\n\nAssistant: b\n\nUser: c");
	text.max = 40;
	assert_err(turns_flatten(turns, &text), ERR_LIMIT);
	json_decref(turns);
	buffer_deinit(&text);
}

static void inputs_are_texts_and_limited_in_number(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"[]", "{}", "[1]", "[\"\"]", "[\"a\",\"\"]", "[[\"a\"]]", "[\"a\\u0000b\"]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *inputs = json_loads(bad[i], JSON_ALLOW_NUL, NULL);
		assert_non_null(inputs);
		assert_false(turn_inputs_are_valid(inputs));
		json_decref(inputs);
	}
	json_t *inputs = json_array();
	while (json_array_size(inputs) < MESSAGE_INPUTS_MAX)
		json_array_append_new(inputs, json_string("a"));
	assert_true(turn_inputs_are_valid(inputs));
	json_array_append_new(inputs, json_string("a"));
	assert_false(turn_inputs_are_valid(inputs));
	json_decref(inputs);
}

TESTS(TEST(turns_have_a_role_and_a_text), TEST(turns_are_limited_in_number),
	TEST(options_have_their_types), TEST(a_conversation_becomes_one_text),
	TEST(inputs_are_texts_and_limited_in_number))
