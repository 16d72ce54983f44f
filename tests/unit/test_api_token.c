#include "node/api_token.h"

#include "test.h"

#include <sys/stat.h>

#include "test_home.h"

static enum err load(
	const char *home, uint64_t seed, char token[API_TOKEN_SIZE], struct fault *fault)
{
	struct rng rng = rng_seeded(seed);
	return api_token_load(home, &rng, token, fault);
}

static void put(const char *home, const char *text, mode_t mode)
{
	char *path = text_format("%s/api.token", home);
	home_write(home, "api.token", bytes_of_text(text));
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static void it_is_made_once_for_the_user_alone(void **state)
{
	char *path = text_format("%s/api.token", (char *)*state);
	char first[API_TOKEN_SIZE], again[API_TOKEN_SIZE];
	struct fault fault;
	struct stat status;
	assert_ok(load(*state, 1, first, &fault));
	assert_int_equal(strlen(first), API_TOKEN_SIZE - 1);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_ok(load(*state, 2, again, &fault));
	assert_string_equal(again, first);
	assert_int_equal(unlink(path), 0);
	assert_ok(load(*state, 2, again, &fault));
	assert_string_not_equal(again, first);
	free(path);
}

static void what_is_no_token_of_the_users_alone_is_not_taken(void **state)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123-_9";
	static const struct {
		const char *text;
		mode_t mode;
		enum err err;
	} cases[] = {
		{"", 0600, ERR_CORRUPT},
		{"\n", 0600, ERR_CORRUPT},
		{"short\n", 0600, ERR_CORRUPT},
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123-_", 0600, ERR_CORRUPT},
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123-_99", 0600, ERR_CORRUPT},
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123 _9", 0600, ERR_CORRUPT},
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123+/9", 0600, ERR_CORRUPT},
		{"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123-_9                          ", 0600,
			ERR_CORRUPT},
		{good, 0644, ERR_DENIED},
		{good, 0640, ERR_DENIED},
		{good, 0602, ERR_DENIED},
	};
	char token[API_TOKEN_SIZE] = "untouched";
	struct fault fault;
	put(*state, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123-_9 \r\n", 0600);
	assert_ok(load(*state, 1, token, &fault));
	assert_string_equal(token, good);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put(*state, cases[i].text, cases[i].mode);
		assert_true(text_copy(token, sizeof token, "untouched"));
		assert_int_equal(load(*state, 1, token, &fault), cases[i].err);
		assert_string_equal(token, "untouched");
		assert_non_null(strstr(fault.text, "delete it"));
		assert_non_null(strstr(fault.text, *state));
	}
}

static void a_link_is_not_followed(void **state)
{
	char *path = text_format("%s/api.token", (char *)*state);
	char *other = text_format("%s/other", (char *)*state);
	char token[API_TOKEN_SIZE];
	struct fault fault;
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(load(*state, 1, token, &fault), ERR_DENIED);
	assert_int_not_equal(access(other, F_OK), 0);
	free(other);
	free(path);
}

static void a_home_that_is_not_there_is_told(void **state)
{
	(void)state;
	char token[API_TOKEN_SIZE];
	struct fault fault;
	struct rng rng = rng_seeded(1);
	assert_int_equal(api_token_load("/nonexistent/home", &rng, token, &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "/nonexistent/home/api.token"));
}

TESTS(HOME_TEST(it_is_made_once_for_the_user_alone),
	HOME_TEST(what_is_no_token_of_the_users_alone_is_not_taken),
	HOME_TEST(a_link_is_not_followed), TEST(a_home_that_is_not_there_is_told))
