/* The side that receives. Nothing that the sender says is believed: the name is looked at before
 * anything else, bytes count only where they were asked for, blocks only when their hash is right,
 * and the file gets its name when the whole is what was offered. */
#include "node/files_internal.h"

#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "node/dispatch.h"
#include "node/events.h"
#include "node/file_disk.h"
#include "node/file_name.h"

/* ---- Offers ---- */

static void reject(struct session *session, struct link *link, const char *id, const char *code,
	const char *text)
{
	struct message message = {.type = MESSAGE_FILE_REJECT,
		.file_reject = {.id = id, .code = code, .message = text}};
	event_refused(session->node, session->id, session->name, "file", text);
	if (link_send(link, &message) != ERR_OK)
		log_debug("cannot reject a file of '%s'", session->name);
}

static bool is_same(const struct store_file *file, const struct message_file_offer *offer)
{
	return strcmp(file->name, offer->name) == 0 && file->size == offer->size &&
	       text_equal_ignoring_case(file->hash, offer->hash);
}

/* It has ended here, and the sender has not heard of it. */
static void repeat_end(struct session *session, struct link *link, const struct store_file *file)
{
	struct message message = {.type = MESSAGE_FILE_DONE, .file_done = {.id = file->id}};
	if (file->state == STORE_FILE_REJECTED)
		message = (struct message){.type = MESSAGE_FILE_REJECT,
			.file_reject = {.id = file->id,
				.code = file->code,
				.message = file_error_for_peer(file)}};
	else if (file->state != STORE_FILE_DONE)
		message = (struct message){.type = MESSAGE_FILE_CANCEL,
			.file_cancel = {.id = file->id,
				.code = file->code,
				.message = file_error_for_peer(file)}};
	if (link_send(link, &message) != ERR_OK)
		log_debug("cannot say how a file of '%s' has ended", session->name);
}

/* Whether it was offered before; then it has its answer. */
static bool is_known(
	struct session *session, struct link *link, const struct message_file_offer *offer)
{
	struct file_transfer *transfer = file_transfer_find(session, false, offer->id);
	struct store_file file;
	if (!transfer && store_file_find(session->node->store, session->id, false, offer->id,
				 &file) != ERR_OK)
		return false;
	if (!is_same(transfer ? &transfer->file : &file, offer))
		reject(session, link, offer->id, "exists",
			"another file was offered under the same id");
	else if (!transfer)
		repeat_end(session, link, &file);
	else if (transfer->file.state == STORE_FILE_ACCEPTED && transfer->link != link)
		file_receive_begin(transfer);
	return true;
}

static enum access_action decide(struct session *session)
{
	struct node *node = session->node;
	struct store_contact contact;
	node_reload_files(node);
	if (session_contact(session, &contact) != ERR_OK)
		return ACCESS_DENY;
	struct access_peer peer = {
		.node_id = session->id, .name = contact.name, .verified = contact.verified};
	return access_decide(node->access, &peer, "file.receive", NULL);
}

/* False: it is rejected. */
static bool is_welcome(struct session *session, struct link *link,
	const struct message_file_offer *offer, enum access_action *ret_action)
{
	const struct config *config = &session->node->config;
	const char *problem = file_path_problem(offer->name);
	struct fault text = {0};
	const char *code = "";
	*ret_action = ACCESS_DENY;
	if (problem) {
		code = "name";
		fault_set(&text, "the name of the file %s", problem);
	} else if ((*ret_action = decide(session)) == ACCESS_DENY) {
		code = "denied";
		fault_set(&text, "the rules of this node do not let you send files");
	} else if (config->file_size_max > 0 && (uint64_t)offer->size > config->file_size_max) {
		code = "too_large";
		fault_set(&text, "this node takes files of at most %llu bytes",
			(unsigned long long)config->file_size_max);
	} else if (file_transfers_of(session->node->files, session->id, false) >=
		   NODE_FILES_PER_PEER_MAX) {
		code = "limit";
		fault_set(&text, "too many files of yours wait here");
	}
	if (code[0])
		reject(session, link, offer->id, code, text.text);
	return !code[0];
}

