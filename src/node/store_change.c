#include "node/store_change.h"

#include <string.h>

#include "base/text.h"
#include "message/message.h"
#include "node/store_query.h"
#include "node/store_search.h"

/* Between two edits of one message, where the clock says that there was no time between them. */
#define EDIT_STEP 0.001

static enum err unknown(struct store *store, const char *id)
{
	fault_set(&store->fault, "there is no message '%s'", id);
	return ERR_NOT_FOUND;
}

/* ---- Finding ---- */

/* The only row, if there is one. ERR_MISMATCH: there are several. */
static enum err read_only(struct query *query, struct store_message *ret_message)
{
	struct store_message message = {0}, other = {0};
	enum err found = ERR_NOT_FOUND;
	if (query_next(query)) {
		store_read_message(query, &message);
		found = ERR_OK;
	}
	if (query_next(query)) {
		store_read_message(query, &other);
		found = ERR_MISMATCH;
	}
	store_message_deinit(&other);
	enum err err = query_end(query);
	if (!err)
		err = found;
	if (err)
		store_message_deinit(&message);
	else
		*ret_message = message;
	return err;
}

/* Ids of ours have so many characters: a whole one is not taken for the beginning of another, but a
 * shorter one of a peer's is no better than any other that begins so. */
#define ID_WHOLE 32

static enum err find_ids(struct store *store, const char *peer, int direction, const char *id,
	const char *end, struct store_message *ret_message)
{
	struct query query = query_of(store,
		"SELECT " STORE_MESSAGE_COLUMNS " FROM messages m WHERE peer = ?1 "
		"AND direction BETWEEN ?2 AND ?3 AND id >= ?4 AND id <= ?4 || ?5 AND kind = 0 "
		"LIMIT 2");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction == STORE_EITHER ? STORE_OUT : direction);
	query_bind_integer(&query, direction == STORE_EITHER ? STORE_IN : direction);
	query_bind_text(&query, id);
	query_bind_text(&query, end);
	return read_only(&query, ret_message);
}

enum err store_message_find(struct store *store, const char *peer, int direction, const char *id,
	struct store_message *ret_message)
{
	size_t size = strlen(id);
	bool may_begin = size >= STORE_ID_START_MIN;
	enum err err = ERR_NOT_FOUND;
	if (!message_id_is_valid(id))
		return unknown(store, id);
	if (size >= ID_WHOLE || !may_begin)
		err = find_ids(store, peer, direction, id, "", ret_message);
	if (err == ERR_NOT_FOUND && may_begin) /* all that may be in an id is below DEL */
		err = find_ids(store, peer, direction, id, "\x7f", ret_message);
	if (err == ERR_MISMATCH)
		fault_set(&store->fault, "several messages begin with '%s'", id);
	return err == ERR_NOT_FOUND ? unknown(store, id) : err;
}

enum err store_message_last(
	struct store *store, const char *peer, struct store_message *ret_message)
{
	struct query query = query_of(store,
		"SELECT " STORE_MESSAGE_COLUMNS " FROM messages m WHERE peer = ? "
		"AND direction = 0 AND kind = 0 AND deleted = 0 ORDER BY sequence DESC LIMIT 1");
	query_bind_text(&query, peer);
	enum err err = read_only(&query, ret_message);
	if (err == ERR_NOT_FOUND)
		fault_set(&store->fault, "there is no message of yours");
	return err;
}

/* Where a text is that can be changed, and when it was. */
struct place {
	int64_t sequence, state;
	double edited;
	bool deleted;
};

static enum err find_text(struct store *store, const char *peer, enum store_direction direction,
	const char *id, struct place *ret_place)
{
	struct query query = query_of(store,
		"SELECT sequence, state, edited, deleted FROM messages WHERE peer = ? AND "
		"direction = ? AND id = ? AND kind = 0");
	query_bind_text(&query, peer);
	query_bind_integer(&query, direction);
	query_bind_text(&query, id);
	bool found = query_next(&query);
	if (found)
		*ret_place = (struct place){.sequence = query_integer(&query, 0),
			.state = query_integer(&query, 1),
			.edited = query_real(&query, 2),
			.deleted = query_integer(&query, 3) != 0};
	enum err err = query_end(&query);
	return err || found ? err : unknown(store, id);
}

/* ---- Edits ---- */

static enum err put_text(
	struct store *store, const struct place *place, const char *text, double timestamp)
{
	enum err err = store_search_remove(store, place->sequence);
	if (err)
		return err;
	struct query query =
		query_of(store, "UPDATE messages SET text = ?, edited = ? WHERE sequence = ?");
	query_bind_text(&query, text);
	query_bind_real(&query, timestamp);
	query_bind_integer(&query, place->sequence);
	err = query_run(&query, NULL);
	return err ? err : store_search_add(store, place->sequence);
}

