/* A connection to PostgreSQL that never holds the loop up for long, and comes back by itself.
 *
 * A statement is waited for, at most POSTGRES_WAIT; whoever answers later than that is taken for
 * gone. Then every call fails at once, until the loop has connected again, without waiting. What
 * was under way is rolled back by the server. Why it is so: docs/decisions. */
#ifndef HUB_POSTGRES_H
#define HUB_POSTGRES_H

#include <libpq-fe.h>

#include "hub/store_engine.h"
#include "net/loop.h"

struct postgres;

/* `url` as libpq takes it. The loop may be NULL: then a connection that is lost stays so. `stats`
 * outlives it. ERR_UNREACHABLE, ERR_NOMEM; `problem`, with room for STORE_PROBLEM_MAX, says why. */
MUST_CHECK enum err postgres_create(const char *url, struct net_loop *loop,
	struct store_stats *stats, char *problem, struct postgres **ret_postgres);
/* Accepts NULL. */
void postgres_destroy(struct postgres *postgres);

/* Runs a statement, which is prepared the first time. The result, with values in binary, is freed
 * with PQclear(). ERR_UNREACHABLE: there is no connection, or not in time, or the server cannot
 * now; ERR_IO, ERR_CORRUPT, ERR_NOMEM. */
MUST_CHECK enum err postgres_run(
	struct postgres *postgres, const struct statement *statement, PGresult **ret_result);
/* Statements in text, without values, all done within `wait`. Errors as above. */
MUST_CHECK enum err postgres_execute(
	struct postgres *postgres, const char *sql, usec wait, PGresult **ret_result);
/* Whether a transaction is open. */
bool postgres_is_in_transaction(const struct postgres *postgres);
/* What the server said last, in one line; never NULL. */
const char *postgres_problem(const struct postgres *postgres);

#endif
