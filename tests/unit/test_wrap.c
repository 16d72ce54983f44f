/* Text in rows: broken between words, and never where one of our own lines would begin. */
#include "test.h"

#include <locale.h>
#include <stdio.h>

#include "screen.h"

#include "base/rng.h"
#include "cli/wrap.h"

#define WIDE "\xe6\x97\xa5" /* 日 */
#define ACCENT "\xcc\x81"   /* U+0301 */

/* As chat_print.c does it: a name of 6 cells, then the text. The caller frees it. */
static char *wrapped(struct wrap wrap, const char *text)
{
	char *result = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&result, &size);
	assert_non_null(out);
	fputs("name: ", out);
	wrap.column = 6;
	wrap_print(&wrap, out, text);
	fclose(out);
	return result;
}

static void rows_are_broken_between_words(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wrapped;
	} cases[] = {
		{"", "name: "},
		{"abc def", "name: abc def"},
		{"abc defgh", "name: abc defgh"},
		{"abc defghi", "name: abc\n  defghi"},
		{"a  b", "name: a  b"},
		{" a ", "name:  a"},
		{"a\n\nb", "name: a\n  \n  b"},
		{"a\tb", "name: a b"},
		{"0123456789abc x", "name: \n  0123456789abc\n  x"},
		/* A word that is longer than a row: an address is left whole, all else is broken.
		 */
		{"x 0123456789abcdef y", "name: x 0123456789abcdef\n  y"},
		{"0123456789abcdef\ny", "name: 0123456789abcdef\n  y"},
		{WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE,
			"name: " WIDE WIDE WIDE WIDE "\n  " WIDE WIDE WIDE WIDE},
		{"0123456789\xc3\xa9"
		 "bcdef",
			"name: 012345678\n  9\xc3\xa9"
			"bcdef"},
		{"12345678e" ACCENT, "name: 12345678e" ACCENT},
		{"\033[2Jx\x02y\x03", "name: \xc2\xb7[2Jx\xc2\xb7y\xc2\xb7"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *result = wrapped((struct wrap){.columns = 15, .indent = 2}, cases[i].text);
		assert_string_equal(result, cases[i].wrapped);
		free(result);
	}
}

static void words_that_were_found_stand_out(void **state)
{
	(void)state;
	struct wrap wrap = {.columns = 15, .indent = 2, .found_on = "<", .found_off = ">"};
	char *result = wrapped(wrap, "a \x02needle\x03 b");
	assert_string_equal(result, "name: a <needle>\n  b");
	free(result);
}

static bool is_one_word(const char *row)
{
	for (; *row; row++)
		if (*row == ' ' || (unsigned char)*row >= 0x80)
			return false;
	return true;
}

/* Whatever somebody writes: on the screen a row behind the first is indented, or the rest of one
 * word. */
static void nobody_can_write_a_row_that_looks_like_ours(void **state)
{
	(void)state;
	static const char *const pieces[] = {" ", " ", "a", "12:00", "bcdefgh", WIDE, ACCENT, "\n",
		"\t", "\xc2\xa0", "\xe2\x80\x83", "\033[1G", "\r", "\xe2\x9c\x93"};
	struct rng rng = rng_seeded(7);
	for (size_t round = 0; round < 5000; round++) {
		char text[512], row_text[SCREEN_COLUMNS_MAX * SCREEN_CELL_MAX];
		size_t used = 0, columns = 12 + rng_below(&rng, 20);
		for (size_t count = 1 + rng_below(&rng, 40); count > 0; count--) {
			const char *piece = pieces[rng_below(&rng, 14)];
			memcpy(text + used, piece, strlen(piece));
			used += strlen(piece);
		}
		text[used] = 0;
		char *result = wrapped((struct wrap){.columns = columns, .indent = 3}, text);
		struct screen screen = {.columns = columns, .rows = SCREEN_ROWS_MAX};
		screen_take(&screen, bytes_of_text(result));
		for (size_t row = 1; row < SCREEN_ROWS_MAX; row++) {
			screen_row(&screen, row, row_text);
			assert_true(strncmp(row_text, "   ", 3) == 0 || is_one_word(row_text));
		}
		free(result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(rows_are_broken_between_words),
		TEST(words_that_were_found_stand_out),
		TEST(nobody_can_write_a_row_that_looks_like_ours)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
