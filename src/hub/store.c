/* What the store's functions do with a database, whichever it is: values, steps, transactions. */
#include "hub/store_engine.h"

#include <stdio.h>

#include "base/text.h"
#include "net/loop.h"

void store_init(struct store *store, const struct store_engine *engine)
{
	store->engine = engine;
	for (enum statement_name name = 0; name < STATEMENT_COUNT; name++)
		store->statements[name] = (struct statement){.store = store, .name = name};
}

void store_close(struct store *store)
{
	if (!store)
		return;
	/* What it says of a failure, the engine has logged. */
	enum err err = store_seen_write(store);
	(void)err;
	store->engine->close(store);
}

struct store_stats store_stats(const struct store *store)
{
	return store->stats;
}

/* ---- Values ---- */

struct statement *store_statement(struct store *store, enum statement_name name)
{
	struct statement *statement = &store->statements[name];
	store_reset(statement);
	statement->value_count = 0;
	for (size_t i = 0; i < STATEMENT_VALUES_MAX; i++)
		statement->values[i] = (struct value){0};
	return statement;
}

static void bind(struct statement *statement, int place, struct value value)
{
	CHECK(place >= 1);
	CHECK(place <= STATEMENT_VALUES_MAX);
	statement->values[place - 1] = value;
	if (statement->value_count < (size_t)place)
		statement->value_count = (size_t)place;
}

void store_bind_text(struct statement *statement, int place, const char *text)
{
	bind(statement, place, (struct value){.kind = VALUE_TEXT, .bytes = bytes_of_text(text)});
}

void store_bind_bytes(struct statement *statement, int place, const uint8_t *data, size_t size)
{
	bind(statement, place, (struct value){.kind = VALUE_BYTES, .bytes = bytes_of(data, size)});
}

void store_bind_integer(struct statement *statement, int place, int64_t value)
{
	bind(statement, place, (struct value){.kind = VALUE_INTEGER, .integer = value});
}

/* ---- Steps ---- */

const usec store_latency_bounds[STORE_LATENCY_BUCKETS - 1] = {100, 1 * USEC_PER_MS, 5 * USEC_PER_MS,
	25 * USEC_PER_MS, 100 * USEC_PER_MS, 1000 * USEC_PER_MS};

static void count_step(struct store_stats *stats, usec taken)
{
	stats->latency[usec_bucket(taken, store_latency_bounds, STORE_LATENCY_BUCKETS - 1)]++;
	stats->step_time += taken;
	stats->busy += taken;
	stats->steps++;
}

static enum err step(struct statement *statement)
{
	struct store *store = statement->store;
	usec begin = net_now();
	enum err err = store->engine->step(statement);
	statement->is_running = true;
	count_step(&store->stats, net_now() - begin);
	if (err != ERR_OK)
		store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		store->stats.errors++;
	return err;
}

enum err store_step_row(struct statement *statement)
{
	return step(statement);
}

enum err store_step_change(struct statement *statement)
{
	enum err err = step(statement);
	store_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err store_step_text(struct statement *statement, char **ret_text)
{
	enum err err = step(statement);
	if (err != ERR_OK)
		return err;
	char *text = text_duplicate_bytes(store_column_bytes(statement, 0));
	store_reset(statement);
	if (!text)
		return ERR_NOMEM;
	*ret_text = text;
	return ERR_OK;
}

void store_reset(struct statement *statement)
{
	if (statement->is_running)
		statement->store->engine->reset(statement);
	statement->is_running = false;
}

int64_t store_column_integer(const struct statement *statement, int column)
{
	return statement->store->engine->integer(statement, column);
}

struct bytes store_column_bytes(const struct statement *statement, int column)
{
	return statement->store->engine->bytes(statement, column);
}

void store_column_text(const struct statement *statement, int column, char *text, size_t capacity)
{
	if (!text_copy_bytes(text, capacity, store_column_bytes(statement, column)))
		text[0] = 0;
}

enum err store_ping(struct store *store)
{
	struct statement *statement = store_statement(store, PING);
	enum err err = store_step_row(statement);
	store_reset(statement);
	return err;
}

/* ---- Transactions ---- */

static enum err count(struct store *store, usec begin, enum err err)
{
	store->stats.busy += net_now() - begin;
	store->stats.steps++;
	store->stats.errors += err != ERR_OK;
	return err;
}

enum err store_begin(struct store *store, const char *name)
{
	usec begin = net_now();
	enum err err = count(store, begin, store->engine->begin(store));
	if (err != ERR_OK)
		return err;
	err = store->engine->lock(store, name);
	if (err != ERR_OK)
		store->engine->roll_back(store);
	return err;
}

static void name_user(int64_t user_id, char name[32])
{
	snprintf(name, 32, "account %lld", (long long)user_id);
}

enum err store_begin_user(struct store *store, int64_t user_id)
{
	char name[32];
	name_user(user_id, name);
	return store_begin(store, name);
}

enum err store_lock_user(struct store *store, int64_t user_id)
{
	char name[32];
	name_user(user_id, name);
	return store->engine->lock(store, name);
}

enum err store_finish(struct store *store, enum err err)
{
	usec begin = net_now();
	if (err == ERR_OK)
		err = count(store, begin, store->engine->commit(store));
	if (err != ERR_OK)
		store->engine->roll_back(store);
	return err;
}
