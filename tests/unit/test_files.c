#include "node/files_internal.h"

#include "test.h"

#include <string.h>

#include "base/text.h"
#include "test_home.h"

#define BOB "dpc-node-fedcba9876543210"

/* A node that has a contact and no link. */
static struct node *node_create(const char *home)
{
	struct node *node = test_calloc(1, sizeof *node);
	struct store_contact contact = {.name = "bob", .node_id = BOB};
	node->rng = rng_seeded(1);
	map_init(&node->sessions, 1, &node->rng);
	assert_ok(net_loop_create(&node->loop));
	assert_ok(store_open(home, &node->store, NULL));
	enum err err = store_contact_add(node->store, &contact);
	assert_true(err == ERR_OK || err == ERR_EXISTS);
	assert_ok(files_create(node, &node->files));
	return node;
}

static void node_destroy(struct node *node)
{
	files_destroy(node->files);
	store_close(node->store);
	net_loop_destroy(node->loop);
	map_deinit(&node->sessions);
	test_free(node);
}

static struct store_file file_of(bool outgoing, const char *id, enum store_file_state state)
{
	struct store_file file = {.outgoing = outgoing, .state = state, .size = 5};
	assert_true(text_copy(file.peer, sizeof file.peer, BOB));
	assert_true(text_copy(file.id, sizeof file.id, id));
	assert_true(text_copy(file.name, sizeof file.name, "a"));
	return file;
}

static struct file_transfer *add(struct node *node, bool outgoing, const char *id)
{
	struct store_file file = file_of(outgoing, id, STORE_FILE_OFFERED);
	struct file_transfer *transfer;
	assert_ok(store_file_add(node->store, &file));
	assert_ok(file_transfer_create(node->files, &file, &transfer));
	return transfer;
}

static void one_more_than_the_limit_is_refused(void **state)
{
	struct node *node = node_create(*state);
	struct store_file file = file_of(true, "f", STORE_FILE_OFFERED);
	struct file_transfer *transfer;
	for (size_t i = 0; i < NODE_FILES_MAX; i++)
		assert_ok(file_transfer_create(node->files, &file, &transfer));
	assert_err(file_transfer_create(node->files, &file, &transfer), ERR_LIMIT);
	assert_int_equal(file_transfers_of(node->files, BOB, true), NODE_FILES_MAX);
	assert_int_equal(file_transfers_of(node->files, BOB, false), 0);
	node_destroy(node);
}

static void what_had_not_ended_is_taken_up_after_a_restart(void **state)
{
	struct node *node = node_create(*state);
	(void)add(node, true, "a");
	file_transfer_end(add(node, false, "b"), STORE_FILE_DONE, FILE_OWES_DONE, "", "");
	(void)add(node, false, "c");
	node_destroy(node);
	node = node_create(*state);
	assert_int_equal(file_transfers_of(node->files, BOB, true), 1);
	assert_int_equal(file_transfers_of(node->files, BOB, false), 1);
	node_destroy(node);
}

static void run(struct node *node)
{
	for (int i = 0; i < 3; i++)
		net_loop_run_once(node->loop, net_now() + USEC_PER_MS);
}

static void what_nobody_answers_does_not_wait_for_ever(void **state)
{
	static const double days[] = {NODE_FILE_WAIT_DAYS - 1, NODE_FILE_WAIT_DAYS + 1};
	static const enum store_file_state expected[] = {STORE_FILE_OFFERED, STORE_FILE_FAILED};
	struct node *node = node_create(*state);
	struct store_file files[2];
	for (size_t i = 0; i < 2; i++) {
		files[i] = file_of(false, i ? "b" : "a", STORE_FILE_OFFERED);
		files[i].time = node_unix_time() - days[i] * 86400;
		assert_ok(store_file_add(node->store, &files[i]));
	}
	node_destroy(node);
	node = node_create(*state);
	run(node);
	for (size_t i = 0; i < 2; i++) {
		assert_ok(store_file_get(node->store, files[i].sequence, &files[i]));
		assert_int_equal(files[i].state, expected[i]);
	}
	assert_string_equal(files[1].code, "expired");
	assert_int_equal(file_transfers_of(node->files, BOB, false), 1);
	node_destroy(node);
}

