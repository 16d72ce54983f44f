/* Bytes of a terminal and what they mean, whole and in pieces. */
#include "test.h"

#include "cli/line_keys.h"

/* The last key that was none of LINE_KEY_NONE, and how many there were. */
struct pressed {
	enum line_key key;
	size_t count;
	char text[32];
};

static struct pressed press(struct line_keys *keys, struct bytes bytes)
{
	struct pressed pressed = {0};
	for (size_t i = 0; i < bytes.size; i++) {
		struct line_key_press one = line_keys_take(keys, bytes.data[i]);
		if (one.key == LINE_KEY_NONE)
			continue;
		pressed.key = one.key;
		pressed.count++;
		text_copy_bytes(pressed.text, sizeof(pressed.text), one.text);
	}
	return pressed;
}

static void bytes_become_keys(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		enum line_key key;
		const char *text;
	} cases[] = {
		{"a", LINE_KEY_TEXT, "a"},
		{"\xe6\x97\xa5", LINE_KEY_TEXT, "\xe6\x97\xa5"},
		{"\xf0\x9f\x91\x8b", LINE_KEY_TEXT, "\xf0\x9f\x91\x8b"},
		{"\r", LINE_KEY_ENTER, ""},
		{"\n", LINE_KEY_ENTER, ""},
		{"\033\r", LINE_KEY_NEW_LINE, ""},
		{"\t", LINE_KEY_TAB, ""},
		{"\x7f", LINE_KEY_ERASE, ""},
		{"\b", LINE_KEY_ERASE, ""},
		{"\x01", LINE_KEY_HOME, ""},
		{"\x03", LINE_KEY_INTERRUPT, ""},
		{"\x04", LINE_KEY_END_OF_INPUT, ""},
		{"\x0c", LINE_KEY_CLEAR_SCREEN, ""},
		{"\x1a", LINE_KEY_SUSPEND, ""},
		{"\033[A", LINE_KEY_UP, ""},
		{"\033OA", LINE_KEY_UP, ""},
		{"\033[D", LINE_KEY_LEFT, ""},
		{"\033[1;5D", LINE_KEY_WORD_LEFT, ""},
		{"\033b", LINE_KEY_WORD_LEFT, ""},
		{"\033[3~", LINE_KEY_DELETE, ""},
		{"\033[1~", LINE_KEY_HOME, ""},
		{"\033OF", LINE_KEY_END, ""},
		{"\033\x7f", LINE_KEY_ERASE_WORD, ""},
		/* A key that was pressed behind Esc, which alone is the beginning of much. */
		{"\033\033[A", LINE_KEY_UP, ""},
		{"\033[\033[B", LINE_KEY_DOWN, ""},
		{"\033\x03\x03", LINE_KEY_INTERRUPT, ""},
		/* What has no meaning. */
		{"\033[99~", LINE_KEY_NONE, ""},
		{"\033[?1;2c", LINE_KEY_NONE, ""},
		{"\033x", LINE_KEY_NONE, ""},
		{"\033OZ", LINE_KEY_NONE, ""},
		{"\x1c", LINE_KEY_NONE, ""},
		{"\xff", LINE_KEY_NONE, ""},
		{"\xc0\x80", LINE_KEY_NONE, ""},
		{"\xed\xa0\x80", LINE_KEY_NONE, ""},
		/* A character that breaks off. */
		{"\xe6\x97z", LINE_KEY_TEXT, "z"},
		{"\xe6\xe6\x97\xa5", LINE_KEY_TEXT, "\xe6\x97\xa5"},
		{"\xe6\r", LINE_KEY_ENTER, ""},
		/* Pastes. */
		{"\033[200~one\rtwo\r\nthree\033[201~", LINE_KEY_TEXT, "one\ntwo\nthree"},
		{"\033[200~one\n\r\n\033[201~", LINE_KEY_TEXT, "one"},
		{"\033[200~a\033[2Jb\x07\x7f\tc\xff\033[201~", LINE_KEY_TEXT, "a[2Jb\tc"},
		{"\033[200~a\033[201b\033[201\033[201~", LINE_KEY_TEXT, "a[201b[201"},
		{"\033[200~\033[200~\033[201~", LINE_KEY_TEXT, "[200~"},
		{"\033[200~\x03\x04\033[201~", LINE_KEY_TEXT, ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct line_keys keys;
		line_keys_init(&keys);
		struct pressed pressed = press(&keys, bytes_of_text(cases[i].bytes));
		assert_int_equal(pressed.count, cases[i].key != LINE_KEY_NONE);
		assert_int_equal(pressed.key, cases[i].key);
		assert_string_equal(pressed.text, cases[i].text);
		/* Whatever it was, the next key is one again. */
		pressed = press(&keys, bytes_of_text("x"));
		assert_int_equal(pressed.key, LINE_KEY_TEXT);
		line_keys_deinit(&keys);
	}
}

static void a_zero_byte_is_no_key(void **state)
{
	(void)state;
	struct line_keys keys;
	line_keys_init(&keys);
	struct pressed pressed = press(&keys, bytes_of("\0\033[200~a\0b\033[201~", 16));
	assert_int_equal(pressed.count, 1);
	assert_string_equal(pressed.text, "ab");
	line_keys_deinit(&keys);
}

static void a_sequence_that_is_too_long_is_followed_to_its_end(void **state)
{
	(void)state;
	struct line_keys keys;
	line_keys_init(&keys);
	struct pressed pressed = press(&keys, bytes_of_text("\033["));
	for (size_t i = 0; i < 2 * CLI_KEY_SEQUENCE_MAX; i++)
		pressed = press(&keys, bytes_of_text("1"));
	assert_int_equal(pressed.count, 0);
	pressed = press(&keys, bytes_of_text("Ax"));
	assert_int_equal(pressed.count, 1);
	assert_string_equal(pressed.text, "x");
	line_keys_deinit(&keys);
}

static struct line_key_press paste(struct line_keys *keys, size_t size)
{
	struct line_key_press last = {0};
	press(keys, bytes_of_text("\033[200~"));
	for (size_t i = 0; i < size; i++)
		line_keys_take(keys, 'x');
	for (const char *at = "\033[201~"; *at; at++)
		last = line_keys_take(keys, (uint8_t)*at);
	return last;
}

static void a_paste_is_as_long_as_a_message_may_be(void **state)
{
	(void)state;
	struct line_keys keys;
	line_keys_init(&keys);
	struct line_key_press last = paste(&keys, CLI_LINE_MAX);
	assert_int_equal(last.key, LINE_KEY_TEXT);
	assert_int_equal(last.text.size, CLI_LINE_MAX);
	last = paste(&keys, CLI_LINE_MAX + 1);
	assert_int_equal(last.key, LINE_KEY_TOO_LONG);
	last = paste(&keys, 3);
	assert_bytes_equal(last.text, bytes_of_text("xxx"));
	line_keys_deinit(&keys);
}

TESTS(TEST(bytes_become_keys), TEST(a_zero_byte_is_no_key),
	TEST(a_sequence_that_is_too_long_is_followed_to_its_end),
	TEST(a_paste_is_as_long_as_a_message_may_be))
