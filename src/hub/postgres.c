#include "hub/postgres.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"

#define SQL_MAX 4096

struct postgres {
	PGconn *conn; /* NULL: there is none */
	bool is_ready;
	bool is_prepared[STATEMENT_COUNT]; /* on this connection */
	char *url;
	struct net_loop *loop;
	struct net_timer timer;  /* to connect again, or to give up connecting */
	struct net_watch *watch; /* while connecting */
	struct store_stats *stats;
	char problem[STORE_PROBLEM_MAX];
};

static void connect_later(struct postgres *postgres);

/* The first line of what libpq says. */
static void note_problem(struct postgres *postgres, const char *text)
{
	size_t size = text ? strcspn(text, "\n") : 0;
	if (size == 0)
		text = "no answer", size = strlen(text);
	(void)text_copy_bytes(postgres->problem, sizeof postgres->problem,
		bytes_of(text, min_size(size, sizeof postgres->problem - 1)));
}

const char *postgres_problem(const struct postgres *postgres)
{
	return postgres->problem;
}

/* ---- Losing the connection ---- */

static void drop(struct postgres *postgres)
{
	net_watch_destroy(postgres->watch);
	postgres->watch = NULL;
	PQfinish(postgres->conn);
	postgres->conn = NULL;
	postgres->is_ready = false;
	postgres->stats->is_away = true;
}

static enum err lose(struct postgres *postgres)
{
	log_error("database: the connection is lost: %s", postgres->problem);
	drop(postgres);
	postgres->stats->losses++;
	connect_later(postgres);
	return ERR_UNREACHABLE;
}

/* ---- Connecting ---- */

/* What the url says wins over what stands before it here. */
static const char *const keywords[] = {"application_name", "client_encoding", "connect_timeout",
	"tcp_user_timeout", "options", "dbname", NULL};
static const char *const keyword_values[] = {"dpc-hub", "UTF8", "5", "5000",
	"-c statement_timeout=1000 -c idle_in_transaction_session_timeout=5000"};

static_assert(
	POSTGRES_WAIT == 1000 * USEC_PER_MS, "as statement_timeout, so that neither outlives");

static void fill_values(const struct postgres *postgres, const char *values[7])
{
	for (size_t i = 0; i < 5; i++)
		values[i] = keyword_values[i];
	values[5] = postgres->url;
	values[6] = NULL;
}

static void ignore_notice(void *user, const PGresult *result)
{
	(void)user;
	log_debug("database: %s", PQresultErrorMessage(result));
}

static void ready(struct postgres *postgres)
{
	PQsetnonblocking(postgres->conn, 1);
	PQsetNoticeReceiver(postgres->conn, ignore_notice, NULL);
	memset(postgres->is_prepared, 0, sizeof postgres->is_prepared);
	postgres->is_ready = true;
	postgres->stats->is_away = false;
}

static void on_socket(unsigned events, void *user);

/* One more step of connecting; the watch is made anew, for the socket may be another. */
static void advance(struct postgres *postgres, PostgresPollingStatusType status)
{
	net_watch_destroy(postgres->watch);
	postgres->watch = NULL;
	if (status == PGRES_POLLING_OK) {
		net_timer_cancel(&postgres->timer);
		ready(postgres);
		log_info("database: connected again");
		return;
	}
	unsigned events = status == PGRES_POLLING_READING ? NET_READABLE : NET_WRITABLE;
	if (status != PGRES_POLLING_FAILED &&
		net_watch_create(postgres->loop, PQsocket(postgres->conn), events, on_socket,
			postgres, &postgres->watch) == ERR_OK)
		return;
	note_problem(postgres, PQerrorMessage(postgres->conn));
	log_debug("database: cannot connect: %s", postgres->problem);
	drop(postgres);
	connect_later(postgres);
}

static void on_socket(unsigned events, void *user)
{
	struct postgres *postgres = user;
	(void)events;
	advance(postgres, PQconnectPoll(postgres->conn));
}

static void on_timer(void *user)
{
	struct postgres *postgres = user;
	const char *values[7];
	if (postgres->conn) {
		note_problem(postgres, "no connection in time");
		drop(postgres);
		connect_later(postgres);
		return;
	}
	fill_values(postgres, values);
	postgres->conn = PQconnectStartParams(keywords, values, 1);
	net_timer_set(&postgres->timer, net_now() + POSTGRES_CONNECT_WAIT);
	advance(postgres, postgres->conn && PQstatus(postgres->conn) != CONNECTION_BAD
				  ? PGRES_POLLING_WRITING
				  : PGRES_POLLING_FAILED);
}

