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

/* What the rules say, and how large a file may be: the lesser of what they and the configuration
 * say, 0 for any. */
static enum access_action decide(struct session *session, uint64_t *ret_max)
{
	struct node *node = session->node;
	struct store_contact contact;
	node_reload_files(node);
	*ret_max = node->config.file_size_max;
	if (session_contact(session, &contact) != ERR_OK)
		return ACCESS_DENY;
	struct access_peer peer = {
		.node_id = session->id, .name = contact.name, .verified = contact.verified};
	uint64_t max = access_file_max(node->access, &peer);
	if (max > 0 && (*ret_max == 0 || max < *ret_max))
		*ret_max = max;
	return access_decide(node->access, &peer, "file.receive", NULL);
}

/* The user is asked about a folder once. */
static enum access_action ask(struct session *session, const char *name)
{
	struct files *files = session->node->files;
	bool allow;
	bool under_way =
		file_transfer_beside(files, session->id, name, STORE_FILE_ACCEPTED) != NULL;
	if (!file_folders_find(&files->folders, session->id, name, under_way, net_now(), &allow))
		return ACCESS_ASK;
	return allow ? ACCESS_ALLOW : ACCESS_DENY;
}

/* False: it is rejected. */
static bool is_welcome(struct session *session, struct link *link,
	const struct message_file_offer *offer, enum access_action *ret_action)
{
	uint64_t max = 0;
	const char *problem = file_path_problem(offer->name);
	struct fault text = {0};
	const char *code = "";
	*ret_action = ACCESS_DENY;
	if (problem) {
		code = "name";
		fault_set(&text, "the name of the file %s", problem);
	} else if ((*ret_action = decide(session, &max)) == ACCESS_DENY) {
		code = "denied";
		fault_set(&text, "the rules of this node do not let you send files");
	} else if (max > 0 && (uint64_t)offer->size > max) {
		code = "too_large";
		fault_set(&text, "this node takes files of at most %llu bytes from you",
			(unsigned long long)max);
	} else if (file_transfers_of(session->node->files, session->id, false) >=
		   NODE_FILES_PER_PEER_MAX) {
		code = "limit";
		fault_set(&text, "too many files of yours wait here");
	} else if (*ret_action == ACCESS_ASK &&
		   (*ret_action = ask(session, offer->name)) == ACCESS_DENY) {
		code = "denied";
		fault_set(&text, "the user does not want this folder");
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
	bool is_asked = file_transfer_beside(
				node->files, session->id, offer->name, STORE_FILE_OFFERED) != NULL;
	if (is_known(session, link, offer) || !is_welcome(session, link, offer, &action))
		return;
	CHECK(text_copy(file.peer, sizeof(file.peer), session->id));
	CHECK(text_copy(file.id, sizeof(file.id), offer->id));
	CHECK(text_copy(file.name, sizeof(file.name), offer->name));
	CHECK(text_copy(file.hash, sizeof(file.hash), offer->hash));
	if (file_transfers_are_full(node->files)) {
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
	/* Whom the first file of a folder was shown to is not told of each other one. */
	if (action == ACCESS_ALLOW)
		file_receive_begin(transfer);
	else if (!is_asked)
		file_transfer_enter(transfer, STORE_FILE_OFFERED);
}

/* ---- Beginning, and going on ---- */

static void fail(struct file_transfer *transfer, const char *code, const char *text)
{
	bool offered = transfer->file.state == STORE_FILE_OFFERED;
	file_transfer_end(transfer, STORE_FILE_FAILED,
		offered ? FILE_OWES_REJECT : FILE_OWES_CANCEL, code, text);
}

static void place(struct file_transfer *transfer)
{
	uint8_t hash[SHA256_SIZE], offered[SHA256_SIZE];
	file_blocks_hash(&transfer->io->blocks, hash);
	if (!hex_decode(transfer->file.hash, offered, sizeof(offered)) ||
		memcmp(hash, offered, sizeof(hash)) != 0) {
		fail(transfer, "hash", "what came is not what was offered");
		return;
	}
	file_io_place(transfer->io, transfer->file.path, transfer->file.name);
}

/* How far it may go: as far as there is memory for what is not on disk yet. */
static uint64_t room_until(const struct file_transfer *transfer)
{
	uint64_t size = (uint64_t)transfer->file.size, block = transfer->good + MESSAGE_FILE_BLOCK;
	uint64_t others = file_transfers_hold(transfer, NULL);
	uint64_t room = others < NODE_FILE_RECEIVE_MAX ? NODE_FILE_RECEIVE_MAX - others : 0;
	uint64_t until = transfer->good + room - room % MESSAGE_FILE_BLOCK;
	bool is_alone = until < block && file_transfers_hold(transfer, transfer->file.peer) == 0;
	if (size - transfer->good <= room)
		return size;
	until = is_alone ? block : until;
	return until < size ? until : size;
}

/* What is there was read: the rest may come. */
static void ask_for_rest(struct file_transfer *transfer)
{
	struct file_io *io = transfer->io;
	transfer->reading = FILE_READS_NOTHING;
	if (file_blocks_is_complete(&io->blocks)) {
		place(transfer);
		return;
	}
	if (ftruncate(io->fd, (off_t)io->blocks.good) != 0) {
		fail(transfer, "io", "what was received before cannot be used");
		return;
	}
	transfer->at = transfer->good = transfer->until = io->blocks.good;
	transfer->until = room_until(transfer);
	transfer->stream = ++transfer->files->streams;
	transfer->moved_since = net_now();
	transfer->moved_from = transfer->good;
	file_transfer_owe(transfer, FILE_OWES_ACCEPT);
}

static enum err open_part(struct file_transfer *transfer, uint64_t *ret_have, struct fault *fault)
{
	struct node *node = transfer->files->owner;
	struct store_file *file = &transfer->file;
	enum err err = ERR_OK;
	int fd;
	if (!file->path[0])
		err = file_disk_part_path(
			node->config.file_directory, file->name, file->sequence, file->path, fault);
	if (!err)
		err = file_disk_open_part(file->path, (uint64_t)file->size, &fd, ret_have, fault);
	if (err)
		return err;
	err = file_transfer_open(transfer, fd);
	if (err)
		fault_set(fault, "out of memory");
	return err;
}

void file_receive_begin(struct file_transfer *transfer)
{
	struct store_file *file = &transfer->file;
	struct fault fault = {0};
	uint64_t have = 0, size = (uint64_t)file->size;
	/* It ends by itself, and is told. */
	if (file_transfer_is_whole(transfer))
		return;
	file_transfer_halt(transfer);
	transfer->debt = FILE_OWES_NOTHING;
	transfer->begins = transfer->old != NULL;
	if (transfer->begins)
		return;
	enum err err = open_part(transfer, &have, &fault);
	if (err) {
		fail(transfer, err == ERR_LIMIT ? "full" : "io", fault.text);
		return;
	}
	if (file->state == STORE_FILE_OFFERED)
		file_transfer_enter(transfer, STORE_FILE_ACCEPTED);
	transfer->read_to = have >= size ? size : have - have % MESSAGE_FILE_BLOCK;
	transfer->reading = FILE_READS_HEAD;
	if (transfer->read_to > 0)
		file_transfer_read(transfer);
	else
		ask_for_rest(transfer);
}

/* Tells the sender of room when it is much, or all that is left, or when it has none. */
void file_receive_work(struct file_transfer *transfer)
{
	if (!transfer->link || !transfer->io || transfer->reading != FILE_READS_NOTHING ||
		transfer->until == (uint64_t)transfer->file.size)
		return;
	uint64_t until = room_until(transfer);
	if (until <= transfer->until ||
		(until < transfer->until + NODE_FILE_MORE_MIN &&
			until < (uint64_t)transfer->file.size && transfer->at < transfer->until))
		return;
	struct message message = {.type = MESSAGE_FILE_MORE,
		.file_more = {.id = transfer->file.id, .until = (int64_t)until}};
	if (link_send(transfer->link, &message) == ERR_OK)
		transfer->until = until;
}

void file_receive_discard(struct file_transfer *transfer)
{
	if (transfer->file.path[0] && unlink(transfer->file.path) != 0)
		log_debug("cannot remove '%s'", transfer->file.path);
	/* It may be about to get its name. */
	if (transfer->io)
		transfer->io->discard = true;
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

static void write_blocks(struct file_transfer *transfer)
{
	if (!file_io_is_busy(transfer->io) && !list_is_empty(&transfer->blocks))
		file_io_write(transfer->io, &transfer->blocks);
}

static void take_data(struct file_transfer *transfer, const struct file_piece *piece)
{
	uint64_t rest = (uint64_t)transfer->file.size - transfer->at;
	uint64_t size = rest < MESSAGE_FILE_BLOCK ? rest : MESSAGE_FILE_BLOCK;
	struct file_block *block = transfer->block;
	size_t room = block ? block->size - block->filled : (size_t)size;
	if (piece->body.size > room || transfer->at + piece->body.size > transfer->until) {
		fail(transfer, "malformed", "the sender sent more than was asked for");
		return;
	}
	if (!block)
		block = transfer->block =
			file_block_create(&transfer->files->spare, transfer->at, (size_t)size);
	if (!block) {
		fail(transfer, "limit", "out of memory");
		return;
	}
	memcpy(block->data + block->filled, piece->body.data, piece->body.size);
	block->filled += piece->body.size;
	transfer->at += piece->body.size;
}

static void take_block(struct file_transfer *transfer, const struct file_piece *piece)
{
	struct file_block *block = transfer->block;
	if (!block || block->filled < block->size) {
		fail(transfer, "malformed", "the sender ended a block too early");
		return;
	}
	memcpy(block->hash, piece->body.data, sizeof(block->hash));
	list_push_back(&transfer->blocks, &block->node);
	transfer->block = NULL;
	write_blocks(transfer);
}

static const char *code_of(enum err err)
{
	return err == ERR_MISMATCH ? "hash" : err == ERR_LIMIT ? "full" : "io";
}

void file_receive_done(struct file_transfer *transfer, enum file_job job)
{
	struct file_io *io = transfer->io;
	struct list *node;
	while ((node = list_pop_front(&io->todo)))
		file_block_destroy(
			&transfer->files->spare, CONTAINER_OF(node, struct file_block, node));
	if (io->err && job == FILE_JOB_PLACE) {
		fail(transfer, "io", io->fault.text);
	} else if (io->err) {
		fail(transfer, code_of(io->err), io->fault.text);
	} else if (job == FILE_JOB_PLACE) {
		CHECK(text_copy(transfer->file.path, sizeof(transfer->file.path), io->path));
		file_transfer_end(transfer, STORE_FILE_DONE, FILE_OWES_DONE, "", "");
	} else if (job == FILE_JOB_WRITE) {
		transfer->good = io->blocks.good;
		if (file_blocks_is_complete(&io->blocks))
			place(transfer);
		else
			write_blocks(transfer);
	} else if (io->blocks.at < transfer->read_to) {
		file_transfer_read(transfer);
	} else {
		ask_for_rest(transfer);
	}
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
	if (piece.offset != transfer->at) {
		node->counters.malformed++;
		fail(transfer, "malformed", "the sender sent other bytes than were asked for");
	} else if (piece.kind == FILE_PIECE_DATA) {
		take_data(transfer, &piece);
	} else {
		take_block(transfer, &piece);
	}
}
