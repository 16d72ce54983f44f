#include "node/files_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/events.h"

/* ---- Transfers ---- */

/* Who has not heard of the end of one hears it when he accepts. */
static bool drop_untold(struct files *files)
{
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (!store_file_has_ended(&transfer->file))
			continue;
		file_transfer_destroy(transfer);
		return true;
	}
	return false;
}

bool file_transfers_are_full(struct files *files)
{
	return files->count >= NODE_FILES_MAX && !drop_untold(files);
}

enum err file_transfer_create(
	struct files *files, const struct store_file *file, struct file_transfer **ret_transfer)
{
	if (file_transfers_are_full(files))
		return ERR_LIMIT;
	struct file_transfer *transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return ERR_NOMEM;
	transfer->files = files;
	transfer->file = *file;
	list_init(&transfer->blocks);
	list_push_back(&files->list, &transfer->node);
	files->count++;
	*ret_transfer = transfer;
	return ERR_OK;
}

static void on_done(struct file_io *io, void *user)
{
	struct file_transfer *transfer = user;
	files_work_soon(transfer->files);
	if (io == transfer->old) {
		transfer->old = NULL;
		if (transfer->begins && !store_file_has_ended(&transfer->file))
			file_receive_begin(transfer);
	} else if (transfer->file.outgoing) {
		file_send_done(transfer, io->job);
	} else {
		file_receive_done(transfer, io->job);
	}
}

enum err file_transfer_open(struct file_transfer *transfer, int fd)
{
	struct files *files = transfer->files;
	enum err err = file_io_create(files->owner->loop, fd, (uint64_t)transfer->file.size,
		on_done, transfer, &transfer->io);
	files->open += !err;
	return err;
}

void file_transfer_read(struct file_transfer *transfer)
{
	file_io_hash(transfer->io, transfer->read_to);
}

void file_transfer_hash(const struct file_transfer *transfer, char hash[2 * SHA256_SIZE + 1])
{
	uint8_t digest[SHA256_SIZE];
	CHECK(!file_io_is_busy(transfer->io));
	file_blocks_hash(&transfer->io->blocks, digest);
	hex_encode(bytes_of(digest, sizeof(digest)), hash);
}

bool file_transfer_is_whole(const struct file_transfer *transfer)
{
	return transfer->io && file_io_is_busy(transfer->io) && transfer->io->job == FILE_JOB_PLACE;
}

/* Reading on behalf of nobody harms nobody; what writes has to end before the file is opened again.
 */
static void let_go(struct file_transfer *transfer)
{
	struct file_io *io = transfer->io;
	transfer->io = NULL;
	if (!io)
		return;
	if (--transfer->files->open == 0)
		file_spare_clear(&transfer->files->spare);
	if (!file_io_let_go(io))
		return;
	if (transfer->file.outgoing) {
		file_io_forget(io);
	} else {
		CHECK(!transfer->old);
		transfer->old = io;
	}
}

void file_transfer_halt(struct file_transfer *transfer)
{
	let_go(transfer);
	file_blocks_free(&transfer->blocks);
	free(transfer->block);
	transfer->block = NULL;
	transfer->begins = false;
	transfer->reading = FILE_READS_NOTHING;
	transfer->files->hashing -= transfer->hashing;
	transfer->hashing = false;
	transfer->link = NULL;
	transfer->stream = 0;
	transfer->blocked = false;
	transfer->piece = 0;
	transfer->at = transfer->good = transfer->until = transfer->held = 0;
}

void file_transfer_destroy(struct file_transfer *transfer)
{
	file_transfer_halt(transfer);
	if (transfer->old)
		file_io_forget(transfer->old);
	if (transfer->hashes)
		transfer->files->hashes -= file_block_count((uint64_t)transfer->file.size);
	free(transfer->hashes);
	list_remove(&transfer->node);
	transfer->files->count--;
	free(transfer);
}

struct session *file_session(const struct file_transfer *transfer)
{
	return session_find(transfer->files->owner, transfer->file.peer);
}

static bool is_of(const struct file_transfer *transfer, const char *peer, bool outgoing)
{
	return transfer->file.outgoing == outgoing && strcmp(transfer->file.peer, peer) == 0 &&
	       !store_file_has_ended(&transfer->file);
}

