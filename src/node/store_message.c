#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/node_id.h"
#include "message/attachments.h"
#include "message/message.h"
#include "node/store_change.h"
#include "node/store_query.h"
#include "node/store_search.h"

static_assert(STORE_MESSAGE_ID_MAX == MESSAGE_ID_MAX, "what a peer may send can be stored");
static_assert(STORE_TEXT_MAX == MESSAGE_CHAT_TEXT_MAX, "what a peer may send can be stored");
/* The SQL of the schema and below writes these as numbers. */
static_assert(STORE_OUT == 0, "as in the schema");
static_assert(STORE_QUEUED < 2 && STORE_SENT < 2, "as in the schema: not delivered");
static_assert(STORE_DELIVERED == 2 && STORE_RECEIVED == 3, "as in the schema");
static_assert(STORE_READ == 4, "as in STORE_MESSAGE_COLUMNS");
static_assert(STORE_TEXT == 0 && STORE_EDIT == 1 && STORE_DELETION == 2, "as in the schema");

const char *store_direction_name(enum store_direction direction)
{
	return direction == STORE_OUT ? "out" : "in";
}

const char *store_state_name(enum store_state state)
{
	static const char *const names[] = {[STORE_QUEUED] = "queued",
		[STORE_SENT] = "sent",
		[STORE_DELIVERED] = "delivered",
		[STORE_RECEIVED] = "received",
		[STORE_READ] = "read"};
	CHECK(state < sizeof names / sizeof *names);
	return names[state];
}

void store_message_deinit(struct store_message *message)
{
	free(message->text);
	free(message->attachments);
	*message = (struct store_message){0};
}

void store_page_deinit(struct store_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		store_message_deinit(&page->messages[i]);
	free(page->messages);
	*page = (struct store_page){0};
}

void store_read_message(struct query *query, struct store_message *ret_message)
{
	struct store_message m = {.sequence = query_integer(query, 0)};
	query_read_text(query, 1, m.id, sizeof m.id);
	query_read_text(query, 2, m.peer, sizeof m.peer);
	int64_t direction = query_integer(query, 3), state = query_integer(query, 4);
	int64_t kind = query_integer(query, 7);
	if (direction < STORE_OUT || direction > STORE_IN || state < STORE_QUEUED ||
		state > STORE_READ || kind < STORE_TEXT || kind > STORE_DELETION) {
		if (!query->err)
			query->err = store_failed(query->store, SQLITE_CORRUPT);
		return;
	}
	m.direction = (enum store_direction)direction;
	m.state = (enum store_state)state;
	m.kind = (enum store_kind)kind;
	m.timestamp = query_real(query, 5);
	query_read_text(query, 8, m.refers, sizeof m.refers);
	m.edited = query_real(query, 9);
	m.deleted = query_integer(query, 10) != 0;
	m.text = query_copy_text(query, 6);
	m.attachments = query_copy_text(query, 11);
	if (query->err)
		store_message_deinit(&m);
	else
		*ret_message = m;
}

enum err store_read_page(struct query *query, size_t count_max, struct store_page *ret_page)
{
	struct store_page page = {.messages = calloc(count_max + 1, sizeof *page.messages)};
	if (!page.messages && !query->err)
		query->err = ERR_NOMEM;
	while (!query->err && query_next(query)) {
		if (page.count == count_max) {
			page.more = true;
			break;
		}
		store_read_message(query, &page.messages[page.count]);
		if (!query->err)
			page.count++;
	}
	enum err err = query_end(query);
	if (err)
		store_page_deinit(&page);
	else
		*ret_page = page;
	return err;
}

enum err store_check_text(struct store *store, const char *text)
{
	struct bytes b = bytes_of_text(text);
	if (b.size > STORE_TEXT_MAX) {
		fault_set(&store->fault, "the text is longer than %d bytes", STORE_TEXT_MAX);
		return ERR_TOO_LARGE;
	}
	if (b.size == 0 || !utf8_is_valid(b)) {
		fault_set(&store->fault, "the text is empty, or not UTF-8");
		return ERR_MALFORMED;
	}
	return ERR_OK;
}

static enum err check_draft(struct store *store, const char *peer, const struct store_draft *draft)
{
	enum err err = store_check_text(store, draft->text);
	if (!err && (!node_id_is_valid(peer) || !message_id_is_valid(draft->id) ||
			    (draft->reply_to && !message_id_is_valid(draft->reply_to)) ||
			    !isfinite(draft->timestamp))) {
		fault_set(&store->fault, "a message with an ill-formed peer, id or time");
		err = ERR_MALFORMED;
	}
	return err;
}

