/* The store in PostgreSQL, for several hubs: its schema, and the engine that runs the statements.
 *
 * The schema has a version, as that of SQLite has; hubs that start at once bring it up one after
 * the other, under a lock. A hub that is older than the schema does not start, but one that runs
 * goes on: a migration only adds, so that hubs can be replaced one by one. */
#include "hub/postgres.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/text.h"

/* Of the lock under which the schema changes: "dpc-hub" in ASCII. */
#define MIGRATION_LOCK "28267303423767906"

/* Number n brings a schema of version n to version n + 1. Never changed once released. */
static const char *const migrations[] = {
	"CREATE TABLE users ("
	" id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY,"
	" provider TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" created BIGINT NOT NULL,"
	" UNIQUE (provider, subject));"
	"CREATE TABLE nodes ("
	" node_id TEXT PRIMARY KEY,"
	" user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" pin BYTEA NOT NULL,"
	" certificate TEXT NOT NULL,"
	" registered BIGINT NOT NULL,"
	" name TEXT NOT NULL DEFAULT '',"
	" last_seen BIGINT NOT NULL DEFAULT 0);"
	"CREATE INDEX nodes_by_user ON nodes (user_id);"
	"CREATE TABLE admissions ("
	" node_id TEXT PRIMARY KEY REFERENCES nodes (node_id) ON DELETE CASCADE,"
	" text TEXT NOT NULL);"
	"CREATE TABLE sessions ("
	" id TEXT PRIMARY KEY,"
	" user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,"
	" node_id TEXT NOT NULL,"
	" created BIGINT NOT NULL,"
	" expires BIGINT NOT NULL,"
	" revoked INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX sessions_by_user ON sessions (user_id, created);"
	"CREATE INDEX sessions_by_node ON sessions (node_id);"
	"CREATE INDEX sessions_by_end ON sessions (expires);"
	"CREATE TABLE refresh_tokens ("
	" hash BYTEA PRIMARY KEY,"
	" session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,"
	" used INTEGER NOT NULL DEFAULT 0,"
	" place BIGINT NOT NULL DEFAULT 0);"
	"CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id, place);"
	"CREATE TABLE token_keys ("
	" id TEXT PRIMARY KEY,"
	" secret BYTEA NOT NULL,"
	" created BIGINT NOT NULL,"
	" retires BIGINT NOT NULL,"
	" place BIGINT NOT NULL);"
	"CREATE TABLE bans ("
	" kind TEXT NOT NULL,"
	" subject TEXT NOT NULL,"
	" reason TEXT NOT NULL,"
	" created BIGINT NOT NULL,"
	" PRIMARY KEY (kind, subject));"
	"CREATE TABLE tickets ("
	" key TEXT PRIMARY KEY,"
	" owner TEXT NOT NULL,"
	" text TEXT NOT NULL,"
	" expires BIGINT NOT NULL);"
	"CREATE INDEX tickets_by_owner ON tickets (owner);"
	"CREATE INDEX tickets_by_expiry ON tickets (expires);"
	"CREATE TABLE profiles ("
	" user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,"
	" text TEXT NOT NULL,"
	" updated BIGINT NOT NULL);"
	/* `words` is everything, l1 to l5 the topics of that level. */
	"CREATE TABLE profile_words ("
	" user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,"
	" words TSVECTOR NOT NULL,"
	" l1 TSVECTOR NOT NULL, l2 TSVECTOR NOT NULL, l3 TSVECTOR NOT NULL,"
	" l4 TSVECTOR NOT NULL, l5 TSVECTOR NOT NULL);"
	"CREATE INDEX profile_words_by_word ON profile_words USING gin (words);"
	/* Small letters without accents, and nothing but letters and digits between spaces: as the
	 * full text index of SQLite has it. */
	"CREATE FUNCTION dpc_plain(original TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $body$"
	" SELECT regexp_replace(regexp_replace(normalize(lower(original COLLATE \"und-x-icu\"), "
	"NFKD),"
	" '[\\u0300-\\u036f]', '', 'g') COLLATE \"und-x-icu\", '[^[:alnum:]]+', ' ', 'g') $body$;"
	"CREATE FUNCTION dpc_words(original TEXT) RETURNS TSVECTOR LANGUAGE sql IMMUTABLE AS $body$"
	" SELECT to_tsvector('simple', dpc_plain(original)) $body$;"
	/* Words with a line each, joined by & or |. What is written as one word is a phrase, of
	 * which the last is the beginning of a word, but for a single ASCII letter. */
	"CREATE FUNCTION dpc_query(list TEXT, joint TEXT) RETURNS TSQUERY LANGUAGE sql IMMUTABLE AS"
	" $body$ SELECT coalesce(string_agg('(' || phrase || CASE WHEN word ~ '^[ -~]$' THEN ')'"
	" ELSE ':*)' END, joint), '')::tsquery FROM (SELECT word,"
	" phraseto_tsquery('simple', dpc_plain(word))::text AS phrase"
	" FROM string_to_table(list, E'\\n') AS word) AS words WHERE phrase <> '' $body$;",
	"CREATE TABLE challenge_key (id BIGINT PRIMARY KEY, secret BYTEA NOT NULL);"
	"CREATE TABLE spent_challenges ("
	" challenge TEXT PRIMARY KEY,"
	" expires BIGINT NOT NULL);"
	"CREATE INDEX spent_challenges_by_expiry ON spent_challenges (expires);",
};

