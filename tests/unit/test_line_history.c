/* Lines that were typed, over several runs. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "test_home.h"

#include "cli/line_history.h"

static void open_in(struct line_history *history, const char *home, bool works)
{
	char *path = text_format("%s/typed", home);
	assert_int_equal(line_history_open(history, path), works);
	free(path);
}

static off_t file_size(const char *home, mode_t *ret_mode)
{
	struct stat stat_of;
	char *path = text_format("%s/typed", home);
	assert_int_equal(stat(path, &stat_of), 0);
	free(path);
	*ret_mode = stat_of.st_mode & 0777;
	return stat_of.st_size;
}

static void lines_are_there_in_the_next_run(void **state)
{
	static const char *const lines[] = {
		"one", "two\nlines", "back\\slash\\n", "gr\xc3\xbc\xc3\x9f"};
	struct line_history history;
	mode_t mode;
	open_in(&history, *state, true);
	for (size_t i = 0; i < 4; i++)
		line_history_add(&history, lines[i]);
	line_history_add(&history, "");
	line_history_add(&history, lines[3]);
	line_history_close(&history);
	open_in(&history, *state, true);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(line_history_get(&history, 4 - i), lines[i]);
	assert_null(line_history_get(&history, 5));
	assert_null(line_history_get(&history, 0));
	line_history_close(&history);
	file_size(*state, &mode);
	assert_int_equal(mode, 0600);
}

static void a_file_that_others_could_read_is_shut(void **state)
{
	struct line_history history;
	mode_t mode;
	home_write(*state, "typed", bytes_of_text("a\n\xff\n\nb\nunfinished"));
	open_in(&history, *state, true);
	assert_int_equal(history.count, 2);
	assert_string_equal(line_history_get(&history, 1), "b");
	file_size(*state, &mode);
	assert_int_equal(mode, 0600);
	line_history_close(&history);
}

static void without_a_file_lines_are_kept_in_memory(void **state)
{
	struct line_history history;
	char *link = text_format("%s/typed", (const char *)*state);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	open_in(&history, *state, false);
	assert_int_equal(errno, ELOOP);
	line_history_add(&history, "kept");
	assert_string_equal(line_history_get(&history, 1), "kept");
	line_history_close(&history);
	free(link);
}

static void the_oldest_lines_are_forgotten(void **state)
{
	struct line_history history;
	char line[32];
	open_in(&history, *state, true);
	for (size_t i = 0; i <= CLI_TYPED_LINES_MAX; i++) {
		snprintf(line, sizeof(line), "%zu", i);
		line_history_add(&history, line);
	}
	assert_int_equal(history.count, CLI_TYPED_LINES_MAX);
	assert_string_equal(line_history_get(&history, CLI_TYPED_LINES_MAX), "1");
	line_history_close(&history);
	open_in(&history, *state, true);
	assert_int_equal(history.count, CLI_TYPED_LINES_MAX);
	assert_string_equal(line_history_get(&history, CLI_TYPED_LINES_MAX), "1");
	line_history_close(&history);
}

static void the_bytes_of_all_lines_are_bounded_and_so_is_the_file(void **state)
{
	struct line_history history;
	size_t size = CLI_TYPED_BYTES_MAX / 4;
	mode_t mode;
	char *line = calloc(1, CLI_TYPED_BYTES_MAX + 2);
	assert_non_null(line);
	memset(line, 'x', size);
	open_in(&history, *state, true);
	for (size_t i = 0; i < 64; i++) {
		line[0] = (char)('a' + i % 26);
		line_history_add(&history, line);
		assert_true(history.bytes <= CLI_TYPED_BYTES_MAX);
		assert_true(
			file_size(*state, &mode) <= (off_t)(4 * CLI_TYPED_BYTES_MAX + size + 1));
	}
	assert_int_equal(history.count, 4);
	memset(line, 'y', CLI_TYPED_BYTES_MAX + 1);
	line_history_add(&history, line);
	assert_int_equal(history.count, 4);
	line_history_close(&history);
	open_in(&history, *state, true);
	assert_int_equal(history.count, 4);
	assert_int_equal(line_history_get(&history, 1)[0], 'a' + 63 % 26);
	line_history_close(&history);
	free(line);
}

static void of_a_file_that_is_too_long_the_end_is_read(void **state)
{
	struct line_history history;
	size_t size = 5 * CLI_TYPED_BYTES_MAX;
	char *text = malloc(size + 1);
	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text + size - 5, "\nlast\n", 6);
	home_write(*state, "typed", bytes_of(text, size + 1));
	open_in(&history, *state, true);
	assert_int_equal(history.count, 1);
	assert_string_equal(line_history_get(&history, 1), "last");
	line_history_close(&history);
	free(text);
}

static void two_chats_keep_the_lines_of_both(void **state)
{
	struct line_history one, other;
	open_in(&one, *state, true);
	open_in(&other, *state, true);
	line_history_add(&one, "a");
	line_history_add(&other, "b");
	line_history_add(&one, "c");
	line_history_close(&one);
	line_history_close(&other);
	open_in(&one, *state, true);
	assert_int_equal(one.count, 3);
	assert_string_equal(line_history_get(&one, 2), "b");
	line_history_close(&one);
}

TESTS(HOME_TEST(lines_are_there_in_the_next_run), HOME_TEST(a_file_that_others_could_read_is_shut),
	HOME_TEST(without_a_file_lines_are_kept_in_memory),
	HOME_TEST(the_oldest_lines_are_forgotten),
	HOME_TEST(the_bytes_of_all_lines_are_bounded_and_so_is_the_file),
	HOME_TEST(of_a_file_that_is_too_long_the_end_is_read),
	HOME_TEST(two_chats_keep_the_lines_of_both))
