#include "node/file_blocks.h"

enum err file_blocks_init(struct file_blocks *blocks, uint64_t size)
{
	struct file_blocks made = {.size = size,
		.block = digest_create(),
		.whole = digest_create(),
		.whole_good = digest_create()};
	if (!made.block || !made.whole || !made.whole_good) {
		file_blocks_deinit(&made);
		return ERR_NOMEM;
	}
	*blocks = made;
	return ERR_OK;
}

void file_blocks_deinit(struct file_blocks *blocks)
{
	digest_destroy(blocks->block);
	digest_destroy(blocks->whole);
	digest_destroy(blocks->whole_good);
	*blocks = (struct file_blocks){0};
}

size_t file_blocks_room(const struct file_blocks *blocks)
{
	uint64_t rest = blocks->size - blocks->good;
	uint64_t block = rest < MESSAGE_FILE_BLOCK ? rest : MESSAGE_FILE_BLOCK;
	return (size_t)(blocks->good + block - blocks->at);
}

void file_blocks_add(struct file_blocks *blocks, struct bytes b)
{
	CHECK(b.size <= file_blocks_room(blocks));
	digest_add(blocks->block, b);
	digest_add(blocks->whole, b);
	blocks->at += b.size;
}

bool file_blocks_is_full(const struct file_blocks *blocks)
{
	return blocks->at > blocks->good && file_blocks_room(blocks) == 0;
}

void file_blocks_end(struct file_blocks *blocks, uint8_t hash[SHA256_SIZE])
{
	CHECK(file_blocks_is_full(blocks));
	digest_value(blocks->block, hash);
	digest_reset(blocks->block);
	digest_copy(blocks->whole_good, blocks->whole);
	blocks->good = blocks->at;
}

bool file_blocks_end_as(struct file_blocks *blocks, struct bytes hash)
{
	uint8_t own[SHA256_SIZE];
	CHECK(file_blocks_is_full(blocks));
	digest_value(blocks->block, own);
	if (!bytes_equal(hash, bytes_of(own, sizeof own)))
		return false;
	file_blocks_end(blocks, own);
	return true;
}

bool file_blocks_is_complete(const struct file_blocks *blocks)
{
	return blocks->good == blocks->size;
}

void file_blocks_rewind(struct file_blocks *blocks)
{
	digest_reset(blocks->block);
	digest_copy(blocks->whole, blocks->whole_good);
	blocks->at = blocks->good;
}

void file_blocks_restart(struct file_blocks *blocks)
{
	digest_reset(blocks->whole_good);
	blocks->good = 0;
	file_blocks_rewind(blocks);
}

void file_blocks_hash(const struct file_blocks *blocks, uint8_t hash[SHA256_SIZE])
{
	digest_value(blocks->whole_good, hash);
}
