/* What is drawn stands on the screen as it was meant, and goes without a trace. */
#include "test.h"

#include <locale.h>

#include "screen.h"

#include "base/rng.h"
#include "cli/line_view.h"

#define WIDE "\xe6\x97\xa5" /* 日 */
#define ACCENT "\xcc\x81"   /* U+0301 */

static struct line_shown line(const char *text, size_t at)
{
	return (struct line_shown){
		.colour_on = "\033[1m",
		.prompt = "bob> ",
		.colour_off = "\033[0m",
		.text = bytes_of_text(text),
		.at = at,
	};
}

static void draw(struct line_view *view, struct screen *screen, const struct line_shown *shown)
{
	struct buffer out = buffer_with_max(1 << 20);
	assert_ok(line_view_draw(view, shown, &out));
	screen_take(screen, buffer_bytes(&out));
	buffer_deinit(&out);
}

static void erase(struct line_view *view, struct screen *screen)
{
	struct buffer out = buffer_with_max(1 << 20);
	assert_ok(line_view_erase(view, &out));
	screen_take(screen, buffer_bytes(&out));
	buffer_deinit(&out);
}

static void leave(struct line_view *view, struct screen *screen, const struct line_shown *shown)
{
	struct buffer out = buffer_with_max(1 << 20);
	assert_ok(line_view_leave(view, shown, &out));
	screen_take(screen, buffer_bytes(&out));
	buffer_deinit(&out);
}

static void lines_are_drawn_where_the_terminal_shows_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
		const char *rows[5];
		size_t row, column;
	} cases[] = {
		{"", 0, {"bob>"}, 0, 5},
		{"abc", 3, {"bob> abc"}, 0, 8},
		{"abc", 1, {"bob> abc"}, 0, 6},
		{"abcde", 5, {"bob> abcde"}, 1, 0},
		{"abcde", 4, {"bob> abcde"}, 0, 9},
		{"abcdefg", 7, {"bob> abcde", "fg"}, 1, 2},
		{"abcdefg", 5, {"bob> abcde", "fg"}, 1, 0},
		{"abcd" WIDE "x", 8, {"bob> abcd", WIDE "x"}, 1, 3},
		{"abcd" WIDE "x", 4, {"bob> abcd", WIDE "x"}, 1, 0},
		{"e" ACCENT "a" ACCENT "x", 3, {"bob> e" ACCENT "a" ACCENT "x"}, 0, 6},
		{"abcde" ACCENT "f", 7, {"bob> abcde" ACCENT, "f"}, 1, 0},
		{"one\ntwo", 3, {"bob> one", "two"}, 0, 8},
		{"one\ntwo", 4, {"bob> one", "two"}, 1, 0},
		{"one\n\n", 5, {"bob> one", ""}, 2, 0},
		{"abcde\nf", 5, {"bob> abcde", "f"}, 0, 9},
		{"a\tb\033c\xe2\x80\xae"
		 "d",
			9,
			{"bob> a b\xc2\xb7"
			 "c",
				"\xc2\xb7"
				"d"},
			1, 2},
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[SCREEN_COLUMNS_MAX * SCREEN_CELL_MAX];
		struct screen screen = {.columns = 10, .rows = 8};
		struct line_view view = {.columns = 10, .rows = 8};
		struct line_shown shown = line(cases[i].text, cases[i].at);
		draw(&view, &screen, &shown);
		for (size_t row = 0; row < 5; row++)
			assert_string_equal(screen_row(&screen, row, text),
				cases[i].rows[row] ? cases[i].rows[row] : "");
		assert_int_equal(screen.row, cases[i].row);
		assert_int_equal(screen.column, cases[i].column);
	}
}

