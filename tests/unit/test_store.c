#include "node/store.h"

#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/rng.h"
#include "store_tamper.h"
#include "test_home.h"

#define BOB "dpc-node-fedcba9876543210"

static struct store *reopen(const char *home)
{
	struct store *store = NULL;
	struct fault fault = {0};
	assert_ok(store_open(home, &store, &fault));
	assert_string_equal(fault.text, "");
	return store;
}

/* Runs SQL beside the store, as somebody else would. */
static void its_files_are_for_the_owner_only(void **state)
{
	static const char *const names[] = {"dpc.db", "dpc.db-wal", "dpc.db-shm"};
	home_write(*state, "dpc.db", (struct bytes){0});
	struct store *store = reopen(*state);
	assert_ok(store_setting_set(store, "key", "value"));
	for (size_t i = 0; i < 3; i++) {
		struct stat info;
		char *path = text_format("%s/%s", (char *)*state, names[i]);
		assert_int_equal(stat(path, &info), 0);
		assert_int_equal(info.st_mode & 0777, 0600);
		free(path);
	}
	store_close(store);
	store_close(NULL);
}

static void settings_are_kept_replaced_and_removed(void **state)
{
	struct store *store = reopen(*state);
	char *value;
	assert_err(store_setting_get(store, "token", &value), ERR_NOT_FOUND);
	assert_ok(store_setting_set(store, "token", "one"));
	assert_ok(store_setting_set(store, "token", "two"));
	store_close(store);
	store = reopen(*state);
	assert_ok(store_setting_get(store, "token", &value));
	assert_string_equal(value, "two");
	free(value);
	assert_ok(store_setting_remove(store, "token"));
	assert_ok(store_setting_remove(store, "token"));
	assert_err(store_setting_get(store, "token", &value), ERR_NOT_FOUND);
	store_close(store);
}

static void settings_are_limited_in_number_and_size(void **state)
{
	struct store *store = reopen(*state);
	char *big = calloc(1, STORE_VALUE_MAX + 2);
	assert_non_null(big);
	memset(big, 'x', STORE_VALUE_MAX + 1);
	assert_err(store_setting_set(store, "a", big), ERR_TOO_LARGE);
	big[STORE_VALUE_MAX] = 0;
	assert_ok(store_setting_set(store, "a", big));
	big[STORE_KEY_MAX + 1] = 0;
	assert_err(store_setting_set(store, big, "v"), ERR_TOO_LARGE);
	free(big);
	tamper(*state, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 999) "
		       "INSERT INTO settings SELECT 'key' || i, '' FROM n");
	assert_err(store_setting_set(store, "b", "v"), ERR_LIMIT);
	assert_ok(store_setting_set(store, "a", "v"));
	store_close(store);
}

static void what_is_no_database_is_damage_and_says_the_next_step(void **state)
{
	struct store *store;
	struct fault fault;
	uint8_t garbage[5000];
	struct rng rng = rng_seeded(1);
	rng_fill(&rng, garbage, sizeof garbage);
	home_write(*state, "dpc.db", bytes_of(garbage, sizeof garbage));
	assert_err(store_open(*state, &store, &fault), ERR_CORRUPT);
	assert_non_null(strstr(fault.text, "/dpc.db' is damaged"));
	assert_non_null(strstr(fault.text, "move it away"));
}