struct file_transfer *file_transfer_find(struct session *session, bool outgoing, const char *id)
{
	struct files *files = session->node->files;
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (is_of(transfer, session->id, outgoing) && strcmp(transfer->file.id, id) == 0)
			return transfer;
	}
	return NULL;
}

size_t file_transfers_of(const struct files *files, const char *peer, bool outgoing)
{
	size_t count = 0;
	LIST_FOREACH (node, &files->list)
		count += is_of(CONTAINER_OF(node, struct file_transfer, node), peer, outgoing);
	return count;
}

struct file_transfer *file_transfer_beside(
	const struct files *files, const char *peer, const char *name, enum store_file_state state)
{
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (is_of(transfer, peer, false) && transfer->file.state == state &&
			file_folder_is_same(transfer->file.name, name))
			return transfer;
	}
	return NULL;
}

uint64_t file_transfers_hold(const struct file_transfer *but, const char *peer)
{
	uint64_t bytes = 0;
	bool outgoing = but->file.outgoing;
	LIST_FOREACH (node, &but->files->list) {
		const struct file_transfer *transfer =
			CONTAINER_OF(node, struct file_transfer, node);
		if (transfer == but || transfer->file.outgoing != outgoing || !transfer->io ||
			(peer && strcmp(transfer->file.peer, peer) != 0))
			continue;
		bytes += outgoing ? transfer->held : transfer->until - transfer->good;
	}
	return bytes;
}

static struct file_transfer *find_sequence(struct files *files, int64_t sequence)
{
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (transfer->file.sequence == sequence && !store_file_has_ended(&transfer->file))
			return transfer;
	}
	return NULL;
}

/* ---- States ---- */

void file_transfer_enter(struct file_transfer *transfer, enum store_file_state state)
{
	struct node *node = transfer->files->owner;
	struct session *session = file_session(transfer);
	transfer->file.state = state;
	if (store_file_update(node->store, &transfer->file) != ERR_OK)
		log_warn("file %lld: %s", (long long)transfer->file.sequence,
			store_fault_text(node->store));
	event_of_peer(node, "file", transfer->file.peer, session ? session->name : NULL,
		json_pack("{s:o?}", "file", files_describe(node, &transfer->file)));
}

void file_transfer_end(struct file_transfer *transfer, enum store_file_state state,
	enum file_debt debt, const char *code, const char *text)
{
	CHECK(state >= STORE_FILE_DONE);
	(void)text_copy(transfer->file.code, sizeof(transfer->file.code), code);
	size_t size = min_size(strlen(text), STORE_FILE_ERROR_MAX);
	while (size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80)
		size--;
	(void)text_copy_bytes(
		transfer->file.error, sizeof(transfer->file.error), bytes_of(text, size));
	if (!transfer->file.outgoing && state != STORE_FILE_DONE)
		file_receive_discard(transfer);
	transfer->link = NULL;
	file_transfer_enter(transfer, state);
	log_info("file %lld, '%s': %s%s%s", (long long)transfer->file.sequence, transfer->file.name,
		store_file_state_name(state), text[0] ? ": " : "", transfer->file.error);
	file_transfer_halt(transfer);
	file_transfer_owe(transfer, debt);
}

void file_transfer_owe(struct file_transfer *transfer, enum file_debt debt)
{
	transfer->debt = debt;
	files_work_soon(transfer->files);
}

/* ---- What peers are to hear ---- */

/* What is wrong with a disk of ours is for us alone: it names paths. */
const char *file_error_for_peer(const struct store_file *file)
{
	return strcmp(file->code, "io") == 0 ? "the file cannot be read or written there"
					     : file->error;
}