void handle_file_offer(struct session *session, struct link *link, const struct message *message)
{
	const struct message_file_offer *offer = &message->file_offer;
	struct node *node = session->node;
	struct store_file file = {
		.size = offer->size, .state = STORE_FILE_OFFERED, .time = node_unix_time()};
	struct file_transfer *transfer;
	enum access_action action;
	if (is_known(session, link, offer) || !is_welcome(session, link, offer, &action))
		return;
	CHECK(text_copy(file.peer, sizeof(file.peer), session->id));
	CHECK(text_copy(file.id, sizeof(file.id), offer->id));
	CHECK(text_copy(file.name, sizeof(file.name), offer->name));
	CHECK(text_copy(file.hash, sizeof(file.hash), offer->hash));
	if (node->files->count >= NODE_FILES_MAX) {
		reject(session, link, offer->id, "limit", "too many files are under way here");
		return;
	}
	if (store_file_add(node->store, &file) != ERR_OK ||
		file_transfer_create(node->files, &file, &transfer) != ERR_OK) {
		log_warn("%s", store_fault_text(node->store));
		reject(session, link, offer->id, "internal", "the offer cannot be kept");
		return;
	}
	log_info("'%s' offers a file: '%s', %lld bytes", session->name, file.name,
		(long long)file.size);
	if (action == ACCESS_ALLOW)
		file_receive_begin(transfer);
	else
		file_transfer_enter(transfer, STORE_FILE_OFFERED);
}

/* ---- Beginning, and going on ---- */

static void fail(struct file_transfer *transfer, const char *code, const char *text)
{
	bool offered = transfer->file.state == STORE_FILE_OFFERED;
	file_transfer_end(transfer, STORE_FILE_FAILED,
		offered ? FILE_OWES_REJECT : FILE_OWES_CANCEL, code, text);
}

static void finish(struct file_transfer *transfer)
{
	struct fault fault = {0};
	uint8_t hash[SHA256_SIZE], offered[SHA256_SIZE];
	char path[FILE_DISK_PATH_MAX];
	file_blocks_hash(&transfer->blocks, hash);
	if (!hex_decode(transfer->file.hash, offered, sizeof(offered)) ||
		memcmp(hash, offered, sizeof(hash)) != 0) {
		fail(transfer, "hash", "what came is not what was offered");
		return;
	}
	if (file_disk_place(transfer->fd, transfer->file.path, transfer->file.name, path, &fault) !=
		ERR_OK) {
		fail(transfer, "io", fault.text);
		return;
	}
	CHECK(text_copy(transfer->file.path, sizeof(transfer->file.path), path));
	file_transfer_end(transfer, STORE_FILE_DONE, FILE_OWES_DONE, "", "");
}

/* What is there was read: the rest may come. */
static void ask_for_rest(struct file_transfer *transfer)
{
	transfer->reading = FILE_READS_NOTHING;
	if (file_blocks_is_complete(&transfer->blocks)) {
		finish(transfer);
		return;
	}
	if (ftruncate(transfer->fd, (off_t)transfer->blocks.good) != 0) {
		fail(transfer, "io", "what was received before cannot be used");
		return;
	}
	transfer->stream = ++transfer->files->streams;
	transfer->moved_since = net_now();
	transfer->moved_from = transfer->blocks.good;
	file_transfer_owe(transfer, FILE_OWES_ACCEPT);
}