/* Into the outbox. */
static enum err add_change(struct store *store, const char *peer, enum store_kind kind,
	const char *change_id, const char *target, const char *text, double timestamp)
{
	struct query query = query_of(store,
		"INSERT INTO messages (peer, direction, id, state, timestamp, text, kind, refers) "
		"VALUES (?, 0, ?, 0, ?, ?, ?, ?)");
	query_bind_text(&query, peer);
	query_bind_text(&query, change_id);
	query_bind_real(&query, timestamp);
	query_bind_text(&query, text);
	query_bind_integer(&query, kind);
	query_bind_text(&query, target);
	return query_run(&query, NULL);
}

/* Of edits that wait the last says it all. */
static enum err replace_edits(struct store *store, const char *peer, const char *id)
{
	struct query query = query_of(store, "DELETE FROM messages WHERE peer = ? AND state < 2 "
					     "AND state = 0 AND kind = 1 AND refers = ?");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	return query_run(&query, NULL);
}

static enum err edit(struct store *store, const char *peer, const char *id, const char *change_id,
	const char *text, double now)
{
	struct place place;
	enum err err = find_text(store, peer, STORE_OUT, id, &place);
	if (!err && place.deleted)
		err = unknown(store, id);
	if (!err)
		err = replace_edits(store, peer, id);
	if (!err)
		err = store_check_room(store, peer, STORE_OUT);
	if (err)
		return err;
	double later = place.edited + EDIT_STEP, timestamp = now > later ? now : later;
	err = add_change(store, peer, STORE_EDIT, change_id, id, text, timestamp);
	return err ? err : put_text(store, &place, text, timestamp);
}

enum err store_edit(struct store *store, const char *peer, const char *id, const char *change_id,
	const char *text, double now)
{
	enum err err = store_check_text(store, text);
	if (!err)
		err = store_begin(store);
	return err ? err : store_end(store, edit(store, peer, id, change_id, text, now));
}

static enum err peer_edit(struct store *store, const char *peer, const char *id, const char *text,
	double timestamp, bool *ret_changed)
{
	struct place place;
	enum err err = find_text(store, peer, STORE_IN, id, &place);
	if (err)
		return err;
	*ret_changed = !place.deleted && place.edited < timestamp;
	return *ret_changed ? put_text(store, &place, text, timestamp) : ERR_OK;
}

enum err store_peer_edit(struct store *store, const char *peer, const char *id, const char *text,
	double timestamp, bool *ret_changed)
{
	enum err err = store_check_text(store, text);
	if (!err)
		err = store_begin(store);
	return err ? err
		   : store_end(store, peer_edit(store, peer, id, text, timestamp, ret_changed));
}

/* ---- Deletions ---- */

/* The message stays as a place in the history; its text is gone, and it waits for nobody. */
static enum err wipe(struct store *store, const struct place *place)
{
	enum err err = store_search_remove(store, place->sequence);
	if (err)
		return err;
	struct query query = query_of(store, "UPDATE messages SET text = '', attachments = '', "
					     "deleted = 1, state = max(state, 2) WHERE sequence "
					     "= ?");
	query_bind_integer(&query, place->sequence);
	return query_run(&query, NULL);
}

/* Edits of it that wait say nothing any more. */
static enum err forget_edits(struct store *store, const char *peer, const char *id)
{
	struct query query = query_of(store, "UPDATE messages SET text = '' WHERE peer = ? AND "
					     "state < 2 AND kind = 1 AND refers = ?");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	return query_run(&query, NULL);
}

static enum err delete_sent(struct store *store, const char *peer, const char *id,
	const char *change_id, enum store_state *ret_was)
{
	struct place place;
	enum err err = find_text(store, peer, STORE_OUT, id, &place);
	if (!err && place.deleted)
		err = unknown(store, id);
	/* There is one at most for each message, and it makes room more often than it takes it. */
	if (!err)
		err = add_change(store, peer, STORE_DELETION, change_id, id, "", 0);
	if (!err)
		err = forget_edits(store, peer, id);
	if (!err)
		err = wipe(store, &place);
	if (!err)
		*ret_was = (enum store_state)place.state;
	return err;
}

enum err store_delete(struct store *store, const char *peer, const char *id, const char *change_id,
	enum store_state *ret_was)
{
	enum err err = store_begin(store);
	return err ? err : store_end(store, delete_sent(store, peer, id, change_id, ret_was));
}

