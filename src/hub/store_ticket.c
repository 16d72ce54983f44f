/* Tickets of logins under way in the store. */
#include "hub/store_engine.h"

#include <stdlib.h>

enum err store_tickets_expire(struct store *store, int64_t now)
{
	struct statement *statement = store_statement(store, TICKET_EXPIRE);
	store_bind_integer(statement, 1, now);
	return store_step_change(statement);
}

/* ERR_LIMIT when the count is `max` or more; `owner` NULL: all are counted. */
static enum err check_room(struct store *store, const char *owner, size_t max)
{
	struct statement *statement =
		store_statement(store, owner ? TICKET_COUNT_OWNER : TICKET_COUNT);
	if (owner)
		store_bind_text(statement, 1, owner);
	enum err err = store_step_row(statement);
	if (err == ERR_OK && store_column_integer(statement, 0) >= (int64_t)max)
		err = ERR_LIMIT;
	store_reset(statement);
	return err;
}

static enum err ticket_put(
	struct store *store, const struct store_ticket *ticket, size_t owner_max, int64_t now)
{
	char *present;
	enum err err = store_tickets_expire(store, now);
	if (err == ERR_OK)
		err = store_ticket_get(store, ticket->key, now, &present);
	if (err == ERR_OK) {
		free(present);
		return ERR_EXISTS;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	err = check_room(store, ticket->owner, owner_max);
	if (err == ERR_OK)
		err = check_room(store, NULL, TICKETS_MAX);
	if (err != ERR_OK)
		return err;
	struct statement *statement = store_statement(store, TICKET_PUT);
	store_bind_text(statement, 1, ticket->key);
	store_bind_text(statement, 2, ticket->owner);
	store_bind_text(statement, 3, ticket->text);
	store_bind_integer(statement, 4, ticket->expires);
	return store_step_change(statement);
}

enum err store_ticket_put(
	struct store *store, const struct store_ticket *ticket, size_t owner_max, int64_t now)
{
	enum err err = store_begin(store, ticket->key);
	if (err == ERR_OK)
		err = store_finish(store, ticket_put(store, ticket, owner_max, now));
	return err;
}

static enum err read_text(struct store *store, enum statement_name which, const char *key,
	int64_t now, char **ret_text)
{
	struct statement *statement = store_statement(store, which);
	store_bind_text(statement, 1, key);
	store_bind_integer(statement, 2, now);
	return store_step_text(statement, ret_text);
}

enum err store_ticket_get(struct store *store, const char *key, int64_t now, char **ret_text)
{
	return read_text(store, TICKET_GET, key, now, ret_text);
}

enum err store_ticket_take(struct store *store, const char *key, int64_t now, char **ret_text)
{
	return read_text(store, TICKET_TAKE, key, now, ret_text);
}

enum err store_ticket_change(struct store *store, const char *key, const char *old_text,
	const char *new_text, int64_t now)
{
	struct statement *statement = store_statement(store, TICKET_CHANGE);
	store_bind_text(statement, 1, key);
	store_bind_text(statement, 2, old_text);
	store_bind_text(statement, 3, new_text);
	store_bind_integer(statement, 4, now);
	enum err err = store_step_row(statement);
	if (err == ERR_OK)
		store_reset(statement);
	return err;
}
