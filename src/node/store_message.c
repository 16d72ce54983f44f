#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/node_id.h"
#include "message/message.h"
#include "node/store_query.h"
#include "node/store_search.h"

static_assert(STORE_MESSAGE_ID_MAX == MESSAGE_ID_MAX, "what a peer may send can be stored");
static_assert(STORE_TEXT_MAX == MESSAGE_CHAT_TEXT_MAX, "what a peer may send can be stored");
/* The SQL of the schema and below writes these as numbers. */
static_assert(STORE_OUT == 0, "as in the schema");
static_assert(STORE_QUEUED < 2 && STORE_SENT < 2, "as in the schema: not delivered");
static_assert(STORE_DELIVERED == 2 && STORE_RECEIVED == 3, "as in the schema");

const char *store_direction_name(enum store_direction direction)
{
	return direction == STORE_OUT ? "out" : "in";
}

const char *store_state_name(enum store_state state)
{
	static const char *const names[] = {[STORE_QUEUED] = "queued",
		[STORE_SENT] = "sent",
		[STORE_DELIVERED] = "delivered",
		[STORE_RECEIVED] = "received"};
	CHECK(state < sizeof names / sizeof *names);
	return names[state];
}

void store_message_deinit(struct store_message *message)
{
	free(message->text);
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
	if (direction < STORE_OUT || direction > STORE_IN || state < STORE_QUEUED ||
		state > STORE_RECEIVED) {
		if (!query->err)
			query->err = store_failed(query->store, SQLITE_CORRUPT);
		return;
	}
	m.direction = (enum store_direction)direction;
	m.state = (enum store_state)state;
	if (!query->err)
		m.timestamp = sqlite3_column_double(query->statement, 5);
	m.text = query_copy_text(query, 6);
	if (m.text)
		*ret_message = m;
}

/* Reads `count_max` rows and sees whether there is one more; the query asks for that many. */
static enum err read_page(struct query *query, size_t count_max, struct store_page *ret_page)
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

static enum err check_message(
	struct store *store, const char *peer, const char *id, const char *text, double timestamp)
{
	struct bytes b = bytes_of_text(text);
	if (b.size > STORE_TEXT_MAX) {
		fault_set(&store->fault, "the text is longer than %d bytes", STORE_TEXT_MAX);
		return ERR_TOO_LARGE;
	}
	if (b.size == 0 || !utf8_is_valid(b) || !node_id_is_valid(peer) ||
		!message_id_is_valid(id) || !isfinite(timestamp)) {
		fault_set(&store->fault, "a message with an ill-formed text, peer, id or time");
		return ERR_MALFORMED;
	}
	return ERR_OK;
}

/* ERR_LIMIT when no further message fits. */
static enum err check_room(struct store *store, const char *peer, enum store_direction direction)
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
	enum store_direction direction, const char *id, const char *text, double timestamp)
{
	struct query query = query_of(store,
		"INSERT INTO messages (peer, direction, id, state, timestamp, text) VALUES "
		"(?, ?, ?, ?, ?, ?)");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, id);
	query_bind_integer(&query, direction == STORE_OUT ? STORE_QUEUED : STORE_RECEIVED);
	query_bind_real(&query, timestamp);
	query_bind_text(&query, text);
	enum err err = query_run(&query, NULL);
	return err ? err : store_search_add(store, peer, text);
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

static enum err add_new(struct store *store, const char *peer, enum store_direction direction,
	const char *id, const char *text, double timestamp)
{
	int64_t state;
	enum err err = find_message(store, peer, direction, id, &state);
	if (err != ERR_NOT_FOUND) {
		if (!err)
			fault_set(&store->fault, "there is a message '%s' already", id);
		return err ? err : ERR_EXISTS;
	}
	err = check_room(store, peer, direction);
	return err ? err : insert_message(store, peer, direction, id, text, timestamp);
}

static enum err add(struct store *store, const char *peer, enum store_direction direction,
	const char *id, const char *text, double timestamp)
{
	enum err err = check_message(store, peer, id, text, timestamp);
	if (!err)
		err = store_begin(store);
	return err ? err : store_end(store, add_new(store, peer, direction, id, text, timestamp));
}

enum err store_outbox_add(
	struct store *store, const char *peer, const char *id, const char *text, double timestamp)
{
	return add(store, peer, STORE_OUT, id, text, timestamp);
}

enum err store_receive(struct store *store, const char *peer, const char *id, const char *text,
	double timestamp, bool *ret_new)
{
	enum err err = add(store, peer, STORE_IN, id, text, timestamp);
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
				" FROM messages WHERE peer = ? AND state < 2 AND sequence > ? "
				"ORDER BY sequence LIMIT ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, after);
	query_bind_integer(&query, (int64_t)count_max + 1);
	return read_page(&query, count_max, ret_page);
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
		"state < 2");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	enum err err = query_run_unsynced(&query, &changes);
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
				" FROM messages WHERE peer = ? AND direction = ? AND id = ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, id);
	enum err err = read_page(&query, 1, &page);
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
	struct query query = query_of(store,
		"SELECT " STORE_MESSAGE_COLUMNS " FROM messages WHERE peer = ? AND sequence < ? "
		"ORDER BY sequence DESC LIMIT ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, before > 0 ? before : INT64_MAX);
	query_bind_integer(&query, (int64_t)count_max + 1);
	enum err err = read_page(&query, count_max, ret_page);
	if (!err)
		reverse(ret_page);
	return err;
}

enum err store_history_sequence(
	struct store *store, const char *peer, const char *id, int64_t *ret_sequence)
{
	struct query query = query_of(store,
		"SELECT sequence FROM messages WHERE peer = ? AND direction IN (0, 1) AND id = ? "
		"ORDER BY sequence DESC LIMIT 1");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	return query_run_integer(&query, ret_sequence);
}
