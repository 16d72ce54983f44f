/* How far a file has come, and whether it is the right one: used by who sends it, who receives it,
 * and who reads again what is on disk. The contents go through in order; every
 * MESSAGE_FILE_BLOCK bytes, and at the end, a block ends, and the receiver compares the hash of
 * everything up to there: so one SHA-256 tells of each block and in the end of the whole. Only
 * whole blocks count when a transfer goes on after an interruption. */
#ifndef NODE_FILE_BLOCKS_H
#define NODE_FILE_BLOCKS_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/digest.h"
#include "message/limits.h"

struct file_blocks {
	uint64_t size;         /* of the file */
	uint64_t at;           /* bytes that went through */
	uint64_t good;         /* of them, those in blocks that have ended */
	struct digest *digest; /* of those that went through */
};

/* ERR_NOMEM. */
MUST_CHECK enum err file_blocks_init(struct file_blocks *blocks, uint64_t size);
/* Accepts a zeroed one. */
void file_blocks_deinit(struct file_blocks *blocks);

/* How much may be added before the block has to end. 0: it has to, or the file is complete. */
size_t file_blocks_room(const struct file_blocks *blocks);
/* At most that. */
void file_blocks_add(struct file_blocks *blocks, struct bytes b);
/* Whether a block is full: file_blocks_room() is 0 and the block has not ended. */
bool file_blocks_is_full(const struct file_blocks *blocks);
/* A full block ends. The hash is SHA-256 of the file from its beginning up to there. */
void file_blocks_end(struct file_blocks *blocks, uint8_t hash[SHA256_SIZE]);
/* The same for who was told the hash. False: it is another one, and the block does not end. */
bool file_blocks_end_as(struct file_blocks *blocks, struct bytes hash);
/* All blocks have ended. */
bool file_blocks_is_complete(const struct file_blocks *blocks);
/* SHA-256 of what went through. */
void file_blocks_hash(const struct file_blocks *blocks, uint8_t hash[SHA256_SIZE]);

#endif
