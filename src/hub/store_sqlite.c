/* The store in one SQLite file: opening, and running statements. Statements are prepared once;
 * migrations are numbered by `user_version` and run in one transaction each. */
#include "hub/store_engine.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/text.h"

#define BUSY_TIMEOUT_MS 2000

struct sqlite {
	struct store store;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Number n brings a database of version n to version n + 1. Never changed once released. */
static const char *const migrations[] = {
	"CREATE TABLE users ("
	" id INTEGER PRIMARY KEY,"
	" provider TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" UNIQUE (provider, subject));"
	"CREATE TABLE nodes ("
	" node_id TEXT PRIMARY KEY,"
	" user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" pin BLOB NOT NULL,"
	" certificate TEXT NOT NULL,"
	" registered INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX nodes_by_user ON nodes (user_id);"
	"CREATE TABLE sessions ("
	" id TEXT PRIMARY KEY,"
	" user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" node_id TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL,"
	" revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE INDEX sessions_by_user ON sessions (user_id, created);"
	"CREATE TABLE refresh_tokens ("
	" hash BLOB PRIMARY KEY,"
	" session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,"
	" used INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);",
	/* In the order of use, so that the oldest can go. */
	"ALTER TABLE refresh_tokens ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX refresh_tokens_by_session;"
	"CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, place);",
	/* Level 0 is name and description, 1 to 5 are the topics of that level. Only profiles that
	 * may be found are in the index. */
	"CREATE TABLE profiles ("
	" user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,"
	" text TEXT NOT NULL,"
	" updated INTEGER NOT NULL);"
	"CREATE VIRTUAL TABLE profile_words USING fts5 (l0, l1, l2, l3, l4, l5,"
	" tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');",
	"ALTER TABLE nodes ADD COLUMN name TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE nodes ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE admissions ("
	" node_id TEXT PRIMARY KEY REFERENCES nodes (node_id) ON DELETE CASCADE,"
	" text TEXT NOT NULL) WITHOUT ROWID;",
	"CREATE TABLE token_keys ("
	" id TEXT PRIMARY KEY,"
	" secret BLOB NOT NULL,"
	" created INTEGER NOT NULL,"
	" retires INTEGER NOT NULL,"
	" place INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE bans ("
	" kind TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" PRIMARY KEY (kind, subject)) WITHOUT ROWID;"
	"CREATE INDEX sessions_by_node ON sessions (node_id);",
	"CREATE TABLE tickets ("
	" key TEXT PRIMARY KEY,"
	" owner TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" expires INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX tickets_by_owner ON tickets (owner);"
	"CREATE INDEX tickets_by_expiry ON tickets (expires);",
	"CREATE TABLE challenge_key (id INTEGER PRIMARY KEY, secret BLOB NOT NULL);"
	"CREATE TABLE spent_challenges ("
	" challenge TEXT PRIMARY KEY,"
	" expires INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires);",
};

#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof migrations[0]))

static struct sqlite *of(struct store *store)
{
	return CONTAINER_OF(store, struct sqlite, store);
}

/* ---- Running statements ---- */

