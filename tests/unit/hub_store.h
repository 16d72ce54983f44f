/* A store of the hub, empty: in a SQLite file, or in the PostgreSQL database whose url is in
 * DPC_TEST_POSTGRES, where everything that is in it goes. */
#ifndef HUB_STORE_WORLD_H
#define HUB_STORE_WORLD_H

#include "test.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "hub/limits.h"
#include "hub/store.h"

#define NOW INT64_C(1800000000)

struct world {
	char directory[32];
	const char *url; /* NULL: SQLite */
	struct store *store;
};

static inline char *file_of(struct world *w, const char *suffix)
{
	return text_format("%s/hub.db%s", w->directory, suffix);
}

/* The first number that a statement gives, in a connection of its own; 0 when it gives none. */
static inline int world_query(struct world *w, const char *sql)
{
	uint32_t number = 0;
	if (w->url) {
		PGconn *conn = PQconnectdb(w->url);
		PGresult *result = PQexec(conn, sql);
		if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
			assert_true(text_to_u32(PQgetvalue(result, 0, 0), &number));
		else
			assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
		PQclear(result);
		PQfinish(conn);
		return (int)number;
	}
	sqlite3 *db;
	sqlite3_stmt *statement;
	char *path = file_of(w, "");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	if (sqlite3_step(statement) == SQLITE_ROW)
		number = (uint32_t)sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	free(path);
	return (int)number;
}

static inline void open_store(struct world *w)
{
	char problem[STORE_PROBLEM_MAX];
	if (w->url)
		assert_ok(store_open_postgres(w->url, NULL, problem, &w->store));
	else
		assert_ok(store_open(w->directory, problem, &w->store));
	assert_string_equal(problem, "");
}

static inline void start(struct world *w)
{
	snprintf(w->directory, sizeof w->directory, "/tmp/dpc-test-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	w->url = getenv("DPC_TEST_POSTGRES");
	if (w->url)
		world_query(w, "SET client_min_messages = error; DROP SCHEMA public CASCADE; "
			       "CREATE SCHEMA public");
	open_store(w);
}

static inline void stop(struct world *w)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	store_close(w->store);
	for (size_t i = 0; i < 3; i++) {
		char *path = file_of(w, suffixes[i]);
		unlink(path);
		free(path);
	}
	assert_int_equal(rmdir(w->directory), 0);
}

#endif
