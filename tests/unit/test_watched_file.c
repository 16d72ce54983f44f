#include "node/watched_file.h"

#include "test.h"

#include <sys/stat.h>

#include "test_home.h"

static void a_file_is_read_when_it_changed_and_only_then(void **state)
{
	struct watched_file file;
	struct buffer text = buffer_with_max(100);
	struct fault fault;
	bool changed;
	char *path = text_format("%s/file", (char *)*state);
	assert_ok(watched_file_init(&file, path));
	/* A file that is not there is empty, and seen once. */
	assert_ok(watched_file_read(&file, &text, &changed, &fault));
	assert_true(changed);
	assert_ok(watched_file_read(&file, &text, &changed, &fault));
	assert_false(changed);
	home_write(*state, "file", bytes_of_text("one"));
	assert_ok(watched_file_read(&file, &text, &changed, &fault));
	assert_true(changed);
	assert_string_equal(buffer_text(&text), "one");
	assert_ok(watched_file_read(&file, &text, &changed, &fault));
	assert_false(changed);
	assert_int_equal(remove(path), 0);
	assert_ok(watched_file_read(&file, &text, &changed, &fault));
	assert_true(changed);
	buffer_deinit(&text);
	watched_file_deinit(&file);
	free(path);
}

static void a_file_is_limited_in_size(void **state)
{
	struct fault fault;
	char *path = text_format("%s/file", (char *)*state);
	home_write(*state, "file", bytes_of_text("12345"));
	for (size_t max = 4; max <= 5; max++) {
		struct buffer text = buffer_with_max(max);
		assert_err(text_file_read(path, &text, &fault), max < 5 ? ERR_TOO_LARGE : ERR_OK);
		buffer_deinit(&text);
	}
	assert_non_null(strstr(fault.text, "/file' is larger than 4 bytes"));
	free(path);
}

static void what_is_no_file_is_an_error_and_stops_nobody(void **state)
{
	struct buffer text = buffer_with_max(100);
	struct fault fault;
	char *path = text_format("%s/pipe", (char *)*state);
	assert_err(text_file_read(path, &text, &fault), ERR_NOT_FOUND);
	assert_err(text_file_read(*state, &text, &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "Is a directory"));
	/* A pipe that nobody writes to is empty, and does not block. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_ok(text_file_read(path, &text, &fault));
	assert_int_equal(text.size, 0);
	buffer_deinit(&text);
	free(path);
}

TESTS(HOME_TEST(a_file_is_read_when_it_changed_and_only_then), HOME_TEST(a_file_is_limited_in_size),
	HOME_TEST(what_is_no_file_is_an_error_and_stops_nobody))
