/* What the files of the SQLite store share; nobody else includes it. */
#ifndef HUB_STORE_SQLITE_H
#define HUB_STORE_SQLITE_H

#include <sqlite3.h>

#include "hub/store.h"

enum statement {
	USER_FIND,
	USER_CREATE,
	USER_GET,
	NODE_GET,
	NODE_PUT,
	NODES_OF_USER,
	NODE_COUNT,
	NODE_MOVE,
	NODE_FOREIGN_SESSIONS_DELETE,
	NODE_RENAME,
	NODE_SEEN,
	NODE_DELETE,
	NODE_SESSIONS_DELETE,
	ADMISSION_PUT,
	ADMISSION_GET,
	ADMISSION_DELETE,
	PROFILE_PUT,
	PROFILE_GET,
	PROFILE_DELETE,
	PROFILE_INDEX,
	PROFILE_UNINDEX,
	PROFILE_SEARCH,
	SESSION_CREATE,
	SESSION_TRIM,
	SESSION_GET,
	SESSION_CHECK,
	SESSION_REVOKE,
	SESSION_EXTEND,
	SESSIONS_REVOKE_USER,
	SESSIONS_REVOKE_NODE,
	REFRESH_CREATE,
	REFRESH_TRIM,
	REFRESH_GET,
	REFRESH_USE,
	CLEANUP,
	KEYS_GET,
	KEY_ADD,
	KEYS_RETIRE,
	KEYS_CLEANUP,
	BAN_COUNT,
	BAN_PUT,
	BAN_DELETE,
	BANS_LIST,
	USERS_LIST,
	NODES_LIST,
	TICKET_PUT,
	TICKET_GET,
	TICKET_TAKE,
	TICKET_CHANGE,
	TICKET_COUNT,
	TICKET_COUNT_OWNER,
	TICKET_EXPIRE,
	PING,
	STATEMENT_COUNT,
};

struct store {
	sqlite3 *db;
	struct store_stats stats;
	sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* ERR_CORRUPT, ERR_NOMEM or ERR_IO; logs what SQLite says. */
enum err store_error(struct store *store, int code);

/* A prepared statement, fresh: nothing is bound. */
sqlite3_stmt *store_statement(struct store *store, enum statement which);
/* The values are the caller's and outlive the step. Binding fails only for want of memory, and then
 * the step finds NULL where the schema forbids it. */
void store_bind_text(sqlite3_stmt *statement, int place, const char *text);
void store_bind_bytes(sqlite3_stmt *statement, int place, const uint8_t *data, size_t size);
void store_bind_integer(sqlite3_stmt *statement, int place, int64_t value);

/* One row: ERR_OK, and the caller reads it and resets the statement; none: ERR_NOT_FOUND. */
MUST_CHECK enum err store_step_row(struct store *store, sqlite3_stmt *statement);
MUST_CHECK enum err store_step_change(struct store *store, sqlite3_stmt *statement);
void store_column_text(sqlite3_stmt *statement, int column, char *text, size_t capacity);

MUST_CHECK enum err store_execute(struct store *store, const char *sql);
MUST_CHECK enum err store_tickets_expire(struct store *store, int64_t now);
/* Ends a transaction: all of it is done when `err` is ERR_OK, else nothing. */
MUST_CHECK enum err store_finish(struct store *store, enum err err);

#endif
