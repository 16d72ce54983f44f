/* The store in one SQLite file: opening, and running statements. Statements are prepared once;
 * migrations are numbered by `user_version` and run in one transaction each. */
#include "hub/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "net/loop.h"

#define BUSY_TIMEOUT_MS 2000

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
};

#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof migrations[0]))

static const char *const statement_texts[STATEMENT_COUNT] = {
	[USER_FIND] = "SELECT id FROM users WHERE provider = ?1 AND subject = ?2",
	[USER_CREATE] = "INSERT INTO users (provider, subject, created) VALUES (?1, ?2, ?3)",
	[USER_GET] = "SELECT created FROM users WHERE id = ?1",
	[NODE_GET] = "SELECT user_id, pin, registered FROM nodes WHERE node_id = ?1",
	[NODE_PUT] = "INSERT INTO nodes (node_id, user_id, pin, certificate, registered)"
		     " VALUES (?1, ?2, ?3, ?4, ?5)"
		     " ON CONFLICT (node_id) DO UPDATE SET certificate = excluded.certificate",
	[NODES_OF_USER] =
		"SELECT node_id, name, registered, last_seen FROM nodes WHERE user_id = ?1"
		" ORDER BY last_seen DESC, registered DESC, node_id LIMIT ?2",
	[NODE_COUNT] = "SELECT count(*) FROM nodes WHERE user_id = ?1",
	/* Out of the account of the node's own key alone. */
	[NODE_MOVE] = "UPDATE nodes SET user_id = ?2 WHERE node_id = ?1 AND user_id IN"
		      " (SELECT id FROM users WHERE provider = 'key' AND subject = ?3)",
	[NODE_FOREIGN_SESSIONS_DELETE] =
		"DELETE FROM sessions WHERE node_id = ?1 AND user_id <> ?2",
	[NODE_RENAME] = "UPDATE nodes SET name = ?2 WHERE node_id = ?1",
	[NODE_SEEN] = "UPDATE nodes SET last_seen = ?2 WHERE node_id = ?1",
	[NODE_DELETE] = "DELETE FROM nodes WHERE node_id = ?1",
	[NODE_SESSIONS_DELETE] = "DELETE FROM sessions WHERE node_id = ?1",
	[ADMISSION_PUT] = "INSERT INTO admissions (node_id, text) VALUES (?1, ?2)"
			  " ON CONFLICT (node_id) DO UPDATE SET text = excluded.text",
	[ADMISSION_GET] = "SELECT text FROM admissions WHERE node_id = ?1",
	[ADMISSION_DELETE] = "DELETE FROM admissions WHERE node_id = ?1",
	[PROFILE_PUT] = "INSERT INTO profiles (user_id, text, updated) VALUES (?1, ?2, ?3)"
			" ON CONFLICT (user_id) DO UPDATE"
			" SET text = excluded.text, updated = excluded.updated",
	[PROFILE_GET] = "SELECT text, updated FROM profiles WHERE user_id = ?1",
	[PROFILE_DELETE] = "DELETE FROM profiles WHERE user_id = ?1",
	[PROFILE_INDEX] = "INSERT INTO profile_words (rowid, l0, l1, l2, l3, l4, l5)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[PROFILE_UNINDEX] = "DELETE FROM profile_words WHERE rowid = ?1",
	[PROFILE_SEARCH] = "SELECT p.user_id, p.text, p.updated FROM profile_words AS w"
			   " JOIN profiles AS p ON p.user_id = w.rowid"
			   " WHERE profile_words MATCH ?1 AND w.rowid < ?2"
			   " ORDER BY w.rowid DESC LIMIT ?3",
	[SESSION_CREATE] = "INSERT INTO sessions (id, user_id, node_id, created, expires)"
			   " VALUES (?1, ?2, ?3, ?4, ?5)",
	[SESSION_TRIM] = "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions"
			 " WHERE user_id = ?1 ORDER BY revoked, created DESC, id"
			 " LIMIT -1 OFFSET ?2)",
	[SESSION_GET] = "SELECT user_id, node_id, expires, revoked FROM sessions WHERE id = ?1",
	[SESSION_CHECK] = "SELECT 1 FROM sessions WHERE id = ?1 AND revoked = 0",
	[SESSION_REVOKE] = "UPDATE sessions SET revoked = 1 WHERE id = ?1",
	[SESSION_EXTEND] = "UPDATE sessions SET expires = ?2 WHERE id = ?1",
	[REFRESH_CREATE] = "INSERT INTO refresh_tokens (hash, session_id, place) VALUES (?1, ?2,"
			   " (SELECT coalesce(max(place), 0) + 1 FROM refresh_tokens"
			   " WHERE session_id = ?2))",
	[REFRESH_TRIM] = "DELETE FROM refresh_tokens WHERE session_id = ?1 AND place <="
			 " (SELECT max(place) FROM refresh_tokens WHERE session_id = ?1) - ?2",
	[REFRESH_GET] = "SELECT session_id, used FROM refresh_tokens WHERE hash = ?1",
	[REFRESH_USE] = "UPDATE refresh_tokens SET used = 1 WHERE hash = ?1",
	[PING] = "SELECT 1 FROM sqlite_schema LIMIT 1",
	[CLEANUP] = "DELETE FROM sessions WHERE expires < ?1",
	[SESSIONS_REVOKE_USER] = "UPDATE sessions SET revoked = 1 WHERE user_id = ?1",
	[SESSIONS_REVOKE_NODE] = "UPDATE sessions SET revoked = 1 WHERE node_id = ?1",
	[KEYS_GET] = "SELECT id, secret, created, retires FROM token_keys"
		     " WHERE retires = 0 OR retires > ?1 ORDER BY place DESC LIMIT ?2",
	[KEY_ADD] = "INSERT INTO token_keys (id, secret, created, retires, place)"
		    " VALUES (?1, ?2, ?3, 0, (SELECT coalesce(max(place), 0) + 1 FROM token_keys))",
	[KEYS_RETIRE] = "UPDATE token_keys SET retires = ?1 WHERE retires = 0 OR retires > ?1",
	[KEYS_CLEANUP] = "DELETE FROM token_keys WHERE retires <> 0 AND retires <= ?1",
	[BAN_COUNT] = "SELECT count(*) FROM bans",
	[BAN_PUT] = "INSERT INTO bans (kind, subject, reason, created) VALUES (?1, ?2, ?3, ?4)"
		    " ON CONFLICT (kind, subject) DO UPDATE"
		    " SET reason = excluded.reason, created = excluded.created",
	[BAN_DELETE] = "DELETE FROM bans WHERE kind = ?1 AND subject = ?2 RETURNING 1",
	[BANS_LIST] = "SELECT kind, subject, reason, created FROM bans"
		      " WHERE (kind, subject) > (?1, ?2) ORDER BY kind, subject LIMIT ?3",
	[USERS_LIST] = "SELECT u.id, u.provider, u.subject, u.created,"
		       " (SELECT count(*) FROM nodes AS n WHERE n.user_id = u.id)"
		       " FROM users AS u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2",
	[NODES_LIST] = "SELECT node_id, name, registered, last_seen, user_id FROM nodes"
		       " WHERE node_id > ?1 ORDER BY node_id LIMIT ?2",
	[TICKET_PUT] = "INSERT INTO tickets (key, owner, text, expires) VALUES (?1, ?2, ?3, ?4)",
	[TICKET_GET] = "SELECT text FROM tickets WHERE key = ?1 AND expires > ?2",
	[TICKET_TAKE] = "DELETE FROM tickets WHERE key = ?1 AND expires > ?2 RETURNING text",
	[TICKET_CHANGE] = "UPDATE tickets SET text = ?3 WHERE key = ?1 AND text = ?2"
			  " AND expires > ?4 RETURNING key",
	[TICKET_COUNT] = "SELECT count(*) FROM tickets",
	[TICKET_COUNT_OWNER] = "SELECT count(*) FROM tickets WHERE owner = ?1",
	[TICKET_EXPIRE] = "DELETE FROM tickets WHERE expires <= ?1",
};