static void connect_later(struct postgres *postgres)
{
	if (postgres->loop)
		net_timer_set(&postgres->timer, net_now() + POSTGRES_RETRY);
}

enum err postgres_create(const char *url, struct net_loop *loop, struct store_stats *stats,
	char *problem, struct postgres **ret_postgres)
{
	struct postgres *postgres = calloc(1, sizeof *postgres);
	const char *values[7];
	enum err err = ERR_NOMEM;
	snprintf(problem, STORE_PROBLEM_MAX, "out of memory");
	if (!postgres)
		return ERR_NOMEM;
	*postgres = (struct postgres){.url = text_duplicate(url), .loop = loop, .stats = stats};
	if (!postgres->url)
		goto fail;
	if (loop && net_timer_init(&postgres->timer, loop, on_timer, postgres) != ERR_OK)
		goto fail;
	fill_values(postgres, values);
	postgres->conn = PQconnectdbParams(keywords, values, 1);
	if (!postgres->conn)
		goto fail;
	if (PQstatus(postgres->conn) != CONNECTION_OK) {
		note_problem(postgres, PQerrorMessage(postgres->conn));
		snprintf(problem, STORE_PROBLEM_MAX, "cannot connect to the database: %.400s",
			postgres->problem);
		err = ERR_UNREACHABLE;
		goto fail;
	}
	ready(postgres);
	problem[0] = 0;
	*ret_postgres = postgres;
	return ERR_OK;

fail:
	postgres_destroy(postgres);
	return err;
}

void postgres_destroy(struct postgres *postgres)
{
	if (!postgres)
		return;
	drop(postgres);
	net_timer_deinit(&postgres->timer);
	if (postgres->url)
		secret_cleanse(postgres->url, strlen(postgres->url));
	free(postgres->url);
	free(postgres);
}

/* ---- Waiting for an answer ---- */

/* Until the socket is what is wanted of it; false: not by the deadline. */
static bool wait_for(PGconn *conn, short events, usec deadline)
{
	for (;;) {
		struct pollfd fd = {.fd = PQsocket(conn), .events = events};
		usec rest = deadline - net_now();
		int count = rest > 0 ? poll(&fd, 1, (int)((rest + 999) / 1000)) : 0;
		if (count > 0)
			return true;
		if (count == 0 || errno != EINTR)
			return false;
	}
}

/* Everything is sent and a result has come. ERR_UNREACHABLE: the connection is of no use any more.
 */
static enum err exchange(PGconn *conn, usec deadline)
{
	int unsent;
	while ((unsent = PQflush(conn)) > 0)
		if (!wait_for(conn, POLLIN | POLLOUT, deadline) || !PQconsumeInput(conn))
			return ERR_UNREACHABLE;
	if (unsent < 0)
		return ERR_UNREACHABLE;
	while (PQisBusy(conn))
		if (!wait_for(conn, POLLIN, deadline) || !PQconsumeInput(conn))
			return ERR_UNREACHABLE;
	return ERR_OK;
}

/* By its SQLSTATE: is it the server that cannot now, or is it the statement? */
static enum err error_of(const char *state)
{
	/* Connection, wrong transaction state (a standby is read only), rolled back for another's
	 * sake, resources, not in this state, intervention of an operator. */
	static const char *const away[] = {"08", "25", "40", "53", "55", "57"};
	for (size_t i = 0; state && i < sizeof away / sizeof away[0]; i++)
		if (text_starts_with(state, away[i]))
			return ERR_UNREACHABLE;
	return state && text_starts_with(state, "XX00") && state[4] != '0' ? ERR_CORRUPT : ERR_IO;
}

