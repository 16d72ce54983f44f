/* Changes the database of a node behind its back: what a test could not reach otherwise, or an
 * older program has left. */
#ifndef STORE_TAMPER_H
#define STORE_TAMPER_H

#include <sqlite3.h>
#include <stdlib.h>

#include "base/text.h"
#include "node/store.h"

static inline void tamper(const char *home, const char *sql)
{
	sqlite3 *db;
	char *path = text_format("%s/" STORE_FILE, home);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	free(path);
}

#endif
