/* The side that sends: reads the file for its hash, offers it, and sends pieces as the link takes
 * them. */
#include "node/files_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "node/dispatch.h"
#include "node/file_disk.h"
#include "node/file_name.h"

/* ---- The file ---- */

/* A pipe would have to be waited for: only what has contents and a size. */
static enum err open_source(const char *path, int *ret_fd, int64_t *ret_size, struct fault *fault)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		fault_set(fault, "cannot open '%s': %s", path, strerror(errno));
		return ERR_IO;
	}
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		fault_set(fault, "'%s' is no file", path);
		close(fd);
		return ERR_UNSUPPORTED;
	}
	*ret_fd = fd;
	*ret_size = info.st_size;
	return ERR_OK;
}

static void fail(struct file_transfer *transfer, const char *code, const char *text)
{
	bool is_known = transfer->file.state != STORE_FILE_HASHING;
	file_transfer_end(transfer, STORE_FILE_FAILED,
		is_known ? FILE_OWES_CANCEL : FILE_OWES_NOTHING, code, text);
}

/* Where this is known it has to be the file that was hashed. */
static bool is_as_before(const struct file_transfer *transfer, const struct file_stamp *stamp)
{
	return transfer->file.size == stamp->size &&
	       (transfer->stamp.inode == 0 || file_stamp_equals(&transfer->stamp, stamp));
}

/* False: the transfer has ended. */
static bool open_file(struct file_transfer *transfer)
{
	struct fault fault = {0};
	struct file_stamp stamp = {0};
	int64_t size;
	int fd;
	file_transfer_halt(transfer);
	if (open_source(transfer->file.path, &fd, &size, &fault) != ERR_OK) {
		fail(transfer, "io", fault.text);
		return false;
	}
	if (!file_stamp_of(fd, &stamp) || !is_as_before(transfer, &stamp)) {
		close(fd);
		fail(transfer, "changed", "the file has changed since it was offered");
		return false;
	}
	if (file_transfer_open(transfer, fd) != ERR_OK) {
		fail(transfer, "limit", "out of memory");
		return false;
	}
	transfer->io->stamp = stamp;
	return true;
}

/* Without the room for the hashes of blocks it is hashed again as it is sent. */
static void keep_hashes(struct file_transfer *transfer)
{
	struct files *files = transfer->files;
	size_t count = file_block_count((uint64_t)transfer->file.size);
	if (!transfer->hashes && count > 0 && count <= NODE_FILE_HASHES_MAX - files->hashes) {
		transfer->io->hashes = calloc(count, sizeof(*transfer->io->hashes));
		files->hashes += transfer->io->hashes ? count : 0;
	}
}

static bool begin_hashing(struct file_transfer *transfer)
{
	struct files *files = transfer->files;
	if (files->hashing >= NODE_FILES_HASHING_MAX || !open_file(transfer))
		return false;
	transfer->hashing = true;
	files->hashing++;
	keep_hashes(transfer);
	transfer->reading = FILE_READS_ALL;
	transfer->read_to = (uint64_t)transfer->file.size;
	file_transfer_read(transfer);
	return true;
}

static enum err add(struct session *session, const struct store_file *file,
	struct file_transfer **ret_transfer, struct failure *failure)
{
	struct node *node = session->node;
	struct store_file added = *file;
	enum err err = store_file_add(node->store, &added);
	if (err) {
		failure_set(failure, FAILURE_INTERNAL, "%s", store_fault_text(node->store));
		return err;
	}
	err = file_transfer_create(node->files, &added, ret_transfer);
	if (!err)
		return ERR_OK;
	failure_set(failure, FAILURE_LIMIT, "too many files are under way; wait for some to end");
	added.state = STORE_FILE_FAILED;
	CHECK(text_copy(added.code, sizeof(added.code), "limit"));
	if (store_file_update(node->store, &added) != ERR_OK)
		log_warn("%s", store_fault_text(node->store));
	return err;
}

