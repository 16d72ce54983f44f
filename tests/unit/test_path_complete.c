/* Completion of paths. */
#include "test.h"

#include <sys/stat.h>

#include "test_home.h"

#include "cli/limits.h"
#include "cli/path_complete.h"

static void complete(
	const char *home, const char *path, size_t count, const char *common, const char *shown)
{
	struct buffer line = buffer_with_max(1 << 20);
	struct candidates candidates = {.common = buffer_with_max(CLI_PATH_MAX), .shown = &line};
	char *whole = text_format("%s/%s", home, path);
	assert_ok(path_candidates(whole, &candidates));
	assert_int_equal(candidates.count, count);
	assert_string_equal(buffer_text(&candidates.common), common);
	if (shown)
		assert_string_equal(buffer_text(&line), shown);
	free(whole);
	buffer_deinit(&candidates.common);
	buffer_deinit(&line);
}

static void make_folder(const char *home, const char *name)
{
	char *path = text_format("%s/%s", home, name);
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
}

static void names_that_begin_as_the_path_ends(void **state)
{
	static const char *const files[] = {"report.pdf", "report 2.pdf", ".hidden", "b\033[2J",
		"b\xff", "gr\xc3\xbc\xc3\x9f", "gr\xc3\xb6\xc3\x9f"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		home_write(*state, files[i], bytes_of_text("x"));
	make_folder(*state, "folder");
	home_write(*state, "folder/inside", bytes_of_text("x"));
	char *link = text_format("%s/link", (const char *)*state);
	assert_int_equal(symlink("folder", link), 0);
	free(link);

	complete(*state, "rep", 2, "report", "report 2.pdf  report.pdf");
	complete(*state, "report.", 1, "report.pdf", "report.pdf");
	complete(*state, "f", 1, "folder/", NULL);
	complete(*state, "folder/", 1, "inside", NULL);
	complete(*state, "l", 1, "link/", NULL);
	complete(*state, ".", 1, ".hidden", NULL);
	complete(*state, "b", 0, "", "");
	/* Half a character in common is none. */
	complete(*state, "g", 2, "gr", NULL);
	complete(*state, "nothing/", 0, "", "");
	complete(*state, "report.pdf/", 0, "", "");
}

static void more_than_a_person_reads_is_not_shown(void **state)
{
	struct buffer line = buffer_with_max(1 << 20);
	struct candidates candidates = {.common = buffer_with_max(CLI_PATH_MAX), .shown = &line};
	(void)state;
	for (size_t i = 0; i <= CLI_CANDIDATES_MAX; i++)
		assert_ok(candidates_add(&candidates, i < CLI_CANDIDATES_MAX ? "aa" : "ab"));
	assert_int_equal(candidates.count, CLI_CANDIDATES_MAX + 1);
	assert_int_equal(line.size, 4 * CLI_CANDIDATES_MAX - 2);
	assert_string_equal(buffer_text(&candidates.common), "a");
	buffer_deinit(&candidates.common);
	buffer_deinit(&line);
}

static void a_tilde_is_the_home_of_the_user(void **state)
{
	char path[64], small[8];
	assert_int_equal(setenv("HOME", "/home/alice", 1), 0);
	(void)state;
	assert_true(path_expand("~/a b", path, sizeof(path)));
	assert_string_equal(path, "/home/alice/a b");
	assert_true(path_expand("~", path, sizeof(path)));
	assert_string_equal(path, "/home/alice");
	assert_true(path_expand("~bob/a", path, sizeof(path)));
	assert_string_equal(path, "~bob/a");
	assert_true(path_expand("a~/b", path, sizeof(path)));
	assert_string_equal(path, "a~/b");
	assert_false(path_expand("~/a", small, sizeof(small)));
}

TESTS(HOME_TEST(names_that_begin_as_the_path_ends), TEST(more_than_a_person_reads_is_not_shown),
	TEST(a_tilde_is_the_home_of_the_user))
