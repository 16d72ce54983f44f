/* What keys do to a line. */
#include "test.h"

#include <locale.h>
#include <stdlib.h>

#include "cli/line_edit.h"

/* Types bytes; returns what the last key asks for. */
static enum line_edit_next type(struct line_edit *edit, const char *bytes)
{
	struct line_keys keys;
	enum line_edit_next next = LINE_EDIT_NOTHING;
	line_keys_init(&keys);
	for (; *bytes; bytes++) {
		struct line_key_press press = line_keys_take(&keys, (uint8_t)*bytes);
		next = line_edit_press(edit, &press);
	}
	line_keys_deinit(&keys);
	return next;
}

static void keys_change_the_line(void **state)
{
	(void)state;
	static const struct {
		const char *typed, *text;
		size_t at;
	} cases[] = {
		{"abc", "abc", 3},
		{"abc\x02\x02X", "aXbc", 2},
		{"abc\x01X\x05Y", "XabcY", 5},
		{"abc\x02\x7f", "ac", 1},
		{"abc\x01\x7f", "abc", 0},
		{"abc\x02\x02\x04", "ac", 1},
		{"abc\033[3~", "abc", 3},
		{"one two-three\033b", "one two-three", 8},
		{"one two-three\x17", "one ", 4},
		{"one two-three\033\x7f", "one two-", 8},
		{"one two\x01\033f", "one two", 3},
		{"one two\x01\033d", " two", 0},
		{"one two\033b\x15", "two", 0},
		{"one two\033b\x0b", "one ", 4},
		{"one two\033b\x0b\x01\x19 ", "two one ", 4},
		{"one two\x17\x17\x19\x19", "one one ", 8},
		{"a\033\rb", "a\nb", 3},
		/* A letter and its accent, and what is wide: one step each. */
		{"e\xcc\x81x\x02\x02X", "Xe\xcc\x81x", 1},
		{"e\xcc\x81\x7f", "", 0},
		{"\xe6\x97\xa5\xe6\x9c\xac\x02\x7f", "\xe6\x9c\xac", 0},
		{"a\x02\x02\x06\x06\x06"
		 "b",
			"ab", 2},
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line_history history = {.fd = -1};
		struct line_edit edit;
		line_edit_init(&edit, &history);
		type(&edit, cases[i].typed);
		assert_string_equal(buffer_text(&edit.text), cases[i].text);
		assert_int_equal(edit.at, cases[i].at);
		line_edit_deinit(&edit);
	}
}

static void some_keys_are_for_others(void **state)
{
	(void)state;
	static const struct {
		const char *typed;
		enum line_edit_next next;
	} cases[] = {
		{"abc\r", LINE_EDIT_ENTERED},
		{"\t", LINE_EDIT_COMPLETE},
		{"\x0c", LINE_EDIT_CLEAR_SCREEN},
		{"\x1a", LINE_EDIT_SUSPEND},
		{"\x03", LINE_EDIT_LEAVE},
		{"abc\x03", LINE_EDIT_LEAVE},
		{"\x04", LINE_EDIT_LEAVE},
		{"abc\x04", LINE_EDIT_NOTHING},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line_history history = {.fd = -1};
		struct line_edit edit;
		line_edit_init(&edit, &history);
		assert_int_equal(type(&edit, cases[i].typed), cases[i].next);
		line_edit_deinit(&edit);
	}
}

static void the_history_is_walked_and_the_new_line_waits(void **state)
{
	(void)state;
	struct line_history history = {.fd = -1};
	struct line_edit edit;
	line_history_add(&history, "first");
	line_history_add(&history, "second");
	line_edit_init(&edit, &history);
	static const struct {
		const char *typed, *text;
	} steps[] = {
		{"new", "new"},
		{"\033[A", "second"},
		{"\033[A", "first"},
		{"\033[A", "first"},
		{"!", "first!"},
		{"\033[B", "second"},
		{"\033[B", "new"},
		{"\033[B", "new"},
		{"\x10", "second"},
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		type(&edit, steps[i].typed);
		assert_string_equal(buffer_text(&edit.text), steps[i].text);
		assert_int_equal(edit.at, edit.text.size);
	}
	line_edit_clear(&edit);
	assert_string_equal(buffer_text(&edit.text), "");
	type(&edit, "\033[A");
	assert_string_equal(buffer_text(&edit.text), "second");
	line_edit_deinit(&edit);
	line_history_close(&history);
}

static void a_line_is_as_long_as_a_message_may_be(void **state)
{
	(void)state;
	struct line_history history = {.fd = -1};
	struct line_edit edit;
	char *text = calloc(1, CLI_LINE_MAX);
	assert_non_null(text);
	memset(text, 'x', CLI_LINE_MAX - 1);
	line_edit_init(&edit, &history);
	assert_true(line_edit_insert(&edit, bytes_of_text(text)));
	assert_int_equal(type(&edit, "\x01y"), LINE_EDIT_NOTHING);
	assert_int_equal(type(&edit, "z"), LINE_EDIT_FULL);
	assert_int_equal(edit.text.size, CLI_LINE_MAX);
	assert_int_equal(edit.text.data[1], 'x');
	line_edit_deinit(&edit);
	free(text);
}

TESTS(TEST(keys_change_the_line), TEST(some_keys_are_for_others),
	TEST(the_history_is_walked_and_the_new_line_waits),
	TEST(a_line_is_as_long_as_a_message_may_be))