/* ---- Running statements ---- */

enum err store_error(struct store *store, int code)
{
	store->stats.errors++;
	log_error("database: %s", sqlite3_errmsg(store->db));
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

sqlite3_stmt *store_statement(struct store *store, enum statement which)
{
	sqlite3_stmt *statement = store->statements[which];
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return statement;
}

void store_bind_text(sqlite3_stmt *statement, int place, const char *text)
{
	sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

void store_bind_bytes(sqlite3_stmt *statement, int place, const uint8_t *data, size_t size)
{
	sqlite3_bind_blob64(statement, place, data, size, SQLITE_STATIC);
}

void store_bind_integer(sqlite3_stmt *statement, int place, int64_t value)
{
	sqlite3_bind_int64(statement, place, value);
}

static int step(struct store *store, sqlite3_stmt *statement)
{
	usec begin = net_now();
	int code = sqlite3_step(statement);
	store->stats.busy += net_now() - begin;
	store->stats.steps++;
	return code;
}

struct store_stats store_stats(const struct store *store)
{
	return store->stats;
}

enum err store_ping(struct store *store)
{
	sqlite3_stmt *statement = store_statement(store, PING);
	enum err err = store_step_row(store, statement);
	sqlite3_reset(statement);
	return err;
}

enum err store_step_row(struct store *store, sqlite3_stmt *statement)
{
	int code = step(store, statement);
	if (code == SQLITE_ROW)
		return ERR_OK;
	enum err err = code == SQLITE_DONE ? ERR_NOT_FOUND : store_error(store, code);
	sqlite3_reset(statement);
	return err;
}

enum err store_step_change(struct store *store, sqlite3_stmt *statement)
{
	int code = step(store, statement);
	enum err err = code == SQLITE_DONE ? ERR_OK : store_error(store, code);
	sqlite3_reset(statement);
	return err;
}

enum err store_execute(struct store *store, const char *sql)
{
	usec begin = net_now();
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
	store->stats.busy += net_now() - begin;
	store->stats.steps++;
	return code == SQLITE_OK ? ERR_OK : store_error(store, code);
}

enum err store_finish(struct store *store, enum err err)
{
	if (err == ERR_OK)
		err = store_execute(store, "COMMIT");
	if (err != ERR_OK && !sqlite3_get_autocommit(store->db))
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

void store_column_text(sqlite3_stmt *statement, int column, char *text, size_t capacity)
{
	const char *value = (const char *)sqlite3_column_text(statement, column);
	(void)text_copy(text, capacity, value ? value : "");
}

/* ---- Opening ---- */

static int read_version(struct store *store, int *ret_version)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL);
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
static int check_integrity(struct store *store)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(store->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
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

static int migrate(struct store *store, int version)
{
	for (; version < MIGRATION_COUNT; version++) {
		char *sql = text_format("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
			migrations[version], version + 1);
		int code = sql ? sqlite3_exec(store->db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
		free(sql);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

static int prepare(struct store *store)
{
	for (int i = 0; i < STATEMENT_COUNT; i++) {
		int code = sqlite3_prepare_v3(store->db, statement_texts[i], -1,
			SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
		if (code != SQLITE_OK)
			return code;
	}
	return SQLITE_OK;
}

static int set_up(struct store *store, const char *path, int *ret_version)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int code = sqlite3_open_v2(path, &store->db, flags, NULL);
	if (code != SQLITE_OK)
		return code;
	sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
	code = sqlite3_exec(store->db,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
		"PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
		NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = check_integrity(store);
	if (code == SQLITE_OK)
		code = read_version(store, ret_version);
	if (code == SQLITE_OK && *ret_version <= MIGRATION_COUNT)
		code = migrate(store, *ret_version);
	if (code == SQLITE_OK && *ret_version <= MIGRATION_COUNT)
		code = prepare(store);
	return code;
}

enum err store_open(const char *directory, char *problem, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof *store);
	char *path = text_format("%s/hub.db", directory);
	int version = 0;
	enum err err = ERR_OK;
	problem[0] = 0;
	int code = store && path ? set_up(store, path, &version) : SQLITE_NOMEM;
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
			store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code));
	} else if (version > MIGRATION_COUNT) {
		err = ERR_CORRUPT;
		snprintf(problem, STORE_PROBLEM_MAX,
			"database '%s' was made by a newer dpc-hub; install that version", path);
	}
	free(path);
	if (err != ERR_OK) {
		store_close(store);
		return err;
	}
	*ret_store = store;
	return ERR_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	free(store);
}
