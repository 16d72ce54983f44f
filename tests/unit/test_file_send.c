#include "node/files_internal.h"

#include "test.h"

#include <string.h>

#include "base/text.h"
#include "node/dispatch.h"
#include "test_home.h"

#define BOB "dpc-node-fedcba9876543210"
#define BLOCK ((size_t)MESSAGE_FILE_BLOCK)
#define SIZE (3 * BLOCK + 1000)
#define LARGE (8 * BLOCK)

/* A node with a contact, a link to it that takes so many bytes, and a file. */
struct desk {
	struct node node;
	struct session *session;
	struct link link;
	size_t room;
	uint64_t taken; /* bytes of the file, in order */
	size_t blocks;
	uint8_t hash[SHA256_SIZE]; /* of the last block */
	uint8_t *contents;
	char *path;
};

static enum err take_text(struct link *link, struct bytes text)
{
	(void)link;
	(void)text;
	return ERR_OK;
}

static enum err take_piece(struct link *link, struct bytes message)
{
	struct desk *desk = CONTAINER_OF(link, struct desk, link);
	struct file_piece piece;
	if (message.size > desk->room)
		return ERR_AGAIN;
	desk->room -= message.size;
	assert_ok(file_piece_parse(message, &piece));
	assert_int_equal(piece.stream, 7);
	assert_int_equal(piece.offset, desk->taken);
	if (piece.kind == FILE_PIECE_BLOCK) {
		memcpy(desk->hash, piece.body.data, sizeof desk->hash);
		desk->blocks++;
		return ERR_OK;
	}
	assert_memory_equal(piece.body.data, desk->contents + desk->taken, piece.body.size);
	desk->taken += piece.body.size;
	return ERR_OK;
}

static const struct link_transport transport = {.send = take_text, .send_piece = take_piece};

static struct desk *desk_create(const char *home, size_t room)
{
	struct desk *desk = test_calloc(1, sizeof *desk);
	struct node *node = &desk->node;
	struct store_contact contact = {.name = "bob", .node_id = BOB};
	node->rng = rng_seeded(1);
	node->scratch = buffer_with_max(MESSAGE_SIZE_MAX);
	map_init(&node->sessions, 1, &node->rng);
	assert_ok(net_loop_create(&node->loop));
	assert_ok(store_open(home, &node->store, NULL));
	assert_ok(store_contact_add(node->store, &contact));
	assert_ok(session_get(node, BOB, &desk->session));
	assert_ok(files_create(node, &node->files));
	desk->link =
		(struct link){.session = desk->session, .transport = &transport, .state = LINK_UP};
	desk->session->current = &desk->link;
	desk->room = room;
	desk->contents = malloc(LARGE);
	assert_non_null(desk->contents);
	for (size_t i = 0; i < LARGE; i++)
		desk->contents[i] = (uint8_t)(i * 7 + i / 255);
	desk->path = text_format("%s/file", home);
	return desk;
}

static void desk_destroy(struct desk *desk)
{
	struct node *node = &desk->node;
	desk->session->current = NULL;
	files_destroy(node->files);
	session_destroy(desk->session);
	store_close(node->store);
	net_loop_destroy(node->loop);
	map_deinit(&node->sessions);
	buffer_deinit(&node->scratch);
	free(desk->contents);
	free(desk->path);
	test_free(desk);
}

/* Offered before the node was started: what hashing found is not known any more. */
static struct file_transfer *add(struct desk *desk, const char *home, const char *id, size_t size)
{
	struct store_file file = {
		.outgoing = true, .state = STORE_FILE_OFFERED, .size = (int64_t)size};
	struct file_transfer *transfer;
	uint8_t hash[SHA256_SIZE];
	home_write(home, "file", bytes_of(desk->contents, size));
	hash_sha256(bytes_of(desk->contents, size), hash);
	hex_encode(bytes_of(hash, sizeof hash), file.hash);
	assert_true(text_copy(file.peer, sizeof file.peer, BOB));
	assert_true(text_copy(file.id, sizeof file.id, id));
	assert_true(text_copy(file.name, sizeof file.name, "file"));
	assert_true(text_copy(file.path, sizeof file.path, desk->path));
	assert_ok(store_file_add(desk->node.store, &file));
	assert_ok(file_transfer_create(desk->node.files, &file, &transfer));
	return transfer;
}

static struct file_transfer *add_unhashed(struct desk *desk, const char *home, const char *id)
{
	struct file_transfer *transfer = add(desk, home, id, SIZE);
	transfer->file.state = STORE_FILE_HASHING;
	transfer->file.hash[0] = 0;
	return transfer;
}

static void accept(struct desk *desk, const char *id, size_t until)
{
	struct message message = {.type = MESSAGE_FILE_ACCEPT,
		.file_accept = {.id = id, .stream = 7, .until = (int64_t)until}};
	handle_file_accept(desk->session, &desk->link, &message);
}

/* Until nothing happens any more. */
static void run(struct desk *desk)
{
	for (int quiet = 0; quiet < 20; quiet++) {
		uint64_t taken = desk->taken;
		net_loop_run_once(desk->node.loop, net_now() + 5 * USEC_PER_MS);
		if (desk->taken != taken)
			quiet = 0;
	}
}

static void assert_whole(struct desk *desk)
{
	uint8_t hash[SHA256_SIZE];
	assert_int_equal(desk->taken, SIZE);
	assert_int_equal(desk->blocks, file_block_count(SIZE));
	hash_sha256(bytes_of(desk->contents, SIZE), hash);
	assert_memory_equal(desk->hash, hash, sizeof hash);
}

