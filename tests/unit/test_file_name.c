#include "node/file_name.h"

#include "test.h"

#include <string.h>

static void ordinary_names_are_taken(void **state)
{
	(void)state;
	static const char *const names[] = {"a", "report.pdf", "a b (1).tar.gz", "no_extension",
		"Gr\xc3\xbc\xc3\x9f.txt", "\xe6\x96\x87.txt", "\xf0\x9f\x98\x80.png", "a..b",
		"console.txt", "com10.txt", "nullify", "-rf", "~", "$HOME", "%2e%2e", "lpt",
		"co\xc2\xa0n"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_null(file_name_problem(names[i]));
}

static void names_that_are_more_than_a_name_are_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"", ".", "..", "../x", "a/b", "/etc/passwd", "a/../b",
		"a\\b", "..\\x", "\\\\host\\share", "C:x", "x:stream", ".bashrc", ".ssh", " a",
		"a ", "a.", "a*", "a?", "a|b", "<a>", "a\"b", "a\nb", "a\x1b[2J", "a\x7f", "\tb",
		"a\xc2\x9bz", "a\xe2\x80\xaetxt.exe", "a\xe2\x81\xa6z", "a\xe2\x80\xa8z",
		"\xef\xbb\xbfz", "a\xd8\x9c", "a\xff", "a\xc0\xaf", "\xed\xa0\x80", "con", "CON",
		"con.txt", "Nul.tar.gz", "aux .txt", "com1", "LPT9.doc", "conin$"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(file_name_problem(names[i]));
}

static void the_length_is_limited_in_bytes(void **state)
{
	(void)state;
	char name[FILE_NAME_MAX + 2];
	memset(name, 'a', sizeof name);
	name[FILE_NAME_MAX + 1] = 0;
	assert_non_null(file_name_problem(name));
	name[FILE_NAME_MAX] = 0;
	assert_null(file_name_problem(name));
}

static void a_number_goes_before_the_extension(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned number;
		const char *numbered;
	} cases[] = {
		{"a.txt", 0, "a.txt"},
		{"a.txt", 1, "a (1).txt"},
		{"a.tar.gz", 12, "a.tar (12).gz"},
		{"a", FILE_NAME_NUMBER_MAX, "a (999)"},
	};
	char to[FILE_NAME_MAX];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(file_name_numbered(cases[i].name, cases[i].number, to, sizeof to));
		assert_string_equal(to, cases[i].numbered);
	}
	assert_false(file_name_numbered("a.txt", 1, to, 9));
	assert_true(file_name_numbered("a.txt", 1, to, 10));
}

static void a_way_into_a_folder_is_names_with_slashes_between(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "a/b", "trip/day 1/a.jpg"};
	static const char *const bad[] = {"", "/", "/a", "a/", "a//b", "a/../b", "../a", "a/..",
		"./a", "a/.b/c", "a/con/b", "a/b\\c", "a/\xff", "a/b /c",
		"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
	char path[MESSAGE_FILE_NAME_MAX + 2];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_null(file_path_problem(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(file_path_problem(bad[i]));
	assert_null(file_path_problem("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"));
	memset(path, 'a', sizeof path);
	path[100] = path[200] = '/';
	path[sizeof path - 1] = 0;
	assert_non_null(file_path_problem(path));
	path[sizeof path - 2] = 0;
	assert_null(file_path_problem(path));
	assert_string_equal(file_path_name("a/b/c.txt"), "c.txt");
	assert_string_equal(file_path_name("c.txt"), "c.txt");
}

TESTS(TEST(a_way_into_a_folder_is_names_with_slashes_between), TEST(ordinary_names_are_taken),
	TEST(names_that_are_more_than_a_name_are_refused), TEST(the_length_is_limited_in_bytes),
	TEST(a_number_goes_before_the_extension))