static enum err check(struct postgres *postgres, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		return ERR_OK;
	case PGRES_BAD_RESPONSE:
	case PGRES_FATAL_ERROR:
	case PGRES_NONFATAL_ERROR:
	case PGRES_COPY_OUT:
	case PGRES_COPY_IN:
	case PGRES_COPY_BOTH:
	case PGRES_SINGLE_TUPLE:
	case PGRES_PIPELINE_SYNC:
	case PGRES_PIPELINE_ABORTED:
		break;
	}
	/* Without the details, which name values. */
	note_problem(postgres, PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
	log_error("database: %s", postgres->problem);
	return error_of(PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

/* The last result of what was sent; those before it are looked at for errors. */
static enum err finish(struct postgres *postgres, bool is_sent, usec wait, PGresult **ret_result)
{
	PGconn *conn = postgres->conn;
	usec deadline = net_now() + wait;
	PGresult *last = NULL, *result;
	enum err err = is_sent ? ERR_OK : ERR_UNREACHABLE, outcome = ERR_OK;
	while (err == ERR_OK && (err = exchange(conn, deadline)) == ERR_OK &&
		(result = PQgetResult(conn))) {
		PQclear(last);
		last = result;
		if (outcome == ERR_OK)
			outcome = check(postgres, result);
	}
	if (err == ERR_OK && !last)
		err = ERR_UNREACHABLE;
	if (err != ERR_OK || PQstatus(conn) != CONNECTION_OK) {
		note_problem(postgres, PQerrorMessage(conn));
		PQclear(last);
		return lose(postgres);
	}
	if (outcome == ERR_OK && ret_result)
		*ret_result = last;
	else
		PQclear(last);
	return outcome;
}

/* ---- Running ---- */

/* "?1" is "$1" here. */
static const char *translate(const char *text, char sql[SQL_MAX])
{
	CHECK(text_copy(sql, SQL_MAX, text));
	for (char *c = sql; *c; c++)
		if (c[0] == '?' && c[1] >= '1' && c[1] <= '9')
			*c = '$';
	return sql;
}

static void name_of(enum statement_name statement, char name[16])
{
	snprintf(name, 16, "s%d", statement);
}

static enum err prepare(struct postgres *postgres, enum statement_name statement)
{
	const struct statement_text *text = &store_statement_texts[statement];
	char name[16], sql[SQL_MAX];
	name_of(statement, name);
	bool is_sent = PQsendPrepare(postgres->conn, name,
		translate(text->postgres ? text->postgres : text->text, sql), 0, NULL);
	enum err err = finish(postgres, is_sent, POSTGRES_WAIT, NULL);
	postgres->is_prepared[statement] = err == ERR_OK;
	return err;
}

static bool send(PGconn *conn, const struct statement *statement)
{
	const char *values[STATEMENT_VALUES_MAX];
	int sizes[STATEMENT_VALUES_MAX] = {0}, formats[STATEMENT_VALUES_MAX] = {0};
	char numbers[STATEMENT_VALUES_MAX][24], name[16];
	for (size_t i = 0; i < statement->value_count; i++) {
		const struct value *value = &statement->values[i];
		switch (value->kind) {
		case VALUE_NONE:
			values[i] = NULL;
			break;
		case VALUE_INTEGER:
			snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)value->integer);
			values[i] = numbers[i];
			break;
		case VALUE_TEXT:
			values[i] = (const char *)value->bytes.data;
			break;
		case VALUE_BYTES:
			values[i] = (const char *)value->bytes.data;
			sizes[i] = (int)value->bytes.size;
			formats[i] = 1;
			break;
		}
	}
	name_of(statement->name, name);
	return PQsendQueryPrepared(
		conn, name, (int)statement->value_count, values, sizes, formats, 1);
}

enum err postgres_run(
	struct postgres *postgres, const struct statement *statement, PGresult **ret_result)
{
	if (!postgres->is_ready)
		return ERR_UNREACHABLE;
	enum err err = postgres->is_prepared[statement->name] ? ERR_OK
							      : prepare(postgres, statement->name);
	if (err != ERR_OK)
		return err;
	return finish(postgres, send(postgres->conn, statement), POSTGRES_WAIT, ret_result);
}

enum err postgres_execute(
	struct postgres *postgres, const char *sql, usec wait, PGresult **ret_result)
{
	if (!postgres->is_ready)
		return ERR_UNREACHABLE;
	return finish(postgres, PQsendQuery(postgres->conn, sql), wait, ret_result);
}

bool postgres_is_in_transaction(const struct postgres *postgres)
{
	return postgres->is_ready && PQtransactionStatus(postgres->conn) != PQTRANS_IDLE;
}