static struct message message_of(const struct file_transfer *transfer, char hash[2 * 32 + 1])
{
	const struct store_file *file = &transfer->file;
	switch (transfer->debt) {
	case FILE_OWES_OFFER:
		return (struct message){.type = MESSAGE_FILE_OFFER,
			.file_offer = {.id = file->id,
				.name = file->name,
				.size = file->size,
				.hash = file->hash}};
	case FILE_OWES_ACCEPT:
		file_transfer_hash(transfer, hash);
		return (struct message){.type = MESSAGE_FILE_ACCEPT,
			.file_accept = {.id = file->id,
				.offset = (int64_t)transfer->good,
				.hash = transfer->good > 0 ? hash : NULL,
				.stream = transfer->stream,
				.until = (int64_t)transfer->until}};
	case FILE_OWES_REJECT:
		return (struct message){.type = MESSAGE_FILE_REJECT,
			.file_reject = {.id = file->id,
				.code = file->code,
				.message = file_error_for_peer(file)}};
	case FILE_OWES_CANCEL:
		return (struct message){.type = MESSAGE_FILE_CANCEL,
			.file_cancel = {.id = file->id,
				.code = file->code,
				.message = file_error_for_peer(file)}};
	case FILE_OWES_DONE:
		return (struct message){.type = MESSAGE_FILE_DONE, .file_done = {.id = file->id}};
	case FILE_OWES_NOTHING:
		break;
	}
	UNREACHABLE();
}

/* As many as the peer keeps waiting; the others are offered when those have ended. */
static bool may_offer(const struct file_transfer *transfer, const struct session *session)
{
	struct files *files = transfer->files;
	size_t count = 0;
	if (files->crowded == session)
		return false;
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *other = CONTAINER_OF(node, struct file_transfer, node);
		count += other->offered && is_of(other, transfer->file.peer, true);
	}
	if (count >= NODE_FILES_PER_PEER_MAX)
		files->crowded = session;
	return count < NODE_FILES_PER_PEER_MAX;
}

/* Says what there is to say. True: the transfer is gone. */
static bool pay(struct file_transfer *transfer)
{
	struct session *session = file_session(transfer);
	struct link *link = session ? session->current : NULL;
	char hash[2 * SHA256_SIZE + 1];
	bool ended = store_file_has_ended(&transfer->file);
	/* Who offers the same again gets the answer from the store; who was offered something that
	 * was cancelled meanwhile has to be told, over whatever link comes next. */
	bool is_told_later = session && transfer->known;
	if (ended && (transfer->debt == FILE_OWES_NOTHING || (!link && !is_told_later))) {
		file_transfer_destroy(transfer);
		return true;
	}
	if (transfer->debt == FILE_OWES_NOTHING || !link ||
		(transfer->debt == FILE_OWES_OFFER && !may_offer(transfer, session)))
		return false;
	struct message message = message_of(transfer, hash);
	if (link_send(link, &message) != ERR_OK)
		return false;
	if (transfer->debt == FILE_OWES_OFFER)
		transfer->offered = transfer->known = true;
	if (transfer->debt == FILE_OWES_ACCEPT)
		transfer->link = link;
	transfer->debt = FILE_OWES_NOTHING;
	if (ended)
		file_transfer_destroy(transfer);
	return ended;
}

/* ---- Work ---- */

static void work(void *user)
{
	struct files *files = user;
	size_t slices = 0, rest = files->count;
	files->crowded = NULL;
	while (rest-- > 0 && slices < NODE_FILE_SLICES_PER_TURN) {
		struct file_transfer *transfer =
			CONTAINER_OF(files->list.next, struct file_transfer, node);
		list_remove(&transfer->node);
		list_push_back(&files->list, &transfer->node);
		if (pay(transfer) || store_file_has_ended(&transfer->file))
			continue;
		if (transfer->file.outgoing)
			slices += file_send_work(transfer);
		else
			file_receive_work(transfer);
	}
	if (slices > 0)
		net_defer_post(&files->work);
}

void files_work_soon(struct files *files)
{
	net_defer_post(&files->work);
}

/* ---- Links ---- */

void files_link_up(struct session *session)
{
	struct files *files = session->node->files;
	if (!files)
		return;
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (is_of(transfer, session->id, true) && !transfer->link &&
			transfer->file.state != STORE_FILE_HASHING) {
			transfer->offered = false;
			transfer->debt = FILE_OWES_OFFER;
		}
	}
	files_work_soon(files);
}

