#include "base/ini.h"

#include "test.h"

#include "base/buffer.h"

static void sections_and_entries_come_with_their_lines(void **state)
{
	(void)state;
	struct ini_reader r = ini_reader_of(bytes_of_text("\xef\xbb\xbf; comment\r\n"
							  "before = 1\r\n"
							  "\n"
							  "  [ peer:alice ]  \n"
							  "\t# comment\n"
							  "ai.model.llama3:8b=allow\n"
							  "url = http://h/?a=b ; not a comment\n"
							  "empty ="));
	struct ini_entry e;
	assert_ok(ini_next(&r, &e));
	assert_int_equal(e.line, 2);
	assert_bytes_equal(e.key, bytes_of_text("before"));
	assert_int_equal(e.section.size, 0);
	assert_ok(ini_next(&r, &e));
	assert_true(e.is_section);
	assert_int_equal(e.line, 4);
	assert_ok(ini_next(&r, &e));
	assert_bytes_equal(e.section, bytes_of_text("peer:alice"));
	assert_bytes_equal(e.key, bytes_of_text("ai.model.llama3:8b"));
	assert_bytes_equal(e.value, bytes_of_text("allow"));
	assert_ok(ini_next(&r, &e));
	assert_bytes_equal(e.value, bytes_of_text("http://h/?a=b ; not a comment"));
	assert_ok(ini_next(&r, &e));
	assert_int_equal(e.line, 8);
	assert_int_equal(e.value.size, 0);
	assert_err(ini_next(&r, &e), ERR_NOT_FOUND);
}

static void ill_formed_lines_are_refused_with_their_number(void **state)
{
	(void)state;
	static const char *const lines[] = {"no equals sign", "= value", "[", "[]", "[ ]", "[a",
		"[a]b", "[a[b]", "a\x01 = b", "\xff = b", "a\rb = c"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct buffer text = buffer_with_max(100);
		assert_ok(buffer_append_format(&text, "a = b\n%s\nc = d\n", lines[i]));
		struct ini_reader r = ini_reader_of(buffer_bytes(&text));
		struct ini_entry e;
		assert_ok(ini_next(&r, &e));
		assert_err(ini_next(&r, &e), ERR_MALFORMED);
		assert_int_equal(r.line, 2);
		assert_string_not_equal(r.problem, "");
		assert_ok(ini_next(&r, &e));
		assert_bytes_equal(e.key, bytes_of_text("c"));
		buffer_deinit(&text);
	}
}

static void a_line_is_limited(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		struct buffer text = buffer_with_max(INI_LINE_MAX + 10);
		assert_ok(buffer_append_text(&text, "k="));
		while (text.size < INI_LINE_MAX + over)
			assert_ok(buffer_append_text(&text, "v"));
		assert_ok(buffer_append_text(&text, "\n"));
		struct ini_reader r = ini_reader_of(buffer_bytes(&text));
		struct ini_entry e;
		assert_err(ini_next(&r, &e), over ? ERR_MALFORMED : ERR_OK);
		buffer_deinit(&text);
	}
}

TESTS(TEST(sections_and_entries_come_with_their_lines),
	TEST(ill_formed_lines_are_refused_with_their_number), TEST(a_line_is_limited))