enum err files_send(struct session *session, const char *path, const char *name,
	int64_t *ret_sequence, struct failure *failure)
{
	struct node *node = session->node;
	struct store_file file = {
		.outgoing = true, .state = STORE_FILE_HASHING, .time = node_unix_time()};
	struct file_transfer *transfer;
	struct fault fault = {0};
	const char *slash = strrchr(path, '/');
	int fd;
	if (!slash || path[0] != '/' || !text_copy(file.path, sizeof(file.path), path)) {
		failure_set(failure, FAILURE_MALFORMED, "'path' is no absolute path");
		return ERR_MALFORMED;
	}
	name = name ? name : slash + 1;
	const char *problem = file_path_problem(name);
	if (problem || !text_copy(file.name, sizeof(file.name), name)) {
		failure_set(failure, FAILURE_MALFORMED,
			"the name '%s' %s; no node would take it: give it another one with "
			"'--name'",
			name, problem ? problem : "is too long");
		return ERR_MALFORMED;
	}
	enum err err = open_source(path, &fd, &file.size, &fault);
	if (err) {
		failure_set(failure, FAILURE_NOT_FOUND, "%s", fault.text);
		return err;
	}
	close(fd);
	node_new_id(node, file.id);
	CHECK(text_copy(file.peer, sizeof(file.peer), session->id));
	err = add(session, &file, &transfer, failure);
	if (err)
		return err;
	*ret_sequence = transfer->file.sequence;
	files_work_soon(node->files);
	return ERR_OK;
}

/* ---- The offer ---- */

static void offer(struct file_transfer *transfer)
{
	struct session *session;
	file_transfer_hash(transfer, transfer->file.hash);
	transfer->stamp = transfer->io->stamp;
	transfer->hashes = transfer->io->hashes;
	transfer->io->hashes = NULL;
	file_transfer_halt(transfer);
	file_transfer_enter(transfer, STORE_FILE_OFFERED);
	file_transfer_owe(transfer, FILE_OWES_OFFER);
	if (session_get(transfer->files->owner, transfer->file.peer, &session) == ERR_OK)
		session_need_link(session);
}

/* The answer to what is unknown: it may have been known. */
static void answer_unknown(
	struct session *session, struct link *link, bool outgoing, const char *id)
{
	struct store_file known;
	if (store_file_find(session->node->store, session->id, outgoing, id, &known) == ERR_OK)
		return;
	session->node->counters.refused++;
	dispatch_error(session, link, id, "not_found", "no file of this id is under way");
}

/* The receiver was away when it ended here: now it hears. */
static void answer_accept(struct session *session, struct link *link, const char *id)
{
	struct store_file known;
	if (store_file_find(session->node->store, session->id, true, id, &known) != ERR_OK ||
		!store_file_has_ended(&known)) {
		answer_unknown(session, link, true, id);
		return;
	}
	struct message message = {.type = MESSAGE_FILE_CANCEL,
		.file_cancel = {.id = id,
			.code = known.code[0] ? known.code : "cancelled",
			.message = file_error_for_peer(&known)}};
	if (link_send(link, &message) != ERR_OK)
		log_debug("cannot say how a file for '%s' has ended", session->name);
}

static bool text_is_hash(const uint8_t hash[SHA256_SIZE], const char *expected)
{
	char text[2 * SHA256_SIZE + 1];
	hex_encode(bytes_of(hash, SHA256_SIZE), text);
	return text_equal_ignoring_case(text, expected);
}

static void go_on(struct file_transfer *transfer, bool is_same)
{
	if (!is_same) {
		fail(transfer, "changed",
			"what the receiver has is not the beginning of this file; send it again");
		return;
	}
	transfer->reading = FILE_READS_NOTHING;
	transfer->at = transfer->good = transfer->read_to;
	transfer->io->hashes_reads = !transfer->hashes;
	transfer->moved_since = net_now();
	transfer->moved_from = transfer->at;
	files_work_soon(transfer->files);
}

/* What the receiver has before the offset has to be the beginning of this file. */
static void begin_at(struct file_transfer *transfer, uint64_t offset)
{
	transfer->read_to = offset;
	if (offset == 0) {
		go_on(transfer, true);
	} else if (transfer->hashes) {
		size_t last = (size_t)((offset - 1) / MESSAGE_FILE_BLOCK);
		go_on(transfer, text_is_hash(transfer->hashes[last], transfer->head_hash));
	} else {
		transfer->reading = FILE_READS_HEAD;
		file_transfer_read(transfer);
	}
}

