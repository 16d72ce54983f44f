#include "message/json_scan.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"
#include "base/buffer.h"
#include "message/json.h"

static bool scan_text(const char *text, struct json_scan *ret_scan)
{
	/* A copy with no room behind it. */
	size_t size = strlen(text);
	char *copy = malloc(size + 1);
	memcpy(copy, text, size);
	bool is_sure = json_scan(bytes_of(copy, size), ret_scan);
	free(copy);
	return is_sure;
}

static void the_members_stand_as_in_the_text(void **state)
{
	(void)state;
	const char *text =
		" {\"type\" : \"signal\",\r\n\"n\":-1.50 , \"o\":{\"a\":[1,{}, []],\"b\":\"}\\\"\"}"
		",\"\":null, \"gr\xc3\xbc\xc3\x9f\":\"\xf0\x9f\x98\x80\" } \n";
	struct json_scan scan;
	struct bytes inside;
	assert_true(json_scan(bytes_of_text(text), &scan));
	assert_int_equal(scan.count, 5);
	assert_bytes_equal(scan.members[0].whole, bytes_of_text("\"type\" : \"signal\""));
	assert_bytes_equal(scan.members[0].key, bytes_of_text("type"));
	assert_bytes_equal(scan.members[0].value, bytes_of_text("\"signal\""));
	assert_bytes_equal(scan.members[1].value, bytes_of_text("-1.50"));
	assert_bytes_equal(
		scan.members[2].value, bytes_of_text("{\"a\":[1,{}, []],\"b\":\"}\\\"\"}"));
	assert_ptr_equal(json_scan_find(&scan, "gr\xc3\xbc\xc3\x9f"), &scan.members[4]);
	assert_null(json_scan_find(&scan, "typ"));
	assert_true(json_scan_text(scan.members[0].value, &inside));
	assert_bytes_equal(inside, bytes_of_text("signal"));
	assert_false(json_scan_text(scan.members[1].value, &inside));
	assert_false(json_scan_text(bytes_of_text("\"a\\n\""), &inside));
	assert_false(json_scan_text(bytes_of_text("\""), &inside));
}

/* Everything that the parser refuses, and some that it takes. */
static void what_is_not_sure_is_left_to_the_parser(void **state)
{
	(void)state;
	static const char *const texts[] = {"", " ", "null", "[]", "1", "\"x\"", "{", "{}x",
		"{} {}", "{,}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\"}", "{\"a\":}",
		"{\"a\" 1}", "{a:1}", "{\"a\":1,\"a\":2}",
		"{\"o\":{\"a\":1,\"b\":{\"a\":1},\"a\":2}}", "{\"a\":01}", "{\"a\":-}",
		"{\"a\":+1}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":0x1}", "{\"a\":NaN}",
		"{\"a\":tru}", "{\"a\":truey}", "{\"a\":nul", "{\"a\":[1,]}", "{\"a\":[}",
		"{\"a\":[1 2]}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\x\"}", "{\"a\":\"\n\"}",
		"{\"a\":\"\x01 234567\"}", "{\"a\":\"1234567\x1f\"}", "{\"a\":\"\xff\"}",
		"{\"a\":\"\xc3\"}", "{\"a\":\"\xed\xa0\x80\"}", "\xef\xbb\xbf{}", "{\"a\":1}\x01",
		/* These are good, and looked at by the parser. */
		"{\"\\u0061\":1}", "{\"a\":\"\\u00e9\"}", "{\"a\":1e5}",
		"{\"a\":1234567890123456789}"};
	struct json_scan scan;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_false(scan_text(texts[i], &scan));
	/* Wherever a good one is cut off. */
	const char *good = "{\"a\":[true,false,null,-1.5,\"x\\n\"],\"b\":{\"c\":\"\xe2\x82\xac\"}}";
	for (size_t size = 0; size < strlen(good); size++)
		assert_false(json_scan(bytes_of(good, size), &scan));
	assert_true(json_scan(bytes_of_text(good), &scan));
}

/* An object with so many members, of which the last is nested so deep. */
static struct buffer nested(size_t members, size_t depth)
{
	struct buffer text = buffer_with_max(65536);
	assert_ok(buffer_append_text(&text, "{"));
	for (size_t i = 1; i < members; i++)
		assert_ok(buffer_append_format(&text, "\"%zu\":%zu,", i, i));
	assert_ok(buffer_append_text(&text, "\"deep\":"));
	for (size_t i = 1; i < depth; i++)
		assert_ok(buffer_append_text(&text, "["));
	assert_ok(buffer_append_text(&text, "1"));
	for (size_t i = 1; i < depth; i++)
		assert_ok(buffer_append_text(&text, "]"));
	assert_ok(buffer_append_text(&text, "}"));
	return text;
}

static void large_objects_are_left_to_the_parser(void **state)
{
	(void)state;
	static const struct {
		size_t members, depth;
		bool is_sure, is_good;
	} cases[] = {
		{JSON_SCAN_MEMBERS_MAX, 1, true, true},
		{JSON_SCAN_MEMBERS_MAX + 1, 1, false, true},
		{1, JSON_DEPTH_MAX, true, true},
		{1, JSON_DEPTH_MAX + 1, false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct buffer text = nested(cases[i].members, cases[i].depth);
		struct json_scan scan;
		json_t *object = NULL;
		assert_int_equal(scan_text(buffer_text(&text), &scan), cases[i].is_sure);
		enum err err = json_parse_object(buffer_bytes(&text), 65536, &object);
		assert_int_equal(err == ERR_OK, cases[i].is_good);
		json_decref(object);
		buffer_deinit(&text);
	}
}

static void keys_of_all_that_is_open_have_a_limit(void **state)
{
	(void)state;
	/* Each level has ten keys, the last of which is the next level. */
	char text[4096] = "", end[32] = "";
	struct json_scan scan;
	for (size_t level = 1; level <= 6; level++) {
		snprintf(text + strlen(text), sizeof text - strlen(text),
			"%s{\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":"
			"0",
			level > 1 ? ",\"9\":" : "");
		snprintf(end + strlen(end), sizeof end - strlen(end), "}");
		char whole[4096 + 32];
		snprintf(whole, sizeof whole, "%s%s", text, end);
		size_t keys = 9 * level + level - 1;
		assert_int_equal(scan_text(whole, &scan), keys <= JSON_SCAN_KEYS_MAX);
	}
}

TESTS(TEST(the_members_stand_as_in_the_text), TEST(what_is_not_sure_is_left_to_the_parser),
	TEST(large_objects_are_left_to_the_parser), TEST(keys_of_all_that_is_open_have_a_limit))