#define MIGRATION_COUNT ((int)(sizeof migrations / sizeof migrations[0]))

struct store_postgres {
	struct store store;
	struct postgres *postgres;
};

static struct store_postgres *of(struct store *store)
{
	return CONTAINER_OF(store, struct store_postgres, store);
}

/* ---- Running statements ---- */

static enum err postgres_step(struct statement *statement)
{
	if (!statement->is_running) {
		PGresult *result;
		enum err err = postgres_run(of(statement->store)->postgres, statement, &result);
		if (err != ERR_OK)
			return err;
		statement->handle = result;
		statement->row = -1;
	}
	return ++statement->row < PQntuples(statement->handle) ? ERR_OK : ERR_NOT_FOUND;
}

static void postgres_reset(struct statement *statement)
{
	PQclear(statement->handle);
	statement->handle = NULL;
}

static struct bytes postgres_bytes(const struct statement *statement, int column)
{
	return bytes_of(PQgetvalue(statement->handle, statement->row, column),
		(size_t)PQgetlength(statement->handle, statement->row, column));
}

/* Of whichever size the column is. */
static int64_t postgres_integer(const struct statement *statement, int column)
{
	struct reader r = reader_of(postgres_bytes(statement, column));
	switch (r.rest.size) {
	case 4:
		return (int32_t)read_u32(&r);
	case 8:
		return (int64_t)read_u64(&r);
	default:
		return 0;
	}
}

static enum err begin(struct store *store)
{
	return postgres_execute(of(store)->postgres, "BEGIN", POSTGRES_WAIT, NULL);
}

static enum err commit(struct store *store)
{
	return postgres_execute(of(store)->postgres, "COMMIT", POSTGRES_WAIT, NULL);
}

static void roll_back(struct store *store)
{
	struct postgres *postgres = of(store)->postgres;
	/* If it fails, the connection is lost, and the transaction with it. */
	if (postgres_is_in_transaction(postgres) &&
		postgres_execute(postgres, "ROLLBACK", POSTGRES_WAIT, NULL) != ERR_OK)
		return;
}

static enum err lock(struct store *store, const char *name)
{
	struct statement *statement = store_statement(store, LOCK);
	store_bind_text(statement, 1, name);
	return store_step_change(statement);
}

static enum err bind_search(struct statement *statement, const struct store_search *search,
	size_t max, struct buffer *text)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < search->word_count; i++)
		err = buffer_append_format(text, "%s%s", i > 0 ? "\n" : "", search->words[i]);
	store_bind_text(statement, 1, buffer_text(text));
	store_bind_integer(statement, 2, search->before);
	store_bind_integer(statement, 3, (int64_t)max);
	store_bind_integer(statement, 4, search->level);
	return err;
}

