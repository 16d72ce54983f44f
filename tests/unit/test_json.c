#include "test.h"

#include <stdlib.h>

#include "message/json.h"

static enum err parse(const char *text, json_t **ret)
{
	return json_parse_object(bytes_of_text(text), 256, ret);
}

static void only_one_whole_object_is_accepted(void **state)
{
	(void)state;
	static const char *const refused[] = {"", "null", "[]", "1", "\"x\"", "{", "{}x", "{} {}",
		"{\"a\":1,\"a\":2}", "{\"a\":01}", "{a:1}", "{\"a\":\"\xff\"}",
		"{\"a\":\"\\u0000\"}", "{\"a\":NaN}", "\xef\xbb\xbf{}"};
	json_t *object = NULL;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_err(parse(refused[i], &object), ERR_MALFORMED);
	assert_ok(parse(" {\"a\":{\"b\":[1,2.5,null]}} ", &object));
	json_decref(object);
}

static void a_text_beyond_its_size_is_too_large(void **state)
{
	(void)state;
	json_t *object = NULL;
	struct bytes text = bytes_of_text("{\"a\":1}");
	assert_err(json_parse_object(text, text.size - 1, &object), ERR_TOO_LARGE);
	assert_ok(json_parse_object(text, text.size, &object));
	json_decref(object);
}

static enum err parse_nested(size_t depth, json_t **ret)
{
	char text[512] = "{\"a\":";
	size_t size = strlen(text);
	for (size_t i = 1; i < depth; i++)
		text[size++] = '[';
	for (size_t i = 1; i < depth; i++)
		text[size++] = ']';
	text[size++] = '}';
	return json_parse_object(bytes_of(text, size), sizeof text, ret);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	json_t *object = NULL;
	assert_ok(parse_nested(JSON_DEPTH_MAX, &object));
	json_decref(object);
	assert_err(parse_nested(JSON_DEPTH_MAX + 1, &object), ERR_LIMIT);
}

static void brackets_in_strings_are_no_depth(void **state)
{
	(void)state;
	json_t *object = NULL;
	assert_ok(parse("{\"a\":\"[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}", &object));
	json_decref(object);
}

static void a_required_field_has_its_type(void **state)
{
	(void)state;
	json_t *object = NULL, *value = NULL;
	const char *text = NULL;
	int64_t integer = 0;
	double number = 0;
	bool flag = false;
	assert_ok(parse("{\"t\":\"abc\",\"i\":5,\"n\":1.5,\"b\":true,\"o\":{},\"a\":[],\"z\":null}",
		&object));
	assert_ok(json_get_text(object, "t", 3, &text));
	assert_string_equal(text, "abc");
	assert_err(json_get_text(object, "t", 2, &text), ERR_MALFORMED);
	assert_err(json_get_text(object, "i", 9, &text), ERR_MALFORMED);
	assert_err(json_get_text(object, "z", 9, &text), ERR_MALFORMED);
	assert_err(json_get_text(object, "missing", 9, &text), ERR_MALFORMED);
	assert_ok(json_get_integer(object, "i", 5, 5, &integer));
	assert_int_equal(integer, 5);
	assert_err(json_get_integer(object, "i", 6, 9, &integer), ERR_MALFORMED);
	assert_err(json_get_integer(object, "i", 0, 4, &integer), ERR_MALFORMED);
	assert_err(json_get_integer(object, "n", 0, 9, &integer), ERR_MALFORMED);
	assert_ok(json_get_number(object, "i", &number));
	assert_ok(json_get_number(object, "n", &number));
	assert_err(json_get_number(object, "t", &number), ERR_MALFORMED);
	assert_ok(json_get_bool(object, "b", &flag));
	assert_true(flag);
	assert_err(json_get_bool(object, "i", &flag), ERR_MALFORMED);
	assert_ok(json_get_object(object, "o", &value));
	assert_err(json_get_object(object, "a", &value), ERR_MALFORMED);
	assert_ok(json_get_array(object, "a", &value));
	assert_err(json_get_array(object, "o", &value), ERR_MALFORMED);
	json_decref(object);
}

static void an_optional_field_may_be_missing_but_not_of_another_type(void **state)
{
	(void)state;
	json_t *object = NULL, *value = NULL;
	const char *text = "before";
	int64_t integer = 7;
	double number = 0.5;
	bool flag = true;
	assert_ok(parse("{\"z\":null,\"x\":[1]}", &object));
	assert_ok(json_get_text_if(object, "z", 9, &text));
	assert_ok(json_get_integer_if(object, "missing", 0, 9, &integer));
	assert_ok(json_get_number_if(object, "missing", &number));
	assert_ok(json_get_bool_if(object, "missing", &flag));
	assert_ok(json_get_object_if(object, "missing", &value));
	assert_null(value);
	assert_ok(json_get_array_if(object, "z", &value));
	assert_null(value);
	assert_string_equal(text, "before");
	assert_int_equal(integer, 7);
	assert_err(json_get_text_if(object, "x", 9, &text), ERR_MALFORMED);
	assert_err(json_get_integer_if(object, "x", 0, 9, &integer), ERR_MALFORMED);
	assert_err(json_get_object_if(object, "x", &value), ERR_MALFORMED);
	assert_ok(json_get_array_if(object, "x", &value));
	json_decref(object);
}

static void a_value_is_written_compactly(void **state)
{
	(void)state;
	char *text = json_take_text(json_pack("{s:s, s:[i]}", "a", "b", "c", 1));
	assert_string_equal(text, "{\"a\":\"b\",\"c\":[1]}");
	free(text);
	assert_null(json_take_text(NULL));
}

static void numbers_for_people_are_short_and_exact(void **state)
{
	(void)state;
	static const struct {
		double number;
		const char *text;
	} cases[] = {{0.9, "0.9"}, {1, "1.0"}, {0.1 + 0.2, "0.30000000000000004"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *value = json_real(cases[i].number);
		char *text = json_to_pretty_text(value);
		assert_string_equal(text, cases[i].text);
		free(text);
		json_decref(value);
	}
	assert_null(json_to_pretty_text(NULL));
}

TESTS(TEST(only_one_whole_object_is_accepted), TEST(a_text_beyond_its_size_is_too_large),
	TEST(depth_has_a_limit), TEST(brackets_in_strings_are_no_depth),
	TEST(a_required_field_has_its_type),
	TEST(an_optional_field_may_be_missing_but_not_of_another_type),
	TEST(a_value_is_written_compactly), TEST(numbers_for_people_are_short_and_exact))