/* They wait for a link, as long as there is room. */
static void ends_that_were_not_told_make_way_for_new_transfers(void **state)
{
	struct node *node = node_create(*state);
	struct store_file file = file_of(true, "f", STORE_FILE_OFFERED);
	struct session *session;
	struct file_transfer *transfer;
	assert_ok(session_get(node, BOB, &session));
	for (int known = 0; known < 2; known++) {
		transfer = add(node, true, known ? "a" : "b");
		transfer->known = known;
		file_transfer_end(
			transfer, STORE_FILE_CANCELLED, FILE_OWES_CANCEL, "cancelled", "");
		run(node);
		assert_int_equal(node->files->count, known);
	}
	for (size_t i = 0; i < NODE_FILES_MAX; i++)
		assert_ok(file_transfer_create(node->files, &file, &transfer));
	assert_int_equal(node->files->count, NODE_FILES_MAX);
	assert_err(file_transfer_create(node->files, &file, &transfer), ERR_LIMIT);
	session_destroy(session);
	node_destroy(node);
}

static void a_reason_is_cut_at_a_character(void **state)
{
	struct node *node = node_create(*state);
	struct file_transfer *transfer = add(node, true, "a");
	char text[STORE_FILE_ERROR_MAX + 3];
	memset(text, 'x', sizeof text);
	memcpy(text + STORE_FILE_ERROR_MAX - 1, "\xc3\xbc", 3);
	file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_NOTHING, "x", text);
	assert_int_equal(strlen(transfer->file.error), STORE_FILE_ERROR_MAX - 1);
	assert_true(utf8_is_valid(bytes_of_text(transfer->file.error)));
	node_destroy(node);
}

static void a_peer_does_not_hear_what_is_wrong_with_a_disk_of_ours(void **state)
{
	(void)state;
	struct store_file file = file_of(true, "a", STORE_FILE_FAILED);
	assert_true(text_copy(file.error, sizeof file.error, "cannot open '/home/alice/secret'"));
	assert_true(text_copy(file.code, sizeof file.code, "io"));
	assert_null(strstr(file_error_for_peer(&file), "secret"));
	assert_true(text_copy(file.code, sizeof file.code, "full"));
	assert_string_equal(file_error_for_peer(&file), file.error);
}

static void only_what_waits_can_be_answered_and_what_is_under_way_be_ended(void **state)
{
	struct node *node = node_create(*state);
	struct failure failure = {0};
	int64_t out = add(node, true, "a")->file.sequence;
	int64_t in = add(node, false, "b")->file.sequence;
	assert_err(files_accept(node, out, &failure), ERR_NOT_FOUND);
	assert_int_equal(failure.code, FAILURE_EXISTS);
	assert_ok(files_reject(node, in, &failure));
	assert_err(files_accept(node, in, &failure), ERR_NOT_FOUND);
	assert_int_equal(failure.code, FAILURE_NOT_FOUND);
	assert_ok(files_cancel(node, out, &failure));
	assert_err(files_cancel(node, out, &failure), ERR_NOT_FOUND);
	assert_err(files_cancel(node, 99, &failure), ERR_NOT_FOUND);
	node_destroy(node);
}

TESTS(HOME_TEST(one_more_than_the_limit_is_refused),
	HOME_TEST(what_had_not_ended_is_taken_up_after_a_restart),
	HOME_TEST(what_nobody_answers_does_not_wait_for_ever),
	HOME_TEST(ends_that_were_not_told_make_way_for_new_transfers),
	HOME_TEST(a_reason_is_cut_at_a_character),
	TEST(a_peer_does_not_hear_what_is_wrong_with_a_disk_of_ours),
	HOME_TEST(only_what_waits_can_be_answered_and_what_is_under_way_be_ended))