static void close_store(struct store *store)
{
	for (int i = 0; i < STATEMENT_COUNT; i++)
		store_reset(&store->statements[i]);
	postgres_destroy(of(store)->postgres);
	free(of(store));
}

static const struct store_engine postgres_engine = {
	.step = postgres_step,
	.reset = postgres_reset,
	.integer = postgres_integer,
	.bytes = postgres_bytes,
	.begin = begin,
	.commit = commit,
	.roll_back = roll_back,
	.lock = lock,
	.bind_search = bind_search,
	.close = close_store,
};

/* ---- Opening ---- */

static enum err execute(struct postgres *postgres, const char *sql)
{
	return postgres_execute(postgres, sql, POSTGRES_MIGRATION_WAIT, NULL);
}

static enum err read_text(struct postgres *postgres, const char *sql, char *text, size_t capacity)
{
	PGresult *result;
	enum err err = postgres_execute(postgres, sql, POSTGRES_MIGRATION_WAIT, &result);
	if (err != ERR_OK)
		return err;
	bool is_there =
		PQntuples(result) == 1 && text_copy(text, capacity, PQgetvalue(result, 0, 0));
	PQclear(result);
	return is_there ? ERR_OK : ERR_NOT_FOUND;
}

/* In the transaction that holds the lock. ERR_EXISTS: it is newer than we know. */
static enum err migrate(struct postgres *postgres)
{
	char text[16];
	uint32_t version = 0;
	enum err err = execute(
		postgres, "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)");
	if (err == ERR_OK)
		err = read_text(postgres, "SELECT coalesce(max(version), 0) FROM schema_version",
			text, sizeof text);
	if (err != ERR_OK || !text_to_u32(text, &version))
		return err == ERR_OK ? ERR_CORRUPT : err;
	if (version > MIGRATION_COUNT)
		return ERR_EXISTS;
	for (; err == ERR_OK && version < MIGRATION_COUNT; version++) {
		char *sql = text_format("INSERT INTO schema_version VALUES (%u)", version + 1);
		err = execute(postgres, migrations[version]);
		if (err == ERR_OK)
			err = sql ? execute(postgres, sql) : ERR_NOMEM;
		free(sql);
	}
	return err;
}

static enum err set_up(struct postgres *postgres, char *problem)
{
	char encoding[16] = "";
	enum err err = read_text(postgres, "SHOW server_encoding", encoding, sizeof encoding);
	if (err == ERR_OK && strcmp(encoding, "UTF8") != 0) {
		snprintf(problem, STORE_PROBLEM_MAX,
			"the database has encoding %s; make one with encoding UTF8", encoding);
		return ERR_UNSUPPORTED;
	}
	/* Somebody else may be at it just now. */
	if (err == ERR_OK)
		err = execute(postgres, "SET statement_timeout = 0; BEGIN;"
					"SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")");
	if (err == ERR_OK)
		err = migrate(postgres);
	if (err == ERR_OK)
		err = execute(postgres, "COMMIT; RESET statement_timeout");
	if (err == ERR_EXISTS)
		snprintf(problem, STORE_PROBLEM_MAX,
			"the database was made by a newer dpc-hub; install that version");
	else if (err != ERR_OK)
		snprintf(problem, STORE_PROBLEM_MAX, "cannot set up the database: %.400s",
			postgres_problem(postgres));
	return err == ERR_EXISTS ? ERR_CORRUPT : err;
}

enum err store_open_postgres(
	const char *url, struct net_loop *loop, char *problem, struct store **ret_store)
{
	struct store_postgres *self = calloc(1, sizeof *self);
	snprintf(problem, STORE_PROBLEM_MAX, "out of memory");
	if (!self)
		return ERR_NOMEM;
	store_init(&self->store, &postgres_engine);
	enum err err = postgres_create(url, loop, &self->store.stats, problem, &self->postgres);
	if (err == ERR_OK)
		err = set_up(self->postgres, problem);
	if (err != ERR_OK) {
		store_close(&self->store);
		return err;
	}
	*ret_store = &self->store;
	return ERR_OK;
}