void handle_file_accept(struct session *session, struct link *link, const struct message *message)
{
	const struct message_file_accept *accept = &message->file_accept;
	struct file_transfer *transfer = file_transfer_find(session, true, accept->id);
	if (!transfer || transfer->file.state == STORE_FILE_HASHING) {
		answer_accept(session, link, accept->id);
		return;
	}
	uint64_t offset = (uint64_t)accept->offset;
	if (accept->offset > transfer->file.size ||
		(offset % MESSAGE_FILE_BLOCK != 0 && accept->offset != transfer->file.size)) {
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "malformed",
			"the receiver asks for what the file does not have");
		return;
	}
	if (transfer->file.state == STORE_FILE_OFFERED)
		file_transfer_enter(transfer, STORE_FILE_ACCEPTED);
	if (!open_file(transfer))
		return;
	transfer->debt = FILE_OWES_NOTHING;
	transfer->link = link;
	transfer->stream = accept->stream;
	transfer->moved_since = 0;
	transfer->until = (uint64_t)accept->until;
	CHECK(text_copy(transfer->head_hash, sizeof(transfer->head_hash),
		accept->hash ? accept->hash : ""));
	begin_at(transfer, offset);
}

void handle_file_more(struct session *session, struct link *link, const struct message *message)
{
	const struct message_file_more *more = &message->file_more;
	struct file_transfer *transfer = file_transfer_find(session, true, more->id);
	if (!transfer) {
		answer_unknown(session, link, true, more->id);
	} else if (transfer->link == link && (uint64_t)more->until > transfer->until) {
		transfer->until = (uint64_t)more->until;
		files_work_soon(transfer->files);
	}
}

void handle_file_done(struct session *session, struct link *link, const struct message *message)
{
	struct file_transfer *transfer = file_transfer_find(session, true, message->file_done.id);
	if (transfer)
		file_transfer_end(transfer, STORE_FILE_DONE, FILE_OWES_NOTHING, "", "");
	else
		answer_unknown(session, link, true, message->file_done.id);
}

void handle_file_reject(struct session *session, struct link *link, const struct message *message)
{
	const struct message_file_reject *reject = &message->file_reject;
	struct file_transfer *transfer = file_transfer_find(session, true, reject->id);
	if (transfer)
		file_transfer_end(transfer, STORE_FILE_REJECTED, FILE_OWES_NOTHING, reject->code,
			reject->message);
	else
		answer_unknown(session, link, true, reject->id);
}

void handle_file_cancel(struct session *session, struct link *link, const struct message *message)
{
	const struct message_file_cancel *cancel = &message->file_cancel;
	struct file_transfer *transfer = file_transfer_find(session, false, cancel->id);
	if (!transfer)
		transfer = file_transfer_find(session, true, cancel->id);
	if (transfer)
		file_transfer_end(transfer, STORE_FILE_CANCELLED, FILE_OWES_NOTHING, cancel->code,
			cancel->message);
	else
		answer_unknown(session, link, false, cancel->id);
}

bool files_refused(struct session *session, const struct message_error *error)
{
	if (!session->node->files || !error->request_id)
		return false;
	struct file_transfer *transfer = file_transfer_find(session, true, error->request_id);
	if (!transfer)
		return false;
	bool is_old = strcmp(error->code, "unknown_type") == 0;
	file_transfer_end(transfer, STORE_FILE_REJECTED, FILE_OWES_NOTHING, error->code,
		is_old ? "the peer's program does not take files; it has to be newer"
		       : error->message);
	return true;
}

/* ---- Reading ahead ---- */

static size_t count_blocks(const struct file_transfer *transfer)
{
	size_t count = 0;
	LIST_FOREACH (node, &transfer->blocks)
		count++;
	return count;
}

static uint64_t block_size_at(const struct file_transfer *transfer, uint64_t at)
{
	uint64_t rest = (uint64_t)transfer->file.size - at;
	return rest < MESSAGE_FILE_BLOCK ? rest : MESSAGE_FILE_BLOCK;
}

static bool may_hold(const struct file_transfer *transfer, uint64_t size)
{
	if (transfer->held + size + file_transfers_hold(transfer, NULL) <= NODE_FILE_READ_MAX)
		return true;
	return transfer->held == 0 && file_transfers_hold(transfer, transfer->file.peer) == 0;
}

/* Reads what the receiver has asked for, so that it is there when the link takes it. */
static void read_ahead(struct file_transfer *transfer)
{
	struct list blocks;
	size_t count = count_blocks(transfer);
	list_init(&blocks);
	for (; count < NODE_FILE_READ_AHEAD; count++) {
		uint64_t size = block_size_at(transfer, transfer->good);
		if (size == 0 || transfer->good + size > transfer->until ||
			!may_hold(transfer, size))
			break;
		struct file_block *block =
			file_block_create(&transfer->files->spare, transfer->good, (size_t)size);
		if (!block)
			break;
		list_push_back(&blocks, &block->node);
		transfer->held += size;
		transfer->good += size;
	}
	if (!list_is_empty(&blocks))
		file_io_read(transfer->io, &blocks);
	else if (count == 0 && transfer->held == 0 && transfer->good < transfer->until)
		log_debug("file %lld waits for memory", (long long)transfer->file.sequence);
}

