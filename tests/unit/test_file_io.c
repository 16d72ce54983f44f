#include "node/file_io.h"

#include "test.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_home.h"

#define SIZE (2 * MESSAGE_FILE_BLOCK + MESSAGE_FILE_PIECE_MAX + 1000)
#define BLOCKS 3

struct desk {
	struct net_loop *loop;
	uint8_t *contents;
	struct file_io *io;
	int done;
};

static void on_done(struct file_io *io, void *user)
{
	struct desk *desk = user;
	(void)io;
	desk->done++;
}

static struct desk desk_create(void)
{
	struct desk desk = {.contents = malloc(SIZE)};
	assert_non_null(desk.contents);
	for (size_t i = 0; i < SIZE; i++)
		desk.contents[i] = (uint8_t)(i * 7 + i / 255);
	assert_ok(net_loop_create(&desk.loop));
	return desk;
}

static void desk_destroy(struct desk *desk)
{
	if (desk->io)
		assert_false(file_io_let_go(desk->io));
	net_loop_destroy(desk->loop);
	free(desk->contents);
}

static void open_at(struct desk *desk, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_ok(file_io_create(desk->loop, fd, SIZE, on_done, desk, &desk->io));
	assert_true(file_stamp_of(fd, &desk->io->stamp));
}

static void open_source(struct desk *desk, const char *home)
{
	char *path = text_format("%s/source", home);
	home_write(home, "source", bytes_of(desk->contents, SIZE));
	open_at(desk, path, O_RDWR);
	free(path);
}

static void wait_for(struct desk *desk, int done)
{
	usec limit = net_now() + 20 * USEC_PER_SEC;
	while (desk->done < done && net_now() < limit)
		net_loop_run_once(desk->loop, limit);
	assert_int_equal(desk->done, done);
}

static void assert_hash(const uint8_t *hash, const uint8_t *data, size_t size)
{
	uint8_t expected[SHA256_SIZE];
	hash_sha256(bytes_of(data, size), expected);
	assert_memory_equal(hash, expected, sizeof expected);
}

static size_t end_of(size_t block)
{
	return min_size((block + 1) * MESSAGE_FILE_BLOCK, SIZE);
}

static void add_blocks(struct list *blocks)
{
	struct file_spare none;
	file_spare_init(&none);
	list_init(blocks);
	for (size_t i = 0; i < BLOCKS; i++) {
		size_t begin = i * MESSAGE_FILE_BLOCK;
		struct file_block *block = file_block_create(&none, begin, end_of(i) - begin);
		assert_non_null(block);
		list_push_back(blocks, &block->node);
	}
}

static void hashing_goes_to_where_it_is_told_and_keeps_what_it_finds(void **state)
{
	struct desk desk = desk_create();
	uint8_t hash[SHA256_SIZE];
	open_source(&desk, *state);
	desk.io->hashes = calloc(file_block_count(SIZE), SHA256_SIZE);
	file_io_hash(desk.io, MESSAGE_FILE_BLOCK);
	assert_true(file_io_is_busy(desk.io));
	wait_for(&desk, 1);
	assert_ok(desk.io->err);
	assert_int_equal(desk.io->blocks.good, MESSAGE_FILE_BLOCK);
	file_io_hash(desk.io, SIZE);
	wait_for(&desk, 2);
	assert_true(file_blocks_is_complete(&desk.io->blocks));
	file_blocks_hash(&desk.io->blocks, hash);
	assert_hash(hash, desk.contents, SIZE);
	for (size_t i = 0; i < BLOCKS; i++)
		assert_hash(desk.io->hashes[i], desk.contents, end_of(i));
	desk_destroy(&desk);
}

static void what_is_read_is_in_pieces_with_room_for_their_headers(void **state)
{
	struct desk desk = desk_create();
	struct list blocks;
	open_source(&desk, *state);
	desk.io->hashes_reads = true;
	add_blocks(&blocks);
	file_io_read(desk.io, &blocks);
	wait_for(&desk, 1);
	assert_ok(desk.io->err);
	LIST_FOREACH (node, &desk.io->todo) {
		struct file_block *block = CONTAINER_OF(node, struct file_block, node);
		size_t at = 0, size;
		for (size_t i = 0; (size = file_block_piece_size(block, i)) > 0; i++) {
			assert_memory_equal(file_block_piece(block, i) + FILE_PIECE_HEADER_SIZE,
				desk.contents + block->begin + at, size);
			at += size;
		}
		assert_int_equal(at, block->size);
		assert_hash(block->hash, desk.contents, (size_t)block->begin + block->size);
	}
	desk_destroy(&desk);
}

static void a_file_that_changes_meanwhile_is_noticed(void **state)
{
	struct desk desk = desk_create();
	struct list blocks;
	open_source(&desk, *state);
	assert_int_equal(ftruncate(desk.io->fd, SIZE + 1), 0);
	add_blocks(&blocks);
	file_io_read(desk.io, &blocks);
	wait_for(&desk, 1);
	assert_err(desk.io->err, ERR_MISMATCH);
	assert_int_equal(ftruncate(desk.io->fd, 1000), 0);
	file_blocks_free(&desk.io->todo);
	add_blocks(&blocks);
	file_io_read(desk.io, &blocks);
	wait_for(&desk, 2);
	assert_err(desk.io->err, ERR_IO);
	desk_destroy(&desk);
}

