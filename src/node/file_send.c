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

/* Opens it to be read from the beginning. False: the transfer has ended. */
static bool begin_reading(
	struct file_transfer *transfer, enum file_reading reading, uint64_t read_to)
{
	struct fault fault = {0};
	int64_t size;
	file_transfer_halt(transfer);
	enum err err = open_source(transfer->file.path, &transfer->fd, &size, &fault);
	if (!err && size != transfer->file.size) {
		fault_set(&fault, "the file has changed since it was offered");
		err = ERR_MISMATCH;
	}
	if (!err && file_blocks_init(&transfer->blocks, (uint64_t)size) != ERR_OK) {
		fault_set(&fault, "out of memory");
		err = ERR_NOMEM;
	}
	if (err) {
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL,
			err == ERR_MISMATCH ? "changed" : "io", fault.text);
		return false;
	}
	transfer->has_blocks = true;
	transfer->reading = reading;
	transfer->read_to = read_to;
	files_work_soon(transfer->files);
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
	transfer->reading = FILE_READS_ALL;
	*ret_sequence = transfer->file.sequence;
	files_work_soon(node->files);
	return ERR_OK;
}

/* ---- The offer ---- */

static void offer(struct file_transfer *transfer)
{
	struct session *session;
	uint8_t hash[SHA256_SIZE];
	file_blocks_hash(&transfer->blocks, hash);
	hex_encode(bytes_of(hash, sizeof(hash)), transfer->file.hash);
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
	if (!begin_reading(transfer, FILE_READS_HEAD, offset))
		return;
	transfer->debt = FILE_OWES_NOTHING;
	transfer->link = link;
	transfer->stream = accept->stream;
	transfer->moved_since = 0;
	CHECK(text_copy(transfer->head_hash, sizeof(transfer->head_hash),
		accept->hash ? accept->hash : ""));
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

/* ---- Pieces ---- */

static bool has_hash(const struct file_transfer *transfer, const char *expected)
{
	uint8_t hash[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];
	file_blocks_hash(&transfer->blocks, hash);
	hex_encode(bytes_of(hash, sizeof(hash)), text);
	return text_equal_ignoring_case(text, expected);
}

/* The next one, behind those before it. False: there is none, or the transfer has ended. */
static bool make_piece(struct file_transfer *transfer)
{
	struct file_blocks *blocks = &transfer->blocks;
	struct file_piece piece = {
		.kind = FILE_PIECE_DATA, .stream = transfer->stream, .offset = blocks->at};
	struct fault fault = {0};
	uint8_t hash[SHA256_SIZE], *body = transfer->piece + FILE_PIECE_HEADER_SIZE;
	size_t size = min_size(file_blocks_room(blocks), MESSAGE_FILE_PIECE_MAX);
	if (file_blocks_is_full(blocks)) {
		piece.kind = FILE_PIECE_BLOCK;
		size = SHA256_SIZE;
		file_blocks_end(blocks, hash);
		memcpy(body, hash, sizeof(hash));
		/* Without its end the receiver has nothing that it could take for the file. */
		if (file_blocks_is_complete(blocks) && !has_hash(transfer, transfer->file.hash)) {
			file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "changed",
				"the file was changed while it was sent");
			return false;
		}
	} else if (size == 0) {
		return false;
	} else if (file_disk_read(transfer->fd, blocks->at, body, size, &fault) != ERR_OK) {
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "io", fault.text);
		return false;
	} else {
		file_blocks_add(blocks, bytes_of(body, size));
	}
	file_piece_write_header(&piece, transfer->piece);
	transfer->piece_size = FILE_PIECE_HEADER_SIZE + size;
	return true;
}

static bool send_slice(struct file_transfer *transfer)
{
	if (!transfer->piece)
		transfer->piece = malloc(FILE_PIECE_SIZE_MAX);
	if (!transfer->piece) {
		file_transfer_end(
			transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "limit", "out of memory");
		return false;
	}
	for (size_t i = 0; i < NODE_FILE_SLICE / MESSAGE_FILE_PIECE_MAX; i++) {
		if (transfer->piece_size == 0 && !make_piece(transfer))
			return false;
		enum err err = link_send_piece(
			transfer->link, bytes_of(transfer->piece, transfer->piece_size));
		if (err) {
			/* For any other reason the link is about to go, and says so. */
			transfer->blocked = true;
			return false;
		}
		transfer->piece_size = 0;
	}
	return true;
}

static bool read_slice(struct file_transfer *transfer)
{
	struct fault fault = {0};
	bool done = false;
	if (file_transfer_read(transfer, &done, &fault) != ERR_OK) {
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "io", fault.text);
		return true;
	}
	if (!done)
		return true;
	if (transfer->reading == FILE_READS_ALL) {
		offer(transfer);
	} else if (transfer->read_to > 0 && !has_hash(transfer, transfer->head_hash)) {
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_CANCEL, "changed",
			"what the receiver has is not the beginning of this file; send it again");
	} else {
		transfer->reading = FILE_READS_NOTHING;
		transfer->moved_since = net_now();
		transfer->moved_from = transfer->blocks.at;
	}
	return true;
}

bool file_send_work(struct file_transfer *transfer)
{
	if (transfer->reading == FILE_READS_ALL && !transfer->has_blocks)
		return begin_reading(transfer, FILE_READS_ALL, (uint64_t)transfer->file.size);
	if (transfer->reading != FILE_READS_NOTHING)
		return read_slice(transfer);
	return transfer->link && !transfer->blocked && send_slice(transfer);
}
