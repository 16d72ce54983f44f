/* Characters, and the cells that they take. */
#include "test.h"

#include <locale.h>

#include "cli/cell.h"

static void characters_have_widths(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned width;
	} cases[] = {
		{"a", 1},
		{"\xc3\xa9", 1},
		{"\xcc\x81", 0},
		{"\xe6\x97\xa5", 2},
		{"\xf0\x9f\x91\xa9", 2},
		{"\xe2\x80\x8d", 0},
		{"\xef\xb8\x8f", 0},
		{"\xe2\x82\xac", 1},
		{"\n", 1},
		{"\033", 1},
		{"\xf4\x8f\xbf\xbf", 1},
		/* The marks of messages. */
		{"\xe2\x8b\xaf", 1},
		{"\xe2\x9c\x93", 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = 0;
		assert_int_equal(cell_width(cases[i].text, &size), cases[i].width);
		assert_int_equal(size, strlen(cases[i].text));
	}
}

static void the_cursor_stands_between_what_belongs_together(void **state)
{
	(void)state;
	/* e and an accent, a wide one, two accents on a, x */
	struct bytes text = bytes_of_text("e\xcc\x81\xe6\x97\xa5"
					  "a\xcc\x81\xcc\x82x");
	static const size_t places[] = {0, 3, 6, 11, 12};
	for (size_t i = 0; i + 1 < 5; i++) {
		assert_int_equal(cell_next(text, places[i]), places[i + 1]);
		assert_int_equal(cell_previous(text, places[i + 1]), places[i]);
	}
	assert_int_equal(cell_next(text, 12), 12);
	assert_int_equal(cell_previous(text, 0), 0);
	assert_int_equal(cell_previous(bytes_of_text("\xcc\x81"), 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(characters_have_widths),
		TEST(the_cursor_stands_between_what_belongs_together)};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