enum err store_check_room(struct store *store, const char *peer, enum store_direction direction)
{
	struct query query = query_of(store, "SELECT messages, pending FROM peers WHERE peer = ?");
	query_bind_text(&query, peer);
	int64_t messages = 0, pending = 0;
	if (query_next(&query)) {
		messages = query_integer(&query, 0);
		pending = query_integer(&query, 1);
	}
	enum err err = query_end(&query);
	if (err)
		return err;
	if (direction == STORE_OUT && pending >= STORE_OUTBOX_MAX) {
		fault_set(&store->fault, "%d messages wait for '%s' already; let it come online",
			STORE_OUTBOX_MAX, peer);
		return ERR_LIMIT;
	}
	if (messages >= STORE_HISTORY_MAX) {
		fault_set(&store->fault, "the history of '%s' is full (%d messages)", peer,
			STORE_HISTORY_MAX);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

static enum err insert_message(struct store *store, const char *peer,
	enum store_direction direction, const struct store_draft *draft, const char *attachments)
{
	struct query query = query_of(store,
		"INSERT INTO messages (peer, direction, id, state, timestamp, text, refers, "
		"attachments) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, draft->id);
	query_bind_integer(&query, direction == STORE_OUT ? STORE_QUEUED : STORE_RECEIVED);
	query_bind_real(&query, draft->timestamp);
	query_bind_text(&query, draft->text);
	query_bind_text(&query, draft->reply_to ? draft->reply_to : "");
	query_bind_text(&query, attachments);
	enum err err = query_run(&query, NULL);
	return err ? err : store_search_add(store, sqlite3_last_insert_rowid(store->db));
}

static enum err find_message(struct store *store, const char *peer, enum store_direction direction,
	const char *id, int64_t *ret_state)
{
	struct query query = query_of(
		store, "SELECT state FROM messages WHERE peer = ? AND direction = ? AND id = ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, id);
	return query_run_integer(&query, ret_state);
}

/* What they mean, and nothing else that a peer may have put there. NULL: out of memory. */
static char *write_attachments(const json_t *attachments)
{
	if (!attachments)
		return text_duplicate("");
	json_t *list = json_array();
	for (size_t i = 0; i < json_array_size(attachments); i++) {
		struct attachment one = attachment_at(attachments, i);
		json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "id", one.id, "name",
						    one.name, "size", (json_int_t)one.size));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static enum err insert_draft(struct store *store, const char *peer, enum store_direction direction,
	const struct store_draft *draft)
{
	char *text = write_attachments(draft->attachments);
	enum err err = text ? insert_message(store, peer, direction, draft, text) : ERR_NOMEM;
	free(text);
	return err;
}

static enum err add_new(struct store *store, const char *peer, enum store_direction direction,
	const struct store_draft *draft)
{
	int64_t state;
	enum err err = find_message(store, peer, direction, draft->id, &state);
	if (err != ERR_NOT_FOUND) {
		if (!err)
			fault_set(&store->fault, "there is a message '%s' already", draft->id);
		return err ? err : ERR_EXISTS;
	}
	err = store_check_room(store, peer, direction);
	return err ? err : insert_draft(store, peer, direction, draft);
}

static enum err add(struct store *store, const char *peer, enum store_direction direction,
	const struct store_draft *draft)
{
	enum err err = check_draft(store, peer, draft);
	if (!err)
		err = store_begin(store);
	return err ? err : store_end(store, add_new(store, peer, direction, draft));
}

enum err store_outbox_add(struct store *store, const char *peer, const struct store_draft *draft)
{
	return add(store, peer, STORE_OUT, draft);
}

enum err store_receive(
	struct store *store, const char *peer, const struct store_draft *draft, bool *ret_new)
{
	enum err err = add(store, peer, STORE_IN, draft);
	if (err && err != ERR_EXISTS)
		return err;
	*ret_new = !err;
	return ERR_OK;
}

enum err store_outbox_pending(struct store *store, const char *peer, int64_t after,
	size_t count_max, struct store_page *ret_page)
{
	count_max = min_size(count_max, STORE_PAGE_MAX);
	struct query query =
		query_of(store, "SELECT " STORE_MESSAGE_COLUMNS
				" FROM messages m WHERE peer = ? AND state < 2 AND sequence > ? "
				"ORDER BY sequence LIMIT ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, after);
	query_bind_integer(&query, (int64_t)count_max + 1);
	return store_read_page(&query, count_max, ret_page);
}

enum err store_outbox_count(struct store *store, const char *peer, size_t *ret_count)
{
	int64_t count = 0;
	struct query query = query_of(
		store, "SELECT coalesce(sum(pending), 0) FROM peers WHERE ?1 IS NULL OR peer = ?1");
	query_bind_text(&query, peer);
	enum err err = query_run_integer(&query, &count);
	if (!err)
		*ret_count = (size_t)count;
	return err;
}

enum err store_outbox_peers(struct store *store, const char *after_peer,
	char (*peers)[STORE_NODE_ID_MAX + 1], size_t capacity, size_t *ret_count)
{
	struct query query = query_of(store,
		"SELECT peer FROM peers WHERE pending > 0 AND peer > ? ORDER BY peer LIMIT ?");
	query_bind_text(&query, after_peer);
	query_bind_integer(&query, (int64_t)capacity);
	size_t count = 0;
	while (count < capacity && query_next(&query))
		query_read_text(&query, 0, peers[count++], sizeof *peers);
	enum err err = query_end(&query);
	if (!err)
		*ret_count = count;
	return err;
}

/* Marks in the outbox do not wait for the disk: one that a power cut undoes only leads to a
 * redelivery, which the peer recognises by the id. */
enum err store_mark_sent(struct store *store, const char *peer, const char *id)
{
	size_t changes = 0;
	int64_t state;
	struct query query = query_of(store,
		"UPDATE messages SET state = 1 WHERE peer = ? AND direction = 0 AND id = ? AND "
		"state = 0");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	enum err err = query_run_unsynced(&query, &changes);
	if (err || changes > 0)
		return err;
	return find_message(store, peer, STORE_OUT, id, &state);
}

enum err store_mark_unsent(struct store *store, const char *peer)
{
	struct query query = query_of(
		store, "UPDATE messages SET state = 0 WHERE peer = ? AND state < 2 AND state = 1");
	query_bind_text(&query, peer);
	return query_run_unsynced(&query, NULL);
}

enum err store_mark_delivered(
	struct store *store, const char *peer, const char *id, bool *ret_first)
{
	size_t changes = 0;
	int64_t state;
	struct query query = query_of(store,
		"UPDATE messages SET state = 2 WHERE peer = ? AND direction = 0 AND id = ? AND "
		"state < 2 AND kind = 0");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	enum err err = query_run_unsynced(&query, &changes);
	if (!err && changes == 0)
		err = store_change_remove(store, peer, id, &changes);
	if (!err && changes == 0)
		err = find_message(store, peer, STORE_OUT, id, &state);
	if (!err && ret_first)
		*ret_first = changes > 0;
	return err;
}

enum err store_message_get(struct store *store, const char *peer, enum store_direction direction,
	const char *id, struct store_message *ret_message)
{
	struct store_page page = {0};
	struct query query =
		query_of(store, "SELECT " STORE_MESSAGE_COLUMNS
				" FROM messages m WHERE peer = ? AND direction = ? AND id = ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, id);
	enum err err = store_read_page(&query, 1, &page);
	if (!err && page.count == 0)
		err = ERR_NOT_FOUND;
	if (!err) {
		*ret_message = page.messages[0];
		page.count = 0; /* the text has moved */
	}
	store_page_deinit(&page);
	return err;
}

static void reverse(struct store_page *page)
{
	for (size_t i = 0, j = page->count; i + 1 < j; i++) {
		struct store_message first = page->messages[i];
		page->messages[i] = page->messages[--j];
		page->messages[j] = first;
	}
}

enum err store_history(struct store *store, const char *peer, int64_t before, size_t count_max,
	struct store_page *ret_page)
{
	count_max = min_size(count_max, STORE_PAGE_MAX);
	struct query query =
		query_of(store, "SELECT " STORE_MESSAGE_COLUMNS
				" FROM messages m WHERE peer = ? AND sequence < ? AND kind = 0 "
				"ORDER BY sequence DESC LIMIT ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, before > 0 ? before : INT64_MAX);
	query_bind_integer(&query, (int64_t)count_max + 1);
	enum err err = store_read_page(&query, count_max, ret_page);
	if (!err)
		reverse(ret_page);
	return err;
}

enum err store_history_sequence(
	struct store *store, const char *peer, const char *id, int64_t *ret_sequence)
{
	struct query query = query_of(store, "SELECT sequence FROM messages WHERE peer = ? AND "
					     "direction IN (0, 1) AND id = ? AND kind = 0 "
					     "ORDER BY +sequence DESC LIMIT 1");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	return query_run_integer(&query, ret_sequence);
}
