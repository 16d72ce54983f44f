/* Challenges in the store: the key that all hubs make them with, and those that were answered. */
#include "hub/store_engine.h"

enum err store_challenge_key(struct store *store, const uint8_t fresh[CHALLENGE_KEY_SIZE],
	uint8_t ret_key[CHALLENGE_KEY_SIZE])
{
	/* Nothing happens when there is one. */
	struct statement *statement = store_statement(store, CHALLENGE_KEY_PUT);
	store_bind_bytes(statement, 1, fresh, CHALLENGE_KEY_SIZE);
	enum err err = store_step_change(statement);
	if (err != ERR_OK)
		return err;
	statement = store_statement(store, CHALLENGE_KEY_GET);
	err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	struct bytes key = store_column_bytes(statement, 0);
	if (key.size == CHALLENGE_KEY_SIZE)
		memcpy(ret_key, key.data, key.size);
	else
		err = ERR_CORRUPT;
	store_reset(statement);
	return err;
}

static enum err expire(struct store *store, int64_t now)
{
	struct statement *statement = store_statement(store, CHALLENGES_EXPIRE);
	store_bind_integer(statement, 1, now);
	return store_step_change(statement);
}

enum err store_challenge_spend(
	struct store *store, const char *challenge, int64_t expires, int64_t now)
{
	enum err err = expire(store, now);
	if (err != ERR_OK)
		return err;
	struct statement *statement = store_statement(store, CHALLENGE_SPEND);
	store_bind_text(statement, 1, challenge);
	store_bind_integer(statement, 2, expires);
	err = store_step_row(statement);
	store_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_EXISTS : err;
}
