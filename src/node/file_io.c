#include "node/file_io.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* ---- Blocks in memory ---- */

void file_spare_init(struct file_spare *spare)
{
	*spare = (struct file_spare){0};
	list_init(&spare->blocks);
}

void file_spare_clear(struct file_spare *spare)
{
	file_blocks_free(&spare->blocks);
	spare->count = 0;
}

static struct file_block *create_block(struct file_spare *spare, size_t size)
{
	size_t pieces = (size + MESSAGE_FILE_PIECE_MAX - 1) / MESSAGE_FILE_PIECE_MAX;
	if (size < MESSAGE_FILE_BLOCK || spare->count == 0)
		return malloc(sizeof(struct file_block) + size + pieces * FILE_PIECE_HEADER_SIZE);
	spare->count--;
	return CONTAINER_OF(list_pop_front(&spare->blocks), struct file_block, node);
}

struct file_block *file_block_create(struct file_spare *spare, uint64_t begin, size_t size)
{
	CHECK(size <= MESSAGE_FILE_BLOCK);
	struct file_block *block = create_block(spare, size);
	if (!block)
		return NULL;
	block->node = (struct list){0};
	block->begin = begin;
	block->size = size;
	block->filled = 0;
	return block;
}

void file_block_destroy(struct file_spare *spare, struct file_block *block)
{
	if (block->size < MESSAGE_FILE_BLOCK || spare->count >= NODE_FILE_SPARE_MAX) {
		free(block);
		return;
	}
	spare->count++;
	list_push_front(&spare->blocks, &block->node);
}

uint8_t *file_block_piece(struct file_block *block, size_t number)
{
	return block->data + number * FILE_PIECE_SIZE_MAX;
}

size_t file_block_piece_size(const struct file_block *block, size_t number)
{
	size_t begin = number * MESSAGE_FILE_PIECE_MAX;
	return min_size(sat_sub(block->size, begin), MESSAGE_FILE_PIECE_MAX);
}

void file_blocks_free(struct list *blocks)
{
	struct list *node;
	while ((node = list_pop_front(blocks)))
		free(CONTAINER_OF(node, struct file_block, node));
}

/* ---- Stamps ---- */

bool file_stamp_of(int fd, struct file_stamp *ret_stamp)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return false;
	*ret_stamp = (struct file_stamp){
		.inode = info.st_ino, .size = info.st_size, .changed = info.st_mtim};
	return true;
}

