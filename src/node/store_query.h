/* SQL statements of the store: bind, step and read, with a failure that sticks, so that a function
 * goes straight through and looks at the result once. Only for store_*.c. */
#ifndef NODE_STORE_QUERY_H
#define NODE_STORE_QUERY_H

#include <sqlite3.h>

#include "base/bytes.h"
#include "node/store.h"

struct store {
	sqlite3 *db;
	char *path;
	struct fault fault;
};

/* Puts what SQLite last reported into words, and says what kind of failure that is. */
enum err store_failed(struct store *store, int code);

/* SQL without parameters and results. */
MUST_CHECK enum err store_execute(struct store *store, const char *sql);

/* A transaction that writes. After store_begin() was ERR_OK, store_end() commits when `err` is
 * ERR_OK and rolls back otherwise; it returns `err`, or why the commit failed. */
MUST_CHECK enum err store_begin(struct store *store);
MUST_CHECK enum err store_end(struct store *store, enum err err);

struct query {
	struct store *store;
	sqlite3_stmt *statement; /* NULL: it failed */
	int parameter;           /* the next to bind */
	enum err err;
};

struct query query_of(struct store *store, const char *sql);
/* Bind the parameters in order. Texts are borrowed until query_end(). */
void query_bind_text(struct query *query, const char *text);
void query_bind_integer(struct query *query, int64_t value);
void query_bind_real(struct query *query, double value);

/* Whether there is a row; when false, the query is at its end or failed. */
bool query_next(struct query *query);
/* A column of the row. A text that does not fit marks the database as damaged. */
void query_read_text(struct query *query, int column, char *to, size_t capacity);
char *query_copy_text(struct query *query, int column);
int64_t query_integer(struct query *query, int column);
double query_real(struct query *query, int column);

/* Releases the statement and returns what went wrong, if anything. */
MUST_CHECK enum err query_end(struct query *query);
/* Steps once, for statements without rows, and ends. *ret_changes (or NULL) is the number of rows
 * changed. */
MUST_CHECK enum err query_run(struct query *query, size_t *ret_changes);
/* The same without waiting for the disk: a power cut may undo it, until something that waits has
 * been written. */
MUST_CHECK enum err query_run_unsynced(struct query *query, size_t *ret_changes);
/* Ends a query for one number. ERR_NOT_FOUND: no row. */
MUST_CHECK enum err query_run_integer(struct query *query, int64_t *ret_value);

/* What store_read_message() reads from `messages m`; READ is worked out where it is asked for. */
#define STORE_MESSAGE_COLUMNS                                                                      \
	"m.sequence, m.id, m.peer, m.direction, "                                                  \
	"CASE WHEN m.state < 2 THEN m.state WHEN m.sequence <= "                                   \
	"(SELECT iif(m.direction = 0, p.read_there, p.read_here) FROM peers p "                    \
	"WHERE p.peer = m.peer) THEN 4 ELSE m.state END, "                                         \
	"m.timestamp, m.text, m.kind, m.refers, m.edited, m.deleted, m.attachments"
#define STORE_MESSAGE_COLUMN_COUNT 12
/* ERR_MALFORMED, ERR_TOO_LARGE: no message has such a text. */
MUST_CHECK enum err store_check_text(struct store *store, const char *text);
/* ERR_LIMIT when no further message fits. */
MUST_CHECK enum err store_check_room(
	struct store *store, const char *peer, enum store_direction direction);
/* The text is the caller's afterwards; nothing is set when the query fails. */
void store_read_message(struct query *query, struct store_message *ret_message);
/* Reads `count_max` of them, sees whether there is one more, for which the query asks, and ends the
 * query. */
MUST_CHECK enum err store_read_page(
	struct query *query, size_t count_max, struct store_page *ret_page);

#endif