void file_receive_begin(struct file_transfer *transfer)
{
	struct node *node = transfer->files->owner;
	struct store_file *file = &transfer->file;
	struct fault fault = {0};
	uint64_t have = 0, size = (uint64_t)file->size;
	enum err err = ERR_OK;
	file_transfer_halt(transfer);
	transfer->debt = FILE_OWES_NOTHING;
	if (!file->path[0])
		err = file_disk_part_path(node->config.file_directory, file->name, file->sequence,
			file->path, &fault);
	if (!err)
		err = file_disk_open_part(file->path, size, &transfer->fd, &have, &fault);
	if (!err && file_blocks_init(&transfer->blocks, size) != ERR_OK) {
		err = ERR_NOMEM;
		fault_set(&fault, "out of memory");
	}
	if (err) {
		fail(transfer, err == ERR_LIMIT ? "full" : "io", fault.text);
		return;
	}
	transfer->has_blocks = true;
	if (file->state == STORE_FILE_OFFERED)
		file_transfer_enter(transfer, STORE_FILE_ACCEPTED);
	transfer->read_to = have >= size ? size : have - have % MESSAGE_FILE_BLOCK;
	transfer->reading = FILE_READS_HEAD;
	files_work_soon(transfer->files);
}

bool file_receive_work(struct file_transfer *transfer)
{
	struct fault fault = {0};
	bool done = false;
	if (transfer->reading == FILE_READS_NOTHING)
		return false;
	if (file_transfer_read(transfer, &done, &fault) != ERR_OK)
		fail(transfer, "io", fault.text);
	else if (done)
		ask_for_rest(transfer);
	return true;
}

void file_receive_discard(struct file_transfer *transfer)
{
	if (transfer->file.path[0] && unlink(transfer->file.path) != 0)
		log_debug("cannot remove '%s'", transfer->file.path);
	transfer->file.path[0] = 0;
}

/* ---- Pieces ---- */

static struct file_transfer *find_stream(
	struct session *session, const struct link *link, uint32_t stream)
{
	LIST_FOREACH (node, &session->node->files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (!transfer->file.outgoing && transfer->link == link && transfer->stream > 0 &&
			transfer->stream == stream)
			return transfer;
	}
	return NULL;
}

static void take_data(struct file_transfer *transfer, const struct file_piece *piece)
{
	struct fault fault = {0};
	if (piece->body.size > file_blocks_room(&transfer->blocks)) {
		fail(transfer, "malformed", "the sender sent more than was asked for");
		return;
	}
	enum err err = file_disk_write(transfer->fd, piece->offset, piece->body, &fault);
	if (err)
		fail(transfer, err == ERR_LIMIT ? "full" : "io", fault.text);
	else
		file_blocks_add(&transfer->blocks, piece->body);
}

static void take_block(struct file_transfer *transfer, const struct file_piece *piece)
{
	struct file_blocks *blocks = &transfer->blocks;
	uint64_t begin = blocks->good;
	if (!file_blocks_is_full(blocks)) {
		fail(transfer, "malformed", "the sender ended a block too early");
		return;
	}
	if (!file_blocks_end_as(blocks, piece->body)) {
		fail(transfer, "hash", "a block is not what its hash says");
		return;
	}
	file_disk_push(transfer->fd, begin, blocks->good - begin);
	if (file_blocks_is_complete(blocks))
		finish(transfer);
}

void files_received(struct session *session, struct link *link, struct bytes message)
{
	struct node *node = session->node;
	struct file_piece piece;
	if (!node->files || session->forgotten)
		return;
	enum err err = file_piece_parse(message, &piece);
	if (err) {
		node->counters.malformed++;
		dispatch_error(
			session, link, NULL, "malformed", "a piece of a file cannot be read");
		return;
	}
	struct file_transfer *transfer = find_stream(session, link, piece.stream);
	if (!transfer) {
		/* Of a transfer that has ended some may still be on its way. */
		if (piece.stream > 0 && piece.stream <= node->files->streams)
			return;
		node->counters.refused++;
		dispatch_error(session, link, NULL, "not_found",
			"a piece of a file came that was not accepted");
		return;
	}
	if (piece.offset != transfer->blocks.at) {
		node->counters.malformed++;
		fail(transfer, "malformed", "the sender sent other bytes than were asked for");
	} else if (piece.kind == FILE_PIECE_DATA) {
		take_data(transfer, &piece);
	} else {
		take_block(transfer, &piece);
	}
}
