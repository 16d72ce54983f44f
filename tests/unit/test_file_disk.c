#include "node/file_disk.h"

#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_home.h"

/* A part of a file "a.txt" with these contents, in a directory of the home that is made for it. */
static int open_part(void **state, const char *text, char path[FILE_DISK_PATH_MAX])
{
	struct fault fault;
	uint64_t have;
	int fd;
	char *directory = text_format("%s/in", (const char *)*state);
	assert_ok(file_disk_part_path(directory, "a.txt", 7, path, &fault));
	assert_ok(file_disk_open_part(path, 100, &fd, &have, &fault));
	assert_int_equal(have, 0);
	assert_ok(file_disk_write(fd, 0, bytes_of_text(text), &fault));
	free(directory);
	return fd;
}

static void assert_contents(const char *path, const char *text)
{
	char contents[16] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, contents, sizeof contents - 1), strlen(text));
	assert_string_equal(contents, text);
	close(fd);
}

static void a_part_is_its_owners_alone_and_is_found_again(void **state)
{
	char path[FILE_DISK_PATH_MAX];
	uint8_t data[3];
	struct fault fault;
	struct stat info;
	uint64_t have;
	int fd = open_part(state, "hello", path);
	assert_non_null(strstr(path, "/in/a.txt.7.part"));
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	close(fd);
	assert_ok(file_disk_open_part(path, 100, &fd, &have, &fault));
	assert_int_equal(have, 5);
	assert_ok(file_disk_read(fd, 1, data, sizeof data, &fault));
	assert_memory_equal(data, "ell", 3);
	assert_err(file_disk_read(fd, 3, data, sizeof data, &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "shorter"));
	close(fd);
}

static void a_whole_file_gets_a_name_that_is_free(void **state)
{
	static const char *const names[] = {"/in/a.txt", "/in/a (1).txt", "/in/a (2).txt"};
	char path[FILE_DISK_PATH_MAX], placed[FILE_DISK_PATH_MAX];
	struct fault fault;
	for (size_t i = 0; i < 3; i++) {
		char text[2] = {(char)('a' + i), 0};
		int fd = open_part(state, text, path);
		assert_ok(file_disk_place(fd, path, "a.txt", placed, &fault));
		assert_non_null(strstr(placed, names[i]));
		assert_contents(placed, text);
		assert_int_equal(access(path, F_OK), -1);
		close(fd);
	}
}

static void a_file_of_a_folder_gets_there(void **state)
{
	char path[FILE_DISK_PATH_MAX], placed[FILE_DISK_PATH_MAX];
	static const char *const names[] = {"/in/d.x/e/a.txt", "/in/d.x/e/a (1).txt"};
	struct fault fault;
	for (size_t i = 0; i < 2; i++) {
		int fd = open_part(state, "x", path);
		assert_ok(file_disk_place(fd, path, "d.x/e/a.txt", placed, &fault));
		assert_non_null(strstr(placed, names[i]));
		assert_contents(placed, "x");
		close(fd);
	}
	assert_ok(file_disk_part_path("/tmp", "d.x/e/a.txt", 3, path, &fault));
	assert_string_equal(path, "/tmp/a.txt.3.part");
	int fd = open_part(state, "x", path);
	assert_err(file_disk_place(fd, path, "d.x/e/a.txt/b", placed, &fault), ERR_IO);
	close(fd);
}

static void nothing_is_written_through_a_link(void **state)
{
	char path[FILE_DISK_PATH_MAX], target[FILE_DISK_PATH_MAX];
	struct fault fault;
	uint64_t have;
	int fd = open_part(state, "x", path);
	close(fd);
	assert_int_equal(unlink(path), 0);
	snprintf(target, sizeof target, "%s/target", (const char *)*state);
	assert_int_equal(symlink(target, path), 0);
	assert_err(file_disk_open_part(path, 1, &fd, &have, &fault), ERR_IO);
	assert_int_equal(access(target, F_OK), -1);
}

static void more_than_is_free_is_refused(void **state)
{
	char path[FILE_DISK_PATH_MAX];
	struct fault fault;
	uint64_t have;
	int fd = open_part(state, "x", path);
	close(fd);
	assert_err(file_disk_open_part(path, (uint64_t)1 << 53, &fd, &have, &fault), ERR_LIMIT);
	assert_non_null(strstr(fault.text, "no room"));
}

static void a_full_disk_is_told_from_others(void **state)
{
	struct fault fault;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	(void)state;
	if (fd < 0)
		skip();
	assert_err(file_disk_write(fd, 0, bytes_of_text("x"), &fault), ERR_LIMIT);
	assert_string_equal(fault.text, "the disk is full");
	close(fd);
	assert_err(file_disk_write(-1, 0, bytes_of_text("x"), &fault), ERR_IO);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	char directory[FILE_DISK_PATH_MAX], path[FILE_DISK_PATH_MAX];
	struct fault fault;
	(void)state;
	memset(directory, 'a', sizeof directory);
	directory[sizeof directory - 10] = 0;
	assert_err(file_disk_part_path(directory, "a.txt", 1, path, &fault), ERR_TOO_LARGE);
	assert_err(file_disk_part_path("/dev/null/x", "a.txt", 1, path, &fault), ERR_IO);
}

TESTS(HOME_TEST(a_part_is_its_owners_alone_and_is_found_again),
	HOME_TEST(a_whole_file_gets_a_name_that_is_free), HOME_TEST(a_file_of_a_folder_gets_there),
	HOME_TEST(nothing_is_written_through_a_link), HOME_TEST(more_than_is_free_is_refused),
	TEST(a_full_disk_is_told_from_others), TEST(a_path_that_is_too_long_is_refused))