static void somebody_elses_database_is_not_touched(void **state)
{
	struct store *store;
	struct fault fault;
	tamper(*state, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
	assert_err(store_open(*state, &store, &fault), ERR_CORRUPT);
	assert_non_null(strstr(fault.text, "not a database of dpc"));
	tamper(*state, "INSERT INTO theirs VALUES (2)");
}

static void a_newer_database_asks_for_a_newer_program(void **state)
{
	struct store *store = reopen(*state);
	struct fault fault;
	store_close(store);
	tamper(*state, "PRAGMA user_version = 99");
	assert_err(store_open(*state, &store, &fault), ERR_UNSUPPORTED);
	assert_non_null(strstr(fault.text, "newer dpc"));
}

static void a_missing_directory_is_named(void **state)
{
	struct store *store;
	struct fault fault;
	char *home = text_format("%s/none", (char *)*state);
	assert_err(store_open(home, &store, &fault), ERR_IO);
	assert_non_null(strstr(fault.text, "none/dpc.db': No such file or directory"));
	free(home);
}

/* Overwrites or cuts the file at many places: the store opens, or says that it is damaged, and
 * never does anything else. */
static void damage_anywhere_is_noticed_or_harmless(void **state)
{
	struct store *store = reopen(*state);
	struct rng rng = rng_seeded(2);
	for (int i = 0; i < 40; i++) {
		char id[20];
		snprintf(id, sizeof id, "m%d", i);
		assert_ok(store_outbox_add(store, BOB,
			&(struct store_draft){id, "some text to fill pages with", i, NULL, NULL}));
	}
	store_close(store);
	char *path = text_format("%s/dpc.db", (char *)*state);
	static uint8_t whole[1 << 20];
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(whole, 1, sizeof whole, file);
	fclose(file);
	unsigned noticed = 0;
	for (int round = 0; round < 60; round++) {
		static uint8_t copy[1 << 20];
		struct fault fault = {0};
		memcpy(copy, whole, size);
		size_t kept = round % 2 ? size : 1 + (size_t)rng_below(&rng, size);
		if (kept == size)
			rng_fill(&rng, copy + rng_below(&rng, size - 64), 64);
		home_write(*state, "dpc.db", bytes_of(copy, kept));
		enum err err = store_open(*state, &store, &fault);
		if (err) {
			noticed++;
			assert_true(err == ERR_CORRUPT || err == ERR_IO || err == ERR_UNSUPPORTED);
			assert_string_not_equal(fault.text, "");
			continue;
		}
		struct store_page page = {0};
		err = store_history(store, BOB, 0, 500, &page);
		assert_true(err == ERR_OK || err == ERR_CORRUPT);
		store_page_deinit(&page);
		store_close(store);
	}
	assert_true(noticed > 20);
	free(path);
}

/* A child accepts messages and kills itself in the middle; every one that it reported is there. */
static void what_was_accepted_survives_a_kill(void **state)
{
	int pipe_ends[2];
	assert_int_equal(pipe2(pipe_ends, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct store *store;
		uint8_t count = 0;
		if (store_open(*state, &store, NULL))
			_exit(1);
		for (; count < 20; count++) {
			char id[20];
			snprintf(id, sizeof id, "m%u", count);
			if (store_outbox_add(store, BOB,
				    &(struct store_draft){id, "text", count, NULL, NULL}) ||
				write(pipe_ends[1], &count, 1) != 1)
				_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	close(pipe_ends[1]);
	uint8_t number, accepted = 0;
	while (read(pipe_ends[0], &number, 1) == 1)
		accepted++;
	close(pipe_ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(accepted, 20);
	struct store *store = reopen(*state);
	struct store_page page;
	assert_ok(store_outbox_pending(store, BOB, 0, 100, &page));
	assert_int_equal(page.count, accepted);
	store_page_deinit(&page);
	store_close(store);
}

TESTS(HOME_TEST(its_files_are_for_the_owner_only),
	HOME_TEST(settings_are_kept_replaced_and_removed),
	HOME_TEST(settings_are_limited_in_number_and_size),
	HOME_TEST(what_is_no_database_is_damage_and_says_the_next_step),
	HOME_TEST(somebody_elses_database_is_not_touched),
	HOME_TEST(a_newer_database_asks_for_a_newer_program),
	HOME_TEST(a_missing_directory_is_named), HOME_TEST(damage_anywhere_is_noticed_or_harmless),
	HOME_TEST(what_was_accepted_survives_a_kill))
