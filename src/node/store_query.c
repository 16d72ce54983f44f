#include "node/store_query.h"

#include "base/text.h"

enum err store_failed(struct store *store, int code)
{
	const char *cause = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		fault_set(&store->fault,
			"the database '%s' is damaged (%s); move it away or restore a copy, then "
			"start again",
			store->path, cause);
		return ERR_CORRUPT;
	case SQLITE_NOMEM:
		fault_set(&store->fault, "the database '%s': out of memory", store->path);
		return ERR_NOMEM;
	case SQLITE_CONSTRAINT:
		fault_set(&store->fault, "the database '%s': already there", store->path);
		return ERR_EXISTS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		fault_set(&store->fault,
			"the database '%s' is in use; is another program writing to it?",
			store->path);
		return ERR_IO;
	case SQLITE_FULL:
		fault_set(&store->fault, "the database '%s': the disk is full; make room",
			store->path);
		return ERR_IO;
	default:
		fault_set(&store->fault, "the database '%s': %s", store->path, cause);
		return ERR_IO;
	}
}

enum err store_execute(struct store *store, const char *sql)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? ERR_OK : store_failed(store, code);
}

enum err store_begin(struct store *store)
{
	return store_execute(store, "BEGIN IMMEDIATE");
}

enum err store_end(struct store *store, enum err err)
{
	if (!err)
		err = store_execute(store, "COMMIT");
	/* A failed COMMIT leaves the transaction open, some failures have ended it already. */
	if (err && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

static void fail(struct query *query, int code)
{
	if (!query->err)
		query->err = store_failed(query->store, code);
}

struct query query_of(struct store *store, const char *sql)
{
	struct query query = {.store = store, .parameter = 1};
	int code = sqlite3_prepare_v2(store->db, sql, -1, &query.statement, NULL);
	if (code != SQLITE_OK)
		fail(&query, code);
	return query;
}

void query_bind_text(struct query *query, const char *text)
{
	if (query->err)
		return;
	int code = sqlite3_bind_text(query->statement, query->parameter++, text, -1, SQLITE_STATIC);
	if (code != SQLITE_OK)
		fail(query, code);
}

void query_bind_integer(struct query *query, int64_t value)
{
	if (query->err)
		return;
	int code = sqlite3_bind_int64(query->statement, query->parameter++, value);
	if (code != SQLITE_OK)
		fail(query, code);
}

void query_bind_real(struct query *query, double value)
{
	if (query->err)
		return;
	int code = sqlite3_bind_double(query->statement, query->parameter++, value);
	if (code != SQLITE_OK)
		fail(query, code);
}

bool query_next(struct query *query)
{
	if (query->err)
		return false;
	int code = sqlite3_step(query->statement);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		fail(query, code);
	return code == SQLITE_ROW;
}

void query_read_text(struct query *query, int column, char *to, size_t capacity)
{
	if (query->err)
		return;
	const unsigned char *text = sqlite3_column_text(query->statement, column);
	if (!text || !text_copy(to, capacity, (const char *)text))
		fail(query, SQLITE_CORRUPT);
}

char *query_copy_text(struct query *query, int column)
{
	if (query->err)
		return NULL;
	const unsigned char *text = sqlite3_column_text(query->statement, column);
	char *copy = text ? text_duplicate((const char *)text) : NULL;
	if (!copy)
		fail(query, text ? SQLITE_NOMEM : SQLITE_CORRUPT);
	return copy;
}

int64_t query_integer(struct query *query, int column)
{
	return query->err ? 0 : sqlite3_column_int64(query->statement, column);
}

double query_real(struct query *query, int column)
{
	return query->err ? 0 : sqlite3_column_double(query->statement, column);
}

enum err query_end(struct query *query)
{
	sqlite3_finalize(query->statement);
	query->statement = NULL;
	return query->err;
}

enum err query_run(struct query *query, size_t *ret_changes)
{
	while (query_next(query))
		;
	enum err err = query_end(query);
	if (!err && ret_changes)
		*ret_changes = (size_t)sqlite3_changes(query->store->db);
	return err;
}

enum err query_run_unsynced(struct query *query, size_t *ret_changes)
{
	struct store *store = query->store;
	enum err err = store_execute(store, "PRAGMA synchronous = NORMAL");
	if (err)
		query->err = err;
	err = query_run(query, ret_changes);
	/* Back to waiting, whatever happened: the next message must be safe. */
	enum err back = store_execute(store, "PRAGMA synchronous = FULL");
	return err ? err : back;
}

enum err query_run_integer(struct query *query, int64_t *ret_value)
{
	bool found = query_next(query);
	int64_t value = found ? query_integer(query, 0) : 0;
	enum err err = query_end(query);
	if (err)
		return err;
	if (!found)
		return ERR_NOT_FOUND;
	*ret_value = value;
	return ERR_OK;
}