static void a_full_link_holds_up_a_file_until_it_takes_more(void **state)
{
	struct desk *desk = desk_create(*state, NODE_FILE_QUEUE_MAX);
	struct file_transfer *transfer = add(desk, *state, "f", SIZE);
	accept(desk, "f", SIZE);
	run(desk);
	assert_true(transfer->blocked);
	assert_true(desk->taken > 0);
	assert_true(desk->taken <= NODE_FILE_QUEUE_MAX);
	uint64_t taken = desk->taken;
	run(desk);
	assert_int_equal(desk->taken, taken);
	desk->room = 2 * SIZE;
	files_writable(desk->session, &desk->link);
	run(desk);
	assert_whole(desk);
	desk_destroy(desk);
}

static void no_more_is_sent_than_was_asked_for(void **state)
{
	struct desk *desk = desk_create(*state, 2 * SIZE);
	struct message more = {
		.type = MESSAGE_FILE_MORE, .file_more = {.id = "f", .until = 2 * BLOCK}};
	(void)add(desk, *state, "f", SIZE);
	accept(desk, "f", 0);
	run(desk);
	assert_int_equal(desk->taken, 0);
	handle_file_more(desk->session, &desk->link, &more);
	run(desk);
	assert_int_equal(desk->taken, 2 * BLOCK);
	assert_int_equal(desk->blocks, 2);
	more.file_more.until = SIZE;
	handle_file_more(desk->session, &desk->link, &more);
	run(desk);
	assert_whole(desk);
	desk_destroy(desk);
}

static void what_is_read_ahead_of_a_link_that_stands_still_is_limited(void **state)
{
	static const char *const ids[] = {"a", "b", "c"};
	struct desk *desk = desk_create(*state, 0);
	struct file_transfer *transfers[3];
	for (size_t i = 0; i < 3; i++)
		transfers[i] = add(desk, *state, ids[i], LARGE);
	for (size_t i = 0; i < 3; i++)
		accept(desk, ids[i], LARGE);
	run(desk);
	uint64_t held = 0;
	for (size_t i = 0; i < 3; i++) {
		assert_true(transfers[i]->held <= NODE_FILE_READ_AHEAD * BLOCK);
		held += transfers[i]->held;
	}
	assert_int_equal(held, NODE_FILE_READ_MAX);
	desk_destroy(desk);
}

static void a_transfer_may_end_while_its_file_is_read(void **state)
{
	struct desk *desk = desk_create(*state, 2 * SIZE);
	struct failure failure;
	for (int i = 0; i < 10; i++) {
		char id[] = {(char)('a' + i), 0};
		struct file_transfer *transfer = add(desk, *state, id, SIZE);
		accept(desk, id, SIZE);
		net_loop_run_once(desk->node.loop, net_now());
		assert_ok(files_cancel(&desk->node, transfer->file.sequence, &failure));
		desk->taken = 0;
	}
	run(desk);
	assert_int_equal(desk->node.files->count, 0);
	desk_destroy(desk);
}

static void so_many_files_are_hashed_at_a_time(void **state)
{
	struct desk *desk = desk_create(*state, 0);
	struct file_transfer *transfers[NODE_FILES_HASHING_MAX + 1];
	for (size_t i = 0; i <= NODE_FILES_HASHING_MAX; i++) {
		char id[] = {(char)('a' + i), 0};
		transfers[i] = add_unhashed(desk, *state, id);
	}
	size_t begun = 0;
	for (size_t i = 0; i <= NODE_FILES_HASHING_MAX; i++)
		begun += file_send_work(transfers[i]);
	assert_int_equal(begun, NODE_FILES_HASHING_MAX);
	run(desk);
	for (size_t i = 0; i <= NODE_FILES_HASHING_MAX; i++) {
		assert_int_equal(transfers[i]->file.state, STORE_FILE_OFFERED);
		assert_non_null(transfers[i]->hashes);
	}
	assert_int_equal(desk->node.files->hashing, 0);
	desk_destroy(desk);
}

/* With the hashes that were kept and, at the limit, without: the receiver gets the same. */
static void so_many_hashes_are_kept_for_sending(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct desk *desk = desk_create(*state, 2 * SIZE);
		struct files *files = desk->node.files;
		size_t others = i ? NODE_FILE_HASHES_MAX - 3 : 0;
		files->hashes = others;
		struct file_transfer *transfer = add_unhashed(desk, *state, "f");
		files_work_soon(files);
		run(desk);
		assert_int_equal(transfer->file.state, STORE_FILE_OFFERED);
		assert_int_equal(transfer->hashes != NULL, i == 0);
		assert_int_equal(files->hashes - others, i ? 0 : file_block_count(SIZE));
		accept(desk, "f", SIZE);
		run(desk);
		assert_whole(desk);
		files->hashes -= others;
		desk_destroy(desk);
		assert_int_equal(home_teardown(state), 0);
		assert_int_equal(home_setup(state), 0);
	}
}

TESTS(HOME_TEST(so_many_files_are_hashed_at_a_time), HOME_TEST(so_many_hashes_are_kept_for_sending),
	HOME_TEST(a_full_link_holds_up_a_file_until_it_takes_more),
	HOME_TEST(no_more_is_sent_than_was_asked_for),
	HOME_TEST(what_is_read_ahead_of_a_link_that_stands_still_is_limited),
	HOME_TEST(a_transfer_may_end_while_its_file_is_read))