/* ERR_CORRUPT, ERR_NOMEM or ERR_IO; logs what SQLite says. */
static enum err error_of(struct sqlite *sqlite, int code)
{
	log_error("database: %s", sqlite3_errmsg(sqlite->db));
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

/* Binding fails only for want of memory, and then the step finds NULL where the schema forbids it.
 */
static void bind_values(const struct statement *statement, sqlite3_stmt *handle)
{
	sqlite3_clear_bindings(handle);
	for (int i = 0; i < (int)statement->value_count; i++) {
		const struct value *value = &statement->values[i];
		switch (value->kind) {
		case VALUE_NONE:
			break;
		case VALUE_INTEGER:
			sqlite3_bind_int64(handle, i + 1, value->integer);
			break;
		case VALUE_TEXT:
			sqlite3_bind_text64(handle, i + 1, (const char *)value->bytes.data,
				value->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
			break;
		case VALUE_BYTES:
			sqlite3_bind_blob64(
				handle, i + 1, value->bytes.data, value->bytes.size, SQLITE_STATIC);
			break;
		}
	}
}

static enum err sqlite_step(struct statement *statement)
{
	struct sqlite *sqlite = of(statement->store);
	sqlite3_stmt *handle = sqlite->statements[statement->name];
	if (!statement->is_running)
		bind_values(statement, handle);
	int code = sqlite3_step(handle);
	if (code == SQLITE_ROW)
		return ERR_OK;
	return code == SQLITE_DONE ? ERR_NOT_FOUND : error_of(sqlite, code);
}

static void sqlite_reset(struct statement *statement)
{
	sqlite3_reset(of(statement->store)->statements[statement->name]);
}

static int64_t sqlite_integer(const struct statement *statement, int column)
{
	return sqlite3_column_int64(of(statement->store)->statements[statement->name], column);
}

static struct bytes sqlite_bytes(const struct statement *statement, int column)
{
	sqlite3_stmt *handle = of(statement->store)->statements[statement->name];
	const void *data = sqlite3_column_type(handle, column) == SQLITE_TEXT
				   ? (const void *)sqlite3_column_text(handle, column)
				   : sqlite3_column_blob(handle, column);
	return bytes_of(data, data ? (size_t)sqlite3_column_bytes(handle, column) : 0);
}

static enum err execute(struct store *store, const char *sql)
{
	struct sqlite *sqlite = of(store);
	int code = sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? ERR_OK : error_of(sqlite, code);
}

/* It has the file to itself from here on. */
static enum err sqlite_begin(struct store *store)
{
	return execute(store, "BEGIN IMMEDIATE");
}

static enum err sqlite_commit(struct store *store)
{
	return execute(store, "COMMIT");
}

static void sqlite_roll_back(struct store *store)
{
	struct sqlite *sqlite = of(store);
	if (!sqlite3_get_autocommit(sqlite->db))
		(void)sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
}

static enum err sqlite_lock(struct store *store, const char *name)
{
	(void)store, (void)name;
	return ERR_OK;
}

/* ---- Searching, by the full text index (FTS5) ---- */

/* A word as a string of FTS5: one of a single ASCII letter is that word ("c" the language), every
 * other the beginning of one. */
static enum err append_word(struct buffer *text, const char *word)
{
	enum err err = buffer_append_text(text, "\"");
	for (const char *c = word; err == ERR_OK && *c; c++)
		err = buffer_append_text(text, *c == '"' ? "\"\"" : (char[]){*c, 0});
	if (err == ERR_OK)
		err = buffer_append_text(text, word[1] ? "\" *" : "\"");
	return err;
}

static enum err append_words(
	struct buffer *text, const struct store_search *search, const char *between)
{
	enum err err = buffer_append_text(text, "(");
	for (size_t i = 0; err == ERR_OK && i < search->word_count; i++) {
		if (i > 0)
			err = buffer_append_text(text, between);
		if (err == ERR_OK)
			err = append_word(text, search->words[i]);
	}
	return err == ERR_OK ? buffer_append_text(text, ")") : err;
}

/* One of the words in a topic of the levels `from` to PROFILE_LEVEL_MAX, or to `to`. */
static enum err append_levels(
	struct buffer *text, const struct store_search *search, unsigned from, unsigned to)
{
	enum err err = buffer_append_text(text, "({");
	for (unsigned level = from; err == ERR_OK && level <= to; level++)
		err = buffer_append_format(text, " l%u", level);
	if (err == ERR_OK)
		err = buffer_append_text(text, "} : ");
	if (err == ERR_OK)
		err = append_words(text, search, " OR ");
	return err == ERR_OK ? buffer_append_text(text, ")") : err;
}

static enum err make_expression(struct buffer *text, const struct store_search *search)
{
	enum err err = append_words(text, search, " AND ");
	if (err == ERR_OK && search->level > 0) {
		err = buffer_append_text(text, " AND ");
		if (err == ERR_OK)
			err = append_levels(text, search, search->level, search->level);
	}
	if (err == ERR_OK && search->level < PROFILE_LEVEL_MAX) {
		err = buffer_append_text(text, " NOT ");
		if (err == ERR_OK)
			err = append_levels(text, search, search->level + 1, PROFILE_LEVEL_MAX);
	}
	return err;
}

static enum err sqlite_bind_search(struct statement *statement, const struct store_search *search,
	size_t max, struct buffer *text)
{
	enum err err = make_expression(text, search);
	store_bind_text(statement, 1, buffer_text(text));
	store_bind_integer(statement, 2, search->before);
	store_bind_integer(statement, 3, (int64_t)max);
	return err;
}

/* ---- Opening ---- */

static int read_version(struct sqlite *sqlite, int *ret_version)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite->db, "PRAGMA user_version", -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW) {
			*ret_version = sqlite3_column_int(statement, 0);
			code = SQLITE_OK;
		}
	}
	sqlite3_finalize(statement);
	return code;
}

