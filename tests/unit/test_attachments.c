#include "message/attachments.h"

#include "test.h"

#include <jansson.h>

#include "message/limits.h"

static bool is_valid(const char *text)
{
	json_t *list = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(list);
	bool valid = attachments_are_valid(list);
	json_decref(list);
	return valid;
}

static void each_has_an_id_a_name_and_a_size(void **state)
{
	(void)state;
	assert_true(is_valid("[{\"id\":\"f\",\"name\":\"a b.txt\",\"size\":0}]"));
	assert_true(
		is_valid("[{\"id\":\"f\",\"name\":\"a\",\"size\":9007199254740992,\"more\":1}]"));
	static const char *const bad[] = {
		"{}",
		"\"a\"",
		"[]",
		"[1]",
		"[{}]",
		"[{\"name\":\"a\",\"size\":0}]",
		"[{\"id\":\"f\",\"size\":0}]",
		"[{\"id\":\"f\",\"name\":\"a\"}]",
		"[{\"id\":\"f f\",\"name\":\"a\",\"size\":0}]",
		"[{\"id\":\"\",\"name\":\"a\",\"size\":0}]",
		"[{\"id\":\"f\",\"name\":\"\",\"size\":0}]",
		"[{\"id\":\"f\",\"name\":\"a\",\"size\":-1}]",
		"[{\"id\":\"f\",\"name\":\"a\",\"size\":1.5}]",
		"[{\"id\":\"f\",\"name\":\"a\",\"size\":9007199254740993}]",
		"[{\"id\":\"f\",\"name\":\"a\",\"size\":0},null]",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(is_valid(bad[i]));
}

static void there_are_not_too_many_and_names_not_too_long(void **state)
{
	(void)state;
	char name[MESSAGE_FILE_NAME_MAX + 2];
	json_t *list = json_array();
	for (int i = 0; i < MESSAGE_ATTACHMENTS_MAX; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i}", "id", "f", "name", "a", "size", i));
	assert_true(attachments_are_valid(list));
	struct attachment last = attachment_at(list, MESSAGE_ATTACHMENTS_MAX - 1);
	assert_string_equal(last.id, "f");
	assert_string_equal(last.name, "a");
	assert_int_equal(last.size, MESSAGE_ATTACHMENTS_MAX - 1);
	json_array_append_new(
		list, json_pack("{s:s, s:s, s:i}", "id", "f", "name", "a", "size", 0));
	assert_false(attachments_are_valid(list));
	json_decref(list);
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = 0;
	list = json_pack("[{s:s, s:s, s:i}]", "id", "f", "name", name, "size", 0);
	assert_false(attachments_are_valid(list));
	json_decref(list);
}

TESTS(TEST(each_has_an_id_a_name_and_a_size), TEST(there_are_not_too_many_and_names_not_too_long))
