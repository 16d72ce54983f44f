#include "node/file_blocks.h"

#include "test.h"

#include <stdlib.h>

#define SIZE (2 * MESSAGE_FILE_BLOCK + 1000)

static uint8_t *make_contents(void)
{
	uint8_t *contents = malloc(SIZE);
	assert_non_null(contents);
	for (size_t i = 0; i < SIZE; i++)
		contents[i] = (uint8_t)(i * 7 + i / 255);
	return contents;
}

static void assert_hash(const uint8_t *hash, const uint8_t *data, size_t size)
{
	uint8_t expected[SHA256_SIZE];
	hash_sha256(bytes_of(data, size), expected);
	assert_memory_equal(hash, expected, sizeof expected);
}

/* Through to the end of the block, in portions. */
static void fill_block(struct file_blocks *blocks, const uint8_t *contents)
{
	while (file_blocks_room(blocks) > 0)
		file_blocks_add(blocks, bytes_of(contents + blocks->at,
						min_size(file_blocks_room(blocks), 300001)));
	assert_true(file_blocks_is_full(blocks));
}

static void each_block_has_the_hash_of_all_up_to_its_end(void **state)
{
	(void)state;
	static const size_t ends[] = {MESSAGE_FILE_BLOCK, 2 * MESSAGE_FILE_BLOCK, SIZE};
	uint8_t *contents = make_contents(), hash[SHA256_SIZE];
	struct file_blocks blocks;
	assert_ok(file_blocks_init(&blocks, SIZE));
	for (size_t i = 0; i < 3; i++) {
		assert_false(file_blocks_is_complete(&blocks));
		fill_block(&blocks, contents);
		assert_int_equal(blocks.at, ends[i]);
		file_blocks_end(&blocks, hash);
		assert_hash(hash, contents, ends[i]);
		file_blocks_hash(&blocks, hash);
		assert_hash(hash, contents, ends[i]);
	}
	assert_true(file_blocks_is_complete(&blocks));
	assert_false(file_blocks_is_full(&blocks));
	assert_int_equal(file_blocks_room(&blocks), 0);
	file_blocks_deinit(&blocks);
	free(contents);
}

static void a_wrong_hash_does_not_end_a_block(void **state)
{
	(void)state;
	uint8_t *contents = make_contents(), hash[SHA256_SIZE];
	struct file_blocks blocks;
	assert_ok(file_blocks_init(&blocks, SIZE));
	fill_block(&blocks, contents);
	hash_sha256(bytes_of(contents, MESSAGE_FILE_BLOCK), hash);
	hash[0] ^= 1;
	assert_false(file_blocks_end_as(&blocks, bytes_of(hash, sizeof hash)));
	assert_int_equal(blocks.good, 0);
	hash[0] ^= 1;
	assert_true(file_blocks_end_as(&blocks, bytes_of(hash, sizeof hash)));
	assert_int_equal(blocks.good, MESSAGE_FILE_BLOCK);
	file_blocks_deinit(&blocks);
	free(contents);
}

static void an_empty_file_is_complete_at_once(void **state)
{
	(void)state;
	struct file_blocks blocks;
	assert_ok(file_blocks_init(&blocks, 0));
	assert_true(file_blocks_is_complete(&blocks));
	assert_false(file_blocks_is_full(&blocks));
	assert_int_equal(file_blocks_room(&blocks), 0);
	file_blocks_deinit(&blocks);
}

TESTS(TEST(each_block_has_the_hash_of_all_up_to_its_end), TEST(a_wrong_hash_does_not_end_a_block),
	TEST(an_empty_file_is_complete_at_once))