void files_link_gone(struct session *session, const struct link *link)
{
	struct files *files = session->node->files;
	if (!files)
		return;
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (strcmp(transfer->file.peer, session->id) != 0 ||
			store_file_has_ended(&transfer->file))
			continue;
		bool is_whole = file_transfer_is_whole(transfer);
		if (transfer->link == link && is_whole)
			transfer->link = NULL;
		else if (transfer->link == link && transfer->file.state != STORE_FILE_HASHING)
			file_transfer_halt(transfer);
		/* What was said may be lost with it; who has heard it gives the same answer. */
		if (transfer->file.outgoing && !transfer->link &&
			transfer->file.state != STORE_FILE_HASHING) {
			transfer->offered = false;
			transfer->debt = FILE_OWES_OFFER;
		}
	}
	files_work_soon(files);
}

void files_writable(struct session *session, const struct link *link)
{
	struct files *files = session->node->files;
	if (!files || files->count == 0)
		return;
	LIST_FOREACH (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (transfer->link == link)
			transfer->blocked = false;
	}
	files_work_soon(files);
}

void files_drop_peer(struct session *session)
{
	struct files *files = session->node->files;
	if (!files)
		return;
	LIST_FOREACH_SAFE (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (strcmp(transfer->file.peer, session->id) == 0 &&
			!store_file_has_ended(&transfer->file))
			file_transfer_end(transfer, STORE_FILE_CANCELLED, FILE_OWES_NOTHING,
				"cancelled", "the contact was removed");
	}
}

/* ---- The user ---- */

static struct file_transfer *wanted(struct node *node, int64_t sequence, struct failure *failure)
{
	struct file_transfer *transfer = find_sequence(node->files, sequence);
	if (!transfer)
		failure_set(failure, FAILURE_NOT_FOUND,
			"no file %lld is under way; 'dpc file list' shows them",
			(long long)sequence);
	return transfer;
}

static struct file_transfer *wanted_offer(
	struct node *node, int64_t sequence, struct failure *failure)
{
	struct file_transfer *transfer = wanted(node, sequence, failure);
	if (!transfer || (!transfer->file.outgoing && transfer->file.state == STORE_FILE_OFFERED))
		return transfer;
	failure_set(failure, FAILURE_EXISTS, "file %lld waits for no answer of yours",
		(long long)sequence);
	return NULL;
}

static void answer(struct file_transfer *transfer, bool allow)
{
	if (!allow) {
		file_transfer_end(transfer, STORE_FILE_REJECTED, FILE_OWES_REJECT, "denied",
			"the user does not want it");
		return;
	}
	file_transfer_enter(transfer, STORE_FILE_ACCEPTED);
	file_receive_begin(transfer);
}

/* For a file of a folder it is the answer about the folder: for those that wait, and those that
 * will come. */
static enum err answer_offer(
	struct node *node, int64_t sequence, bool allow, struct failure *failure)
{
	struct files *files = node->files;
	struct file_transfer *transfer = wanted_offer(node, sequence, failure);
	if (!transfer)
		return ERR_NOT_FOUND;
	struct store_file file = transfer->file;
	file_folders_answer(&files->folders, file.peer, file.name, allow, net_now());
	answer(transfer, allow);
	while ((transfer = file_transfer_beside(files, file.peer, file.name, STORE_FILE_OFFERED)))
		answer(transfer, allow);
	return ERR_OK;
}

enum err files_accept(struct node *node, int64_t sequence, struct failure *failure)
{
	return answer_offer(node, sequence, true, failure);
}

enum err files_reject(struct node *node, int64_t sequence, struct failure *failure)
{
	return answer_offer(node, sequence, false, failure);
}

enum err files_cancel(struct node *node, int64_t sequence, struct failure *failure)
{
	struct file_transfer *transfer = wanted(node, sequence, failure);
	if (!transfer)
		return ERR_NOT_FOUND;
	file_transfer_end(transfer, STORE_FILE_CANCELLED,
		transfer->file.state == STORE_FILE_HASHING ? FILE_OWES_NOTHING : FILE_OWES_CANCEL,
		"cancelled", "the user has cancelled it");
	return ERR_OK;
}

