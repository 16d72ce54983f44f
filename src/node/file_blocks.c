#include "node/file_blocks.h"

enum err file_blocks_init(struct file_blocks *blocks, uint64_t size)
{
	struct digest *digest = digest_create();
	if (!digest)
		return ERR_NOMEM;
	*blocks = (struct file_blocks){.size = size, .digest = digest};
	return ERR_OK;
}

void file_blocks_deinit(struct file_blocks *blocks)
{
	digest_destroy(blocks->digest);
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
	digest_add(blocks->digest, b);
	blocks->at += b.size;
}

bool file_blocks_is_full(const struct file_blocks *blocks)
{
	return blocks->at > blocks->good && file_blocks_room(blocks) == 0;
}

void file_blocks_end(struct file_blocks *blocks, uint8_t hash[SHA256_SIZE])
{
	CHECK(file_blocks_is_full(blocks));
	digest_value(blocks->digest, hash);
	blocks->good = blocks->at;
}

bool file_blocks_end_as(struct file_blocks *blocks, struct bytes hash)
{
	uint8_t own[SHA256_SIZE];
	CHECK(file_blocks_is_full(blocks));
	digest_value(blocks->digest, own);
	if (!bytes_equal(hash, bytes_of(own, sizeof own)))
		return false;
	blocks->good = blocks->at;
	return true;
}

bool file_blocks_is_complete(const struct file_blocks *blocks)
{
	return blocks->good == blocks->size;
}

void file_blocks_hash(const struct file_blocks *blocks, uint8_t hash[SHA256_SIZE])
{
	digest_value(blocks->digest, hash);
}
