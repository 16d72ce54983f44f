/* The disk side of a transfer: reading, writing and hashing in another thread, one job at a time.
 *
 * While a job is under way everything in here is that thread's, but for what says otherwise; then
 * `done` is called in the loop. A transfer may let go of it at any time: the job ends by itself,
 * and what it used is freed behind it. */
#ifndef NODE_FILE_IO_H
#define NODE_FILE_IO_H

#include <time.h>

#include "base/list.h"
#include "message/file_piece.h"
#include "net/work.h"
#include "node/file_blocks.h"
#include "node/file_disk.h"
#include "node/limits.h"

/* Pieces of a block, and the room that it takes with a header in front of each. */
#define FILE_BLOCK_PIECES (MESSAGE_FILE_BLOCK / MESSAGE_FILE_PIECE_MAX)

/* Blocks of a file of this size. */
static inline size_t file_block_count(uint64_t size)
{
	return (size_t)((size + MESSAGE_FILE_BLOCK - 1) / MESSAGE_FILE_BLOCK);
}

/* A block of a file in memory. */
struct file_block {
	struct list node;
	uint64_t begin; /* where it is in the file */
	size_t size, filled;
	uint8_t hash[SHA256_SIZE]; /* of the file up to its end, where somebody has said or asked */
	uint8_t data[];
};

/* Blocks that are not used just now: fresh memory for each costs as much as what it is for. */
struct file_spare {
	struct list blocks;
	size_t count; /* NODE_FILE_SPARE_MAX at most */
};

/* Of `size` bytes, MESSAGE_FILE_BLOCK at most; with room for the header of each piece in front of
 * it, if somebody wants that. NULL: memory is out. */
struct file_block *file_block_create(struct file_spare *spare, uint64_t begin, size_t size);
void file_block_destroy(struct file_spare *spare, struct file_block *block);
void file_spare_init(struct file_spare *spare);
void file_spare_clear(struct file_spare *spare);
/* Where the piece of this number is, with a header in front of each: that header,
 * with the body behind it. */
uint8_t *file_block_piece(struct file_block *block, size_t number);
size_t file_block_piece_size(const struct file_block *block, size_t number);
void file_blocks_free(struct list *blocks);

/* What tells whether a file is still the one that was looked at. */
struct file_stamp {
	uint64_t inode;
	int64_t size;
	struct timespec changed;
};

/* False: it cannot be told. */
bool file_stamp_of(int fd, struct file_stamp *ret_stamp);
bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b);

enum file_job {
	FILE_JOB_NONE,
	FILE_JOB_HASH,
	FILE_JOB_READ,
	FILE_JOB_WRITE,
	FILE_JOB_PLACE,
};

struct file_io {
	struct net_work work;
	enum file_job job;                            /* the loop's to read */
	void (*done)(struct file_io *io, void *user); /* the loop's */
	void *user;                                   /* the loop's */
	bool let_go, discard;                         /* the loop's */
	int fd;
	struct file_stamp stamp; /* of a file that is sent, when it was opened */
	struct file_blocks blocks;
	uint64_t to;
	bool hashes_reads;
	struct list todo;               /* of struct file_block */
	uint8_t (*hashes)[SHA256_SIZE]; /* of each block, as hashing finds them; NULL: not kept */
	char part[FILE_DISK_PATH_MAX], path[FILE_DISK_PATH_MAX];
	char name[MESSAGE_FILE_NAME_MAX + 1];
	/* How the job has ended. */
	enum err err;
	struct fault fault;
};

/* Takes the descriptor of a file that has, or will have, this size, also when it fails.
 * ERR_NOMEM. */
MUST_CHECK enum err file_io_create(struct net_loop *loop, int fd, uint64_t size,
	void (*done)(struct file_io *io, void *user), void *user, struct file_io **ret_io);
/* Frees it. True: not before its job has ended; `done` is called then for the last time, unless it
 * is forgotten, and must not use it. */
bool file_io_let_go(struct file_io *io);
/* Nobody waits for the end of what was let go. */
void file_io_forget(struct file_io *io);
bool file_io_is_busy(const struct file_io *io);

/* The jobs. Hashing goes on from where `blocks` are to `to` (the end of a block, or the file), a
 * slice at most: NODE_FILE_SLICE. ERR_IO. */
void file_io_hash(struct file_io *io, uint64_t to);
/* Fills blocks, piece by piece, which are in order and follow each other; takes them until it is
 * done, in `todo`. With `hashes_reads` each has its hash then. ERR_IO; ERR_MISMATCH: the file has
 * changed since it was opened. */
void file_io_read(struct file_io *io, struct list *blocks);
/* Writes blocks that follow what there is, as long as their hashes are right. Takes them. ERR_IO,
 * ERR_LIMIT (the disk is full), ERR_MISMATCH (a hash). */
void file_io_write(struct file_io *io, struct list *blocks);
/* The file is whole: file_disk_place(), whose result is in `path`. */
void file_io_place(struct file_io *io, const char *part, const char *name);

#endif