json_t *files_describe(struct node *node, const struct store_file *file)
{
	const struct file_transfer *transfer = find_sequence(node->files, file->sequence);
	struct session *session = session_find(node, file->peer);
	uint64_t done = file->state == STORE_FILE_DONE ? (uint64_t)file->size : 0;
	double rate = 0;
	if (transfer && transfer->io)
		done = file->outgoing ? transfer->at : transfer->good;
	if (transfer && transfer->link && transfer->moved_since > 0 &&
		net_now() > transfer->moved_since && done >= transfer->moved_from)
		rate = (double)(done - transfer->moved_from) * USEC_PER_SEC /
		       (double)(net_now() - transfer->moved_since);
	json_t *object = json_pack("{s:I, s:s, s:s, s:s?, s:s, s:I, s:s, s:I, s:b, s:f, s:f}", "id",
		(json_int_t)file->sequence, "direction", file->outgoing ? "out" : "in", "peer",
		file->peer, "name", session ? session->name : NULL, "file", file->name, "size",
		(json_int_t)file->size, "state", store_file_state_name(file->state), "bytes_done",
		(json_int_t)done, "moving", transfer && transfer->link, "bytes_per_second", rate,
		"time", file->time);
	if (object && (file->outgoing || file->state == STORE_FILE_DONE))
		json_object_set_new(object, "path", json_string(file->path));
	if (object && file->hash[0])
		json_object_set_new(object, "sha256", json_string(file->hash));
	if (object && file->code[0])
		json_object_set_new(object, "error",
			json_pack("{s:s, s:s}", "code", file->code, "message", file->error));
	return object;
}

/* ---- Life ---- */

static void expire(void *user)
{
	struct files *files = user;
	double limit = node_unix_time() - NODE_FILE_WAIT_DAYS * 86400.0;
	LIST_FOREACH_SAFE (node, &files->list) {
		struct file_transfer *transfer = CONTAINER_OF(node, struct file_transfer, node);
		if (transfer->file.outgoing || transfer->link || transfer->file.time > limit ||
			store_file_has_ended(&transfer->file) || file_transfer_is_whole(transfer))
			continue;
		file_transfer_end(transfer, STORE_FILE_FAILED, FILE_OWES_NOTHING, "expired",
			transfer->file.state == STORE_FILE_OFFERED
				? "nobody has answered the offer for too long"
				: "its sender was not there for too long");
	}
	net_timer_set(&files->expiry, net_now() + NODE_FILE_EXPIRY_INTERVAL);
}

static enum err take_up(struct files *files)
{
	struct store_file file;
	struct file_transfer *transfer;
	int64_t after = 0;
	enum err err;
	while ((err = store_file_next(files->owner->store, after, true, &file)) == ERR_OK) {
		after = file.sequence;
		err = file_transfer_create(files, &file, &transfer);
		if (err == ERR_LIMIT)
			break;
		if (err)
			return err;
		transfer->known = file.outgoing && file.state != STORE_FILE_HASHING;
	}
	return err == ERR_NOT_FOUND || err == ERR_LIMIT ? ERR_OK : err;
}

enum err files_create(struct node *node, struct files **ret_files)
{
	struct files *files = calloc(1, sizeof(*files));
	if (!files)
		return ERR_NOMEM;
	files->owner = node;
	list_init(&files->list);
	file_spare_init(&files->spare);
	net_defer_init(&files->work, node->loop, work, files);
	enum err err = net_timer_init(&files->expiry, node->loop, expire, files);
	if (!err)
		err = take_up(files);
	if (err) {
		files_destroy(files);
		return err;
	}
	net_timer_set(&files->expiry, net_now());
	files_work_soon(files);
	*ret_files = files;
	return ERR_OK;
}

void files_destroy(struct files *files)
{
	if (!files)
		return;
	LIST_FOREACH_SAFE (node, &files->list)
		file_transfer_destroy(CONTAINER_OF(node, struct file_transfer, node));
	CHECK(files->hashing == 0);
	CHECK(files->hashes == 0);
	CHECK(files->open == 0);
	net_defer_cancel(&files->work);
	net_timer_deinit(&files->expiry);
	free(files);
}