static void take_read(struct file_transfer *transfer)
{
	struct list *node;
	while ((node = list_pop_front(&transfer->io->todo))) {
		struct file_block *block = CONTAINER_OF(node, struct file_block, node);
		size_t number = (size_t)(block->begin / MESSAGE_FILE_BLOCK);
		bool is_last = block->begin + block->size == (uint64_t)transfer->file.size;
		list_push_back(&transfer->blocks, &block->node);
		if (transfer->hashes) {
			memcpy(block->hash, transfer->hashes[number], sizeof(block->hash));
		} else if (is_last && !text_is_hash(block->hash, transfer->file.hash)) {
			/* Without its end the receiver has nothing that it could take for it. */
			fail(transfer, "changed", "the file was changed while it was sent");
			return;
		}
	}
}

/* ---- Pieces ---- */

/* The next of the first block: its contents, and in the end its hash. */
static enum err send_piece(struct file_transfer *transfer, struct file_block *block)
{
	uint8_t end[FILE_PIECE_HEADER_SIZE + SHA256_SIZE];
	size_t begin = transfer->piece * MESSAGE_FILE_PIECE_MAX;
	size_t size = file_block_piece_size(block, transfer->piece);
	struct file_piece piece = {.kind = FILE_PIECE_DATA,
		.stream = transfer->stream,
		.offset = block->begin + begin};
	uint8_t *bytes = end;
	if (size > 0) {
		bytes = file_block_piece(block, transfer->piece);
	} else {
		size = SHA256_SIZE;
		piece.kind = FILE_PIECE_BLOCK;
		piece.offset = block->begin + block->size;
		memcpy(end + FILE_PIECE_HEADER_SIZE, block->hash, SHA256_SIZE);
	}
	file_piece_write_header(&piece, bytes);
	enum err err =
		link_send_piece(transfer->link, bytes_of(bytes, FILE_PIECE_HEADER_SIZE + size));
	if (err)
		return err;
	if (piece.kind == FILE_PIECE_DATA) {
		transfer->at = piece.offset + size;
		transfer->piece++;
		return ERR_OK;
	}
	transfer->piece = 0;
	transfer->held -= block->size;
	list_remove(&block->node);
	file_block_destroy(&transfer->files->spare, block);
	return ERR_OK;
}

static bool send_slice(struct file_transfer *transfer)
{
	for (size_t i = 0; i < NODE_FILE_SEND_SLICE / MESSAGE_FILE_PIECE_MAX; i++) {
		if (list_is_empty(&transfer->blocks))
			return false;
		struct file_block *block =
			CONTAINER_OF(transfer->blocks.next, struct file_block, node);
		if (send_piece(transfer, block) != ERR_OK) {
			/* For any other reason the link is about to go, and says so. */
			transfer->blocked = true;
			return false;
		}
	}
	return true;
}

void file_send_done(struct file_transfer *transfer, enum file_job job)
{
	struct file_io *io = transfer->io;
	transfer->at = transfer->reading == FILE_READS_NOTHING ? transfer->at : io->blocks.at;
	if (io->err) {
		fail(transfer, io->err == ERR_MISMATCH ? "changed" : "io", io->fault.text);
	} else if (job == FILE_JOB_READ) {
		take_read(transfer);
	} else if (io->blocks.at < transfer->read_to) {
		file_transfer_read(transfer);
	} else if (transfer->reading == FILE_READS_ALL) {
		offer(transfer);
	} else {
		uint8_t hash[SHA256_SIZE];
		file_blocks_hash(&io->blocks, hash);
		go_on(transfer, text_is_hash(hash, transfer->head_hash));
	}
}

bool file_send_work(struct file_transfer *transfer)
{
	if (transfer->file.state == STORE_FILE_HASHING)
		return !transfer->io && begin_hashing(transfer);
	if (!transfer->link || !transfer->io || transfer->reading != FILE_READS_NOTHING)
		return false;
	bool more = !transfer->blocked && send_slice(transfer);
	if (!file_io_is_busy(transfer->io))
		read_ahead(transfer);
	return more;
}