/* Blocks as they come from a sender; the last hash may be wrong. */
static void write_part(struct desk *desk, const char *part, bool right)
{
	struct list blocks;
	open_at(desk, part, O_RDWR | O_CREAT);
	add_blocks(&blocks);
	LIST_FOREACH (node, &blocks) {
		struct file_block *block = CONTAINER_OF(node, struct file_block, node);
		size_t end = (size_t)block->begin + block->size;
		memcpy(block->data, desk->contents + block->begin, block->size);
		hash_sha256(bytes_of(desk->contents, end), block->hash);
		block->hash[0] ^= end == SIZE && !right;
	}
	file_io_write(desk->io, &blocks);
	wait_for(desk, desk->done + 1);
}

static void blocks_are_written_and_the_whole_gets_its_name(void **state)
{
	struct desk desk = desk_create();
	struct stat info;
	char *part = text_format("%s/a.txt.1.part", (const char *)*state);
	write_part(&desk, part, true);
	assert_ok(desk.io->err);
	assert_true(file_blocks_is_complete(&desk.io->blocks));
	file_io_place(desk.io, part, "a.txt");
	wait_for(&desk, 2);
	assert_ok(desk.io->err);
	assert_non_null(strstr(desk.io->path, "/a.txt"));
	assert_int_equal(stat(desk.io->path, &info), 0);
	assert_int_equal(info.st_size, SIZE);
	free(part);
	desk_destroy(&desk);
}

static void a_block_with_another_hash_is_no_good(void **state)
{
	struct desk desk = desk_create();
	char *part = text_format("%s/a.txt.1.part", (const char *)*state);
	write_part(&desk, part, false);
	assert_err(desk.io->err, ERR_MISMATCH);
	assert_int_equal(desk.io->blocks.good, 2 * MESSAGE_FILE_BLOCK);
	free(part);
	desk_destroy(&desk);
}

static void memory_of_blocks_is_kept_up_to_a_limit(void **state)
{
	(void)state;
	struct file_spare spare;
	struct file_block *blocks[NODE_FILE_SPARE_MAX + 1];
	file_spare_init(&spare);
	for (size_t i = 0; i <= NODE_FILE_SPARE_MAX; i++) {
		blocks[i] = file_block_create(&spare, 0, MESSAGE_FILE_BLOCK);
		assert_non_null(blocks[i]);
	}
	for (size_t i = 0; i <= NODE_FILE_SPARE_MAX; i++)
		file_block_destroy(&spare, blocks[i]);
	assert_int_equal(spare.count, NODE_FILE_SPARE_MAX);
	struct file_block *small = file_block_create(&spare, 7, 5);
	struct file_block *again =
		file_block_create(&spare, MESSAGE_FILE_BLOCK, MESSAGE_FILE_BLOCK);
	assert_ptr_equal(again, blocks[NODE_FILE_SPARE_MAX - 1]);
	assert_int_equal(again->begin, MESSAGE_FILE_BLOCK);
	assert_int_equal(again->filled, 0);
	file_block_destroy(&spare, small);
	assert_int_equal(spare.count, NODE_FILE_SPARE_MAX - 1);
	file_block_destroy(&spare, again);
	file_spare_clear(&spare);
	assert_int_equal(spare.count, 0);
}

/* The thread may have begun or not: either way nothing is used after it is freed. */
static void it_may_be_let_go_while_it_works(void **state)
{
	struct desk desk = desk_create();
	for (int i = 0; i < 20; i++) {
		open_source(&desk, *state);
		file_io_hash(desk.io, SIZE);
		if (file_io_let_go(desk.io))
			file_io_forget(desk.io);
		desk.io = NULL;
	}
	assert_int_equal(desk.done, 0);
	desk_destroy(&desk);
}

static void what_was_let_go_says_when_it_has_ended(void **state)
{
	struct desk desk = desk_create();
	open_source(&desk, *state);
	file_io_hash(desk.io, SIZE);
	assert_true(file_io_let_go(desk.io));
	desk.io = NULL;
	wait_for(&desk, 1);
	desk_destroy(&desk);
}

static void what_is_not_wanted_any_more_keeps_no_name(void **state)
{
	struct desk desk = desk_create();
	char *part = text_format("%s/a.txt.1.part", (const char *)*state);
	char *whole = text_format("%s/a.txt", (const char *)*state);
	write_part(&desk, part, true);
	file_io_place(desk.io, part, "a.txt");
	desk.io->discard = true;
	assert_true(file_io_let_go(desk.io));
	desk.io = NULL;
	wait_for(&desk, 2);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(access(whole, F_OK), -1);
	free(part);
	free(whole);
	desk_destroy(&desk);
}

TESTS(HOME_TEST(hashing_goes_to_where_it_is_told_and_keeps_what_it_finds),
	HOME_TEST(what_is_read_is_in_pieces_with_room_for_their_headers),
	HOME_TEST(a_file_that_changes_meanwhile_is_noticed),
	HOME_TEST(blocks_are_written_and_the_whole_gets_its_name),
	HOME_TEST(a_block_with_another_hash_is_no_good),
	TEST(memory_of_blocks_is_kept_up_to_a_limit), HOME_TEST(it_may_be_let_go_while_it_works),
	HOME_TEST(what_was_let_go_says_when_it_has_ended),
	HOME_TEST(what_is_not_wanted_any_more_keeps_no_name))