/* SQLITE_OK, or SQLITE_CORRUPT, or what went wrong. */
static int check_integrity(struct sqlite *sqlite)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(sqlite->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(statement, 0);
			code = text && strcmp(text, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
		}
	}
	sqlite3_finalize(statement);
	return code;
}

static int migrate(struct sqlite *sqlite, int version)
{
	for (; version < MIGRATION_COUNT; version++) {
		char *sql = text_format("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
			migrations[version], version + 1);
		int code = sql ? sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
		free(sql);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

static int prepare(struct sqlite *sqlite)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		const char *text = store_statement_texts[i].text;
		int code = sqlite3_prepare_v3(sqlite->db, text ? text : "", -1,
			SQLITE_PREPARE_PERSISTENT, &sqlite->statements[i], NULL);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

static int set_up(struct sqlite *sqlite, const char *path, int *ret_version)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int code = sqlite3_open_v2(path, &sqlite->db, flags, NULL);
	if (code != SQLITE_OK)
		return code;
	sqlite3_busy_timeout(sqlite->db, BUSY_TIMEOUT_MS);
	code = sqlite3_exec(sqlite->db,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
		"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
		NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = check_integrity(sqlite);
	if (code == SQLITE_OK)
		code = read_version(sqlite, ret_version);
	if (code == SQLITE_OK && *ret_version <= MIGRATION_COUNT)
		code = migrate(sqlite, *ret_version);
	if (code == SQLITE_OK && *ret_version <= MIGRATION_COUNT)
		code = prepare(sqlite);
	return code;
}

static void sqlite_close(struct store *store)
{
	struct sqlite *sqlite = of(store);
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(sqlite->statements[i]);
	sqlite3_close(sqlite->db);
	free(sqlite);
}

static const struct store_engine sqlite_engine = {
	.step = sqlite_step,
	.reset = sqlite_reset,
	.integer = sqlite_integer,
	.bytes = sqlite_bytes,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.roll_back = sqlite_roll_back,
	.lock = sqlite_lock,
	.bind_search = sqlite_bind_search,
	.close = sqlite_close,
};

enum err store_open(const char *directory, char *problem, struct store **ret_store)
{
	struct sqlite *sqlite = calloc(1, sizeof *sqlite);
	char *path = text_format("%s/hub.db", directory);
	int version = 0;
	enum err err = ERR_OK;
	problem[0] = 0;
	int code = sqlite && path ? set_up(sqlite, path, &version) : SQLITE_NOMEM;
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		err = ERR_CORRUPT;
		snprintf(problem, STORE_PROBLEM_MAX,
			"database '%s' is damaged; restore a backup, or move it away to start anew",
			path);
	} else if (code == SQLITE_NOMEM) {
		err = ERR_NOMEM;
		snprintf(problem, STORE_PROBLEM_MAX, "out of memory");
	} else if (code != SQLITE_OK) {
		err = ERR_IO;
		snprintf(problem, STORE_PROBLEM_MAX,
			"cannot open database '%s': %s; is the data directory yours?", path,
			sqlite->db ? sqlite3_errmsg(sqlite->db) : sqlite3_errstr(code));
	} else if (version > MIGRATION_COUNT) {
		err = ERR_CORRUPT;
		snprintf(problem, STORE_PROBLEM_MAX,
			"database '%s' was made by a newer dpc-hub; install that version", path);
	}
	free(path);
	if (err != ERR_OK) {
		if (sqlite)
			sqlite_close(&sqlite->store);
		return err;
	}
	store_init(&sqlite->store, &sqlite_engine);
	*ret_store = &sqlite->store;
	return ERR_OK;
}