static void what_is_taller_than_the_screen_is_shown_around_the_cursor(void **state)
{
	(void)state;
	static const char *const text = "1\n2\n3\n4\n5\n6";
	static const struct {
		size_t at;
		const char *rows[3];
		size_t row;
	} cases[] = {
		{0, {"bob> 1", "2", "3"}, 0},
		{4, {"bob> 1", "2", "3"}, 2},
		{6, {"2", "3", "4"}, 2},
		{11, {"4", "5", "6"}, 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char row_text[SCREEN_COLUMNS_MAX * SCREEN_CELL_MAX];
		struct screen screen = {.columns = 10, .rows = 3};
		struct line_view view = {.columns = 10, .rows = 3};
		struct line_shown shown = line(text, cases[i].at);
		assert_int_equal(line_view_height(&view, &shown), 3);
		draw(&view, &screen, &shown);
		for (size_t row = 0; row < 3; row++)
			assert_string_equal(screen_row(&screen, row, row_text), cases[i].rows[row]);
		assert_int_equal(screen.row, cases[i].row);
	}
}

/* Whatever was drawn: taken off it leaves the line above as it is, and nothing below. */
static void nothing_is_left_of_a_line_that_is_taken_off(void **state)
{
	(void)state;
	static const char *const pieces[] = {"a", "bc ", WIDE, ACCENT, "\n", "\t", "\xc2\x85"};
	struct rng rng = rng_seeded(1);
	for (size_t round = 0; round < 2000; round++) {
		char text[256] = "", row[SCREEN_COLUMNS_MAX * SCREEN_CELL_MAX];
		size_t columns = 2 + rng_below(&rng, 20), rows = 2 + rng_below(&rng, 6), at = 0;
		struct screen screen = {.columns = columns, .rows = rows};
		struct line_view view = {.columns = columns, .rows = rows};
		for (size_t count = rng_below(&rng, 40), used = 0; count > 0; count--) {
			const char *piece = pieces[rng_below(&rng, 7)];
			memcpy(text + used, piece, strlen(piece) + 1);
			used += strlen(piece);
		}
		struct bytes bytes = bytes_of_text(text);
		for (size_t steps = rng_below(&rng, 40); steps > 0; steps--)
			at = cell_next(bytes, at);
		struct line_shown shown = line(text, at);
		screen_take(&screen, bytes_of_text("X\n"));
		draw(&view, &screen, &shown);
		size_t height = line_view_height(&view, &shown);
		bool scrolled = height + 1 > rows;
		for (size_t again = 0; again < 3; again++) {
			erase(&view, &screen);
			assert_string_equal(screen_row(&screen, 0, row), scrolled ? "" : "X");
			for (size_t i = 1; i < rows; i++)
				assert_string_equal(screen_row(&screen, i, row), "");
			assert_int_equal(screen.row, scrolled ? screen.row : 1);
			draw(&view, &screen, &shown);
		}
		size_t cursor_row = screen.row;
		leave(&view, &screen, &shown);
		assert_int_equal(screen.column, 0);
		assert_true(screen.row >= cursor_row);
	}
}

static void rows_of_text_are_counted_as_the_terminal_makes_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t rows;
	} cases[] = {
		{"", 0},
		{"a\n", 1},
		{"a\nb\n", 2},
		{"0123456789\n", 1},
		{"0123456789a\n", 2},
		{"\033[1m0123456789\033[0m\n", 1},
		{"012345678" WIDE "\n", 2},
		{"\n\n", 2},
		{"unfinished", 1},
	};
	struct line_view view = {.columns = 10, .rows = 8};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			line_view_rows(&view, bytes_of_text(cases[i].text)), cases[i].rows);
}

static void a_terminal_that_is_narrower_or_wider_costs_nobody_elses_line(void **state)
{
	(void)state;
	struct line_view view = {.columns = 10, .rows = 8};
	struct line_shown shown = line("0123456789abcdefghij", 20); /* 25 cells: rows 0 to 2 */
	struct screen screen = {.columns = 10, .rows = 8};
	draw(&view, &screen, &shown);
	assert_int_equal(view.cursor_row, 2);
	line_view_resize(&view, &shown, 30, 8);
	assert_int_equal(view.cursor_row, 0);
	line_view_resize(&view, &shown, 5, 8);
	assert_int_equal(view.cursor_row, 0);
}

TESTS(TEST(lines_are_drawn_where_the_terminal_shows_them),
	TEST(what_is_taller_than_the_screen_is_shown_around_the_cursor),
	TEST(nothing_is_left_of_a_line_that_is_taken_off),
	TEST(rows_of_text_are_counted_as_the_terminal_makes_them),
	TEST(a_terminal_that_is_narrower_or_wider_costs_nobody_elses_line))
