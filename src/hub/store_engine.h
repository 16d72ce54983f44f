/* What the files of the store share; nobody else includes it.
 *
 * Accounts, logins and profiles are written once (store_account.c and the others), in statements
 * that have names (store_statements.c). An engine runs them: SQLite in one file, or PostgreSQL for
 * several hubs. */
#ifndef HUB_STORE_ENGINE_H
#define HUB_STORE_ENGINE_H

#include "base/buffer.h"
#include "hub/store.h"

enum statement_name {
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
	NODES_SEEN,
	NODE_DELETE,
	NODE_SESSIONS_DELETE,
	ADMISSION_PUT,
	ADMISSION_GET,
	ADMISSION_DELETE,
	ADMISSIONS_NAMING,
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
	CHALLENGE_KEY_PUT,
	CHALLENGE_KEY_GET,
	CHALLENGE_SPEND,
	CHALLENGES_EXPIRE,
	PING,
	LOCK,
	STATEMENT_COUNT,
};

/* In the dialect of SQLite, with ?1 for the first value; NULL in `postgres`: PostgreSQL takes the
 * same. */
struct statement_text {
	const char *text, *postgres;
};

extern const struct statement_text store_statement_texts[STATEMENT_COUNT];

/* Values that a statement takes at most. */
#define STATEMENT_VALUES_MAX 8

enum value_kind {
	VALUE_NONE, /* NULL */
	VALUE_INTEGER,
	VALUE_TEXT,
	VALUE_BYTES,
};

struct value {
	enum value_kind kind;
	int64_t integer;
	struct bytes bytes; /* of a text, without its final zero */
};

/* The words of a search as the engine wants them: each some times with quotes doubled, and what
 * stands between them. */
#define SEARCH_EXPRESSION_MAX ((size_t)8 * SEARCH_TEXT_MAX + 64 * SEARCH_WORDS_MAX + 256)

/* A statement that is being run: values are bound, then it is stepped through its rows. */
struct statement {
	struct store *store;
	enum statement_name name;
	struct value values[STATEMENT_VALUES_MAX];
	size_t value_count;
	bool is_running; /* the first step was taken */
	void *handle;    /* the engine's: the prepared statement, or the result */
	int row;         /* the engine's */
};

/* Errors are as in store.h; the engine logs what the database says. */
struct store_engine {
	/* ERR_OK: there is a row; ERR_NOT_FOUND: no more. */
	enum err (*step)(struct statement *statement);
	/* What is left of the rows is forgotten. */
	void (*reset)(struct statement *statement);
	int64_t (*integer)(const struct statement *statement, int column);
	/* Borrowed until the next step; a zero follows. */
	struct bytes (*bytes)(const struct statement *statement, int column);
	/* Transactions: one at a time. */
	enum err (*begin)(struct store *store);
	enum err (*commit)(struct store *store);
	/* Nothing when none is open. */
	void (*roll_back)(struct store *store);
	/* Until the end of the transaction no other one locks this name. */
	enum err (*lock)(struct store *store, const char *name);
	/* Binds a search; what it writes for that is put into `text`, which outlives the steps. */
	enum err (*bind_search)(struct statement *statement, const struct store_search *search,
		size_t max, struct buffer *text);
	void (*close)(struct store *store);
};

/* A node that has come or gone. */
struct seen_node {
	char node_id[NODE_ID_MAX];
	int64_t at;
};

/* The beginning of an engine's own structure. */
struct store {
	const struct store_engine *engine;
	struct store_stats stats;
	struct statement statements[STATEMENT_COUNT];
	struct seen_node seen[SEEN_MAX]; /* not written yet, in the order of time */
	size_t seen_count;
};

void store_init(struct store *store, const struct store_engine *engine);

/* A prepared statement, fresh: nothing is bound. */
struct statement *store_statement(struct store *store, enum statement_name name);
/* The values are the caller's and outlive the step. */
void store_bind_text(struct statement *statement, int place, const char *text);
void store_bind_bytes(struct statement *statement, int place, const uint8_t *data, size_t size);
void store_bind_integer(struct statement *statement, int place, int64_t value);

/* One row: ERR_OK, and the caller reads it and resets the statement; none: ERR_NOT_FOUND. */
MUST_CHECK enum err store_step_row(struct statement *statement);
/* The same for a row that is one text, which the caller frees. */
MUST_CHECK enum err store_step_text(struct statement *statement, char **ret_text);
MUST_CHECK enum err store_step_change(struct statement *statement);
void store_reset(struct statement *statement);
int64_t store_column_integer(const struct statement *statement, int column);
/* Borrowed until the next step; a zero follows. */
struct bytes store_column_bytes(const struct statement *statement, int column);
void store_column_text(const struct statement *statement, int column, char *text, size_t capacity);

/* Begins a transaction. No other one, of another hub either, has locked this name, or that of the
 * account, until it ends. */
MUST_CHECK enum err store_begin(struct store *store, const char *name);
MUST_CHECK enum err store_begin_user(struct store *store, int64_t user_id);
/* A further name, in a transaction. */
MUST_CHECK enum err store_lock_user(struct store *store, int64_t user_id);
/* Ends it: all of it is done when `err` is ERR_OK, else nothing. */
MUST_CHECK enum err store_finish(struct store *store, enum err err);

MUST_CHECK enum err store_tickets_expire(struct store *store, int64_t now);

#endif