bool file_stamp_equals(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* ---- In the other thread ---- */

static void end_block(struct file_io *io)
{
	uint8_t hash[SHA256_SIZE];
	size_t number = (size_t)(io->blocks.good / MESSAGE_FILE_BLOCK);
	file_blocks_end(&io->blocks, hash);
	if (io->hashes)
		memcpy(io->hashes[number], hash, sizeof(hash));
}

static enum err run_hash(struct file_io *io)
{
	uint8_t data[NODE_FILE_READ_SIZE];
	uint64_t to = io->blocks.at + NODE_FILE_SLICE;
	to = to < io->to ? to : io->to;
	while (io->blocks.at < to) {
		size_t size = min_size(file_blocks_room(&io->blocks), sizeof(data));
		enum err err = file_disk_read(io->fd, io->blocks.at, data, size, &io->fault);
		if (err)
			return err;
		file_blocks_add(&io->blocks, bytes_of(data, size));
		if (file_blocks_is_full(&io->blocks))
			end_block(io);
	}
	return ERR_OK;
}

static enum err fill(struct file_io *io, struct file_block *block)
{
	for (size_t i = 0; block->filled < block->size; i++) {
		uint8_t *body = file_block_piece(block, i) + FILE_PIECE_HEADER_SIZE;
		size_t size = file_block_piece_size(block, i);
		enum err err = file_disk_read(
			io->fd, block->begin + block->filled, body, size, &io->fault);
		if (err)
			return err;
		if (io->hashes_reads)
			file_blocks_add(&io->blocks, bytes_of(body, size));
		block->filled += size;
	}
	if (io->hashes_reads)
		file_blocks_end(&io->blocks, block->hash);
	return ERR_OK;
}

static enum err run_read(struct file_io *io)
{
	struct file_stamp stamp;
	LIST_FOREACH (node, &io->todo) {
		enum err err = fill(io, CONTAINER_OF(node, struct file_block, node));
		if (err)
			return err;
	}
	if (file_stamp_of(io->fd, &stamp) && file_stamp_equals(&stamp, &io->stamp))
		return ERR_OK;
	fault_set(&io->fault, "the file was changed while it was sent");
	return ERR_MISMATCH;
}

static enum err run_write(struct file_io *io)
{
	LIST_FOREACH (node, &io->todo) {
		struct file_block *block = CONTAINER_OF(node, struct file_block, node);
		struct bytes data = bytes_of(block->data, block->size);
		file_blocks_add(&io->blocks, data);
		enum err err = file_disk_write(io->fd, block->begin, data, &io->fault);
		if (err)
			return err;
		if (!file_blocks_end_as(&io->blocks, bytes_of(block->hash, SHA256_SIZE))) {
			fault_set(&io->fault, "a block is not what its hash says");
			return ERR_MISMATCH;
		}
		file_disk_push(io->fd, block->begin, block->size);
	}
	return ERR_OK;
}

static void run(void *user)
{
	struct file_io *io = user;
	switch (io->job) {
	case FILE_JOB_NONE:
		break;
	case FILE_JOB_HASH:
		io->err = run_hash(io);
		return;
	case FILE_JOB_READ:
		io->err = run_read(io);
		return;
	case FILE_JOB_WRITE:
		io->err = run_write(io);
		return;
	case FILE_JOB_PLACE:
		io->err = file_disk_place(io->fd, io->part, io->name, io->path, &io->fault);
		return;
	}
	UNREACHABLE();
}

/* ---- In the loop ---- */

static void destroy(struct file_io *io)
{
	close(io->fd);
	file_blocks_deinit(&io->blocks);
	file_blocks_free(&io->todo);
	free(io->hashes);
	free(io);
}

static void on_done(void *user)
{
	struct file_io *io = user;
	if (!io->let_go) {
		io->done(io, io->user);
		return;
	}
	/* It was ended while it got its name. */
	if (io->discard && io->job == FILE_JOB_PLACE && !io->err)
		(void)unlink(io->path);
	if (io->done)
		io->done(io, io->user);
	destroy(io);
}

enum err file_io_create(struct net_loop *loop, int fd, uint64_t size,
	void (*done)(struct file_io *io, void *user), void *user, struct file_io **ret_io)
{
	struct file_io *io = calloc(1, sizeof(*io));
	if (!io || file_blocks_init(&io->blocks, size) != ERR_OK) {
		free(io);
		close(fd);
		return ERR_NOMEM;
	}
	io->done = done;
	io->user = user;
	io->fd = fd;
	list_init(&io->todo);
	net_work_init(&io->work, loop, run, on_done, io);
	*ret_io = io;
	return ERR_OK;
}

bool file_io_is_busy(const struct file_io *io)
{
	return net_work_is_posted(&io->work);
}

bool file_io_let_go(struct file_io *io)
{
	if (!file_io_is_busy(io) || net_work_withdraw(&io->work)) {
		destroy(io);
		return false;
	}
	io->let_go = true;
	return true;
}

void file_io_forget(struct file_io *io)
{
	CHECK(io->let_go);
	io->done = NULL;
}

static void post(struct file_io *io, enum file_job job)
{
	io->job = job;
	io->err = ERR_OK;
	net_work_post(&io->work);
}

static void take(struct file_io *io, struct list *blocks)
{
	struct list *node;
	CHECK(list_is_empty(&io->todo));
	while ((node = list_pop_front(blocks)))
		list_push_back(&io->todo, node);
}

void file_io_hash(struct file_io *io, uint64_t to)
{
	io->to = to;
	post(io, FILE_JOB_HASH);
}

void file_io_read(struct file_io *io, struct list *blocks)
{
	take(io, blocks);
	post(io, FILE_JOB_READ);
}

void file_io_write(struct file_io *io, struct list *blocks)
{
	take(io, blocks);
	post(io, FILE_JOB_WRITE);
}

void file_io_place(struct file_io *io, const char *part, const char *name)
{
	CHECK(text_copy(io->part, sizeof(io->part), part));
	CHECK(text_copy(io->name, sizeof(io->name), name));
	post(io, FILE_JOB_PLACE);
}
