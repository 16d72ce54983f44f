#include "node/store_file.h"

#include "node/store_query.h"

#define COLUMNS "sequence, peer, outgoing, id, name, path, size, hash, state, time, code, error"

const char *store_file_state_name(enum store_file_state state)
{
	static const char *const names[] = {
		[STORE_FILE_HASHING] = "hashing",
		[STORE_FILE_OFFERED] = "offered",
		[STORE_FILE_ACCEPTED] = "accepted",
		[STORE_FILE_DONE] = "done",
		[STORE_FILE_REJECTED] = "rejected",
		[STORE_FILE_CANCELLED] = "cancelled",
		[STORE_FILE_FAILED] = "failed",
	};
	CHECK(state <= STORE_FILE_FAILED);
	return names[state];
}

static enum err prune(struct store *store, int64_t last)
{
	struct query query =
		query_of(store, "DELETE FROM files WHERE sequence <= ? AND state >= 3");
	query_bind_integer(&query, last - STORE_FILES_MAX);
	return query_run_unsynced(&query, NULL);
}

enum err store_file_add(struct store *store, struct store_file *file)
{
	size_t added = 0;
	struct query query =
		query_of(store, "INSERT INTO files (peer, outgoing, id, name, path, size, hash, "
				"state, time, code, error)"
				" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
	query_bind_text(&query, file->peer);
	query_bind_integer(&query, file->outgoing);
	query_bind_text(&query, file->id);
	query_bind_text(&query, file->name);
	query_bind_text(&query, file->path);
	query_bind_integer(&query, file->size);
	query_bind_text(&query, file->hash);
	query_bind_integer(&query, file->state);
	query_bind_real(&query, file->time);
	query_bind_text(&query, file->code);
	query_bind_text(&query, file->error);
	enum err err = query_run(&query, &added);
	if (err)
		return err;
	if (added == 0)
		return ERR_EXISTS;
	file->sequence = sqlite3_last_insert_rowid(store->db);
	return file->sequence > STORE_FILES_MAX ? prune(store, file->sequence) : ERR_OK;
}

enum err store_file_update(struct store *store, const struct store_file *file)
{
	struct query query = query_of(store, "UPDATE files SET path = ?, hash = ?, state = ?, code "
					     "= ?, error = ? WHERE sequence = ?");
	query_bind_text(&query, file->path);
	query_bind_text(&query, file->hash);
	query_bind_integer(&query, file->state);
	query_bind_text(&query, file->code);
	query_bind_text(&query, file->error);
	query_bind_integer(&query, file->sequence);
	return query_run(&query, NULL);
}

/* Ends a query for one row. */
static enum err read_one(struct query *query, struct store_file *ret_file)
{
	struct store_file file = {0};
	bool found = query_next(query);
	if (found) {
		file.sequence = query_integer(query, 0);
		query_read_text(query, 1, file.peer, sizeof file.peer);
		file.outgoing = query_integer(query, 2) != 0;
		query_read_text(query, 3, file.id, sizeof file.id);
		query_read_text(query, 4, file.name, sizeof file.name);
		query_read_text(query, 5, file.path, sizeof file.path);
		file.size = query_integer(query, 6);
		query_read_text(query, 7, file.hash, sizeof file.hash);
		int64_t state = query_integer(query, 8);
		file.state = state >= 0 && state <= STORE_FILE_FAILED ? (enum store_file_state)state
								      : STORE_FILE_FAILED;
		file.time = query->err ? 0 : sqlite3_column_double(query->statement, 9);
		query_read_text(query, 10, file.code, sizeof file.code);
		query_read_text(query, 11, file.error, sizeof file.error);
	}
	enum err err = query_end(query);
	if (err)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	*ret_file = file;
	return ERR_OK;
}

enum err store_file_get(struct store *store, int64_t sequence, struct store_file *ret_file)
{
	struct query query = query_of(store, "SELECT " COLUMNS " FROM files WHERE sequence = ?");
	query_bind_integer(&query, sequence);
	return read_one(&query, ret_file);
}

enum err store_file_find(struct store *store, const char *peer, bool outgoing, const char *id,
	struct store_file *ret_file)
{
	struct query query = query_of(
		store, "SELECT " COLUMNS " FROM files WHERE peer = ? AND outgoing = ? AND id = ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, outgoing);
	query_bind_text(&query, id);
	return read_one(&query, ret_file);
}

enum err store_file_next(
	struct store *store, int64_t after, bool unfinished, struct store_file *ret_file)
{
	struct query query =
		query_of(store, "SELECT " COLUMNS " FROM files WHERE sequence > ? AND state < ?"
				" ORDER BY sequence LIMIT 1");
	query_bind_integer(&query, after);
	query_bind_integer(&query, unfinished ? STORE_FILE_DONE : STORE_FILE_FAILED + 1);
	return read_one(&query, ret_file);
}

enum err store_file_before_last(struct store *store, size_t count, int64_t *ret_sequence)
{
	struct query query =
		query_of(store, "SELECT coalesce(min(sequence), 1) - 1 FROM"
				" (SELECT sequence FROM files ORDER BY sequence DESC LIMIT ?)");
	query_bind_integer(&query, (int64_t)count);
	return query_run_integer(&query, ret_sequence);
}