static enum err delete_received(
	struct store *store, const char *peer, const char *id, bool *ret_changed)
{
	struct place place;
	enum err err = find_text(store, peer, STORE_IN, id, &place);
	if (err)
		return err;
	*ret_changed = !place.deleted;
	return place.deleted ? ERR_OK : wipe(store, &place);
}

/* What never came is not to come later, over another link: its id is used up. */
static enum err refuse_later(struct store *store, const char *peer, const char *id)
{
	enum err err = store_check_room(store, peer, STORE_IN);
	if (err)
		return err;
	struct query query = query_of(store,
		"INSERT INTO messages (peer, direction, id, state, timestamp, text, kind, refers) "
		"VALUES (?1, 1, ?2, 3, 0, '', 2, ?2) ON CONFLICT DO NOTHING");
	query_bind_text(&query, peer);
	query_bind_text(&query, id);
	return query_run(&query, NULL);
}

static enum err peer_delete(
	struct store *store, const char *peer, const char *id, bool *ret_changed)
{
	*ret_changed = false;
	enum err err = delete_received(store, peer, id, ret_changed);
	return err == ERR_NOT_FOUND ? refuse_later(store, peer, id) : err;
}

enum err store_peer_delete(struct store *store, const char *peer, const char *id, bool *ret_changed)
{
	enum err err = store_begin(store);
	return err ? err : store_end(store, peer_delete(store, peer, id, ret_changed));
}

enum err store_delete_received(struct store *store, const char *peer, const char *id)
{
	bool changed = false;
	enum err err = store_begin(store);
	if (!err)
		err = store_end(store, delete_received(store, peer, id, &changed));
	return err || changed ? err : unknown(store, id);
}

enum err store_change_remove(
	struct store *store, const char *peer, const char *change_id, size_t *ret_count)
{
	/* One that a power cut brings back is sent again, and done again, which changes nothing. */
	struct query query = query_of(store,
		"DELETE FROM messages WHERE peer = ? AND direction = 0 AND id = ? AND kind > 0");
	query_bind_text(&query, peer);
	query_bind_text(&query, change_id);
	return query_run_unsynced(&query, ret_count);
}

/* ---- What is read ---- */

enum err store_read_here(struct store *store, const char *peer, const char *id)
{
	struct place place = {.sequence = INT64_MAX};
	enum err err = id ? find_text(store, peer, STORE_IN, id, &place) : ERR_OK;
	if (err)
		return err;
	/* Up to what there is: what comes later is not read. */
	struct query query = query_of(store,
		"UPDATE peers SET read_here = max(read_here, min(?1, (SELECT "
		"coalesce(max(sequence), 0) FROM messages WHERE peer = ?2))) WHERE peer = ?2");
	query_bind_integer(&query, place.sequence);
	query_bind_text(&query, peer);
	return query_run_unsynced(&query, NULL);
}

enum err store_read_position(struct store *store, const char *peer, char *id)
{
	struct query query = query_of(store,
		"SELECT id FROM messages WHERE peer = ?1 AND direction = 1 AND kind = 0 AND "
		"deleted = 0 AND sequence <= (SELECT read_here FROM peers WHERE peer = ?1) "
		"ORDER BY sequence DESC LIMIT 1");
	query_bind_text(&query, peer);
	bool found = query_next(&query);
	if (found)
		query_read_text(&query, 0, id, STORE_MESSAGE_ID_MAX + 1);
	enum err err = query_end(&query);
	return err || found ? err : ERR_NOT_FOUND;
}

enum err store_read_there(struct store *store, const char *peer, const char *id, bool *ret_changed)
{
	struct place place;
	size_t changes = 0;
	enum err err = find_text(store, peer, STORE_OUT, id, &place);
	if (err)
		return err;
	struct query query = query_of(
		store, "UPDATE peers SET read_there = ?1 WHERE peer = ?2 AND read_there < ?1");
	query_bind_integer(&query, place.sequence);
	query_bind_text(&query, peer);
	err = query_run_unsynced(&query, &changes);
	*ret_changed = changes > 0;
	return err;
}

enum err store_unread(struct store *store, const char *peer, size_t *ret_count)
{
	int64_t count = 0;
	struct query query = query_of(store,
		"SELECT count(*) FROM (SELECT 1 FROM messages WHERE peer = ?1 AND sequence > "
		"(SELECT read_here FROM peers WHERE peer = ?1) AND direction = 1 AND kind = 0 AND "
		"deleted = 0 LIMIT ?2)");
	query_bind_text(&query, peer);
	query_bind_integer(&query, STORE_UNREAD_MAX);
	enum err err = query_run_integer(&query, &count);
	if (!err)
		*ret_count = (size_t)count;
	return err;
}
