#include "node/store_file.h"

#include "test.h"

#include <string.h>

#include "base/text.h"
#include "test_home.h"

#define ALICE "dpc-node-0123456789abcdef"
#define BOB "dpc-node-fedcba9876543210"

static struct store *open_store(void **state)
{
	struct store *store;
	struct fault fault;
	assert_ok(store_open(*state, &store, &fault));
	return store;
}

static struct store_file file_of(const char *peer, const char *id, enum store_file_state state)
{
	struct store_file file = {
		.size = 5, .time = 1753000000.25, .state = state, .outgoing = true};
	assert_true(text_copy(file.peer, sizeof file.peer, peer));
	assert_true(text_copy(file.id, sizeof file.id, id));
	assert_true(text_copy(file.name, sizeof file.name, "a.txt"));
	assert_true(text_copy(file.path, sizeof file.path, "/tmp/a.txt"));
	return file;
}

static void what_changes_is_there_after_a_restart(void **state)
{
	struct store *store = open_store(state);
	struct store_file file = file_of(ALICE, "f", STORE_FILE_HASHING), read;
	assert_ok(store_file_add(store, &file));
	assert_int_equal(file.sequence, 1);
	file.state = STORE_FILE_FAILED;
	assert_true(text_copy(file.hash, sizeof file.hash, "00ff"));
	assert_true(text_copy(file.path, sizeof file.path, "/tmp/b.txt"));
	assert_true(text_copy(file.code, sizeof file.code, "io"));
	assert_true(text_copy(file.error, sizeof file.error, "it broke"));
	assert_ok(store_file_update(store, &file));
	store_close(store);
	store = open_store(state);
	assert_ok(store_file_get(store, 1, &read));
	assert_memory_equal(&read, &file, sizeof file);
	assert_ok(store_file_find(store, ALICE, true, "f", &read));
	assert_int_equal(read.sequence, 1);
	assert_string_equal(store_file_state_name(read.state), "failed");
	assert_err(store_file_find(store, ALICE, false, "f", &read), ERR_NOT_FOUND);
	assert_err(store_file_find(store, BOB, true, "f", &read), ERR_NOT_FOUND);
	assert_err(store_file_get(store, 2, &read), ERR_NOT_FOUND);
	store_close(store);
}

static void an_id_is_used_once_by_a_peer_in_a_direction(void **state)
{
	struct store *store = open_store(state);
	struct store_file file = file_of(ALICE, "f", STORE_FILE_OFFERED);
	assert_ok(store_file_add(store, &file));
	assert_err(store_file_add(store, &file), ERR_EXISTS);
	file.outgoing = false;
	assert_ok(store_file_add(store, &file));
	file = file_of(BOB, "f", STORE_FILE_OFFERED);
	assert_ok(store_file_add(store, &file));
	store_close(store);
}

static void those_that_have_not_ended_are_found(void **state)
{
	static const enum store_file_state states[] = {STORE_FILE_HASHING, STORE_FILE_DONE,
		STORE_FILE_OFFERED, STORE_FILE_REJECTED, STORE_FILE_ACCEPTED, STORE_FILE_FAILED,
		STORE_FILE_CANCELLED};
	static const int64_t unfinished[] = {1, 3, 5};
	struct store *store = open_store(state);
	struct store_file file;
	int64_t after = 0;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		char id[2] = {(char)('a' + i), 0};
		file = file_of(ALICE, id, states[i]);
		assert_ok(store_file_add(store, &file));
	}
	for (size_t i = 0; i < 3; i++) {
		assert_ok(store_file_next(store, after, true, &file));
		assert_int_equal(file.sequence, unfinished[i]);
		after = file.sequence;
	}
	assert_err(store_file_next(store, after, true, &file), ERR_NOT_FOUND);
	assert_ok(store_file_before_last(store, 3, &after));
	assert_int_equal(after, 4);
	assert_ok(store_file_next(store, after, false, &file));
	assert_int_equal(file.sequence, 5);
	assert_err(store_file_next(store, 7, false, &file), ERR_NOT_FOUND);
	store_close(store);
}

static void the_oldest_that_have_ended_are_dropped(void **state)
{
	struct store *store = open_store(state);
	struct store_file file;
	char id[16];
	for (int i = 1; i <= STORE_FILES_MAX + 2; i++) {
		snprintf(id, sizeof id, "%d", i);
		file = file_of(ALICE, id, i == 1 ? STORE_FILE_ACCEPTED : STORE_FILE_DONE);
		assert_ok(store_file_add(store, &file));
	}
	assert_ok(store_file_get(store, 1, &file));
	assert_err(store_file_get(store, 2, &file), ERR_NOT_FOUND);
	assert_ok(store_file_get(store, 3, &file));
	store_close(store);
}

TESTS(HOME_TEST(what_changes_is_there_after_a_restart),
	HOME_TEST(an_id_is_used_once_by_a_peer_in_a_direction),
	HOME_TEST(those_that_have_not_ended_are_found),
	HOME_TEST(the_oldest_that_have_ended_are_dropped))
