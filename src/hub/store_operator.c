/* What the operator of a hub keeps and looks at in the store: keys, bans, accounts and nodes. */
#include "hub/store_engine.h"

#include "base/text.h"
#include "hub/limits.h"

/* ---- Keys that sign access tokens ---- */

static enum err read_key(struct statement *statement, struct store_key *key)
{
	store_column_text(statement, 0, key->id, sizeof key->id);
	key->created = store_column_integer(statement, 2);
	key->retires = store_column_integer(statement, 3);
	struct bytes secret = store_column_bytes(statement, 1);
	if (secret.size != sizeof key->secret)
		return ERR_CORRUPT;
	memcpy(key->secret, secret.data, secret.size);
	return ERR_OK;
}

enum err store_keys_get(struct store *store, int64_t now, struct store_key *keys, size_t *ret_count)
{
	size_t count = 0;
	enum err err = ERR_OK;
	struct statement *statement = store_statement(store, KEYS_GET);
	store_bind_integer(statement, 1, now);
	store_bind_integer(statement, 2, TOKEN_KEYS_MAX);
	while (count < TOKEN_KEYS_MAX && (err = store_step_row(statement)) == ERR_OK) {
		err = read_key(statement, &keys[count]);
		if (err != ERR_OK)
			break;
		count++;
	}
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}

static enum err key_add(struct store *store, const struct store_key *key, int64_t retire_others)
{
	struct statement *statement = store_statement(store, KEYS_RETIRE);
	store_bind_integer(statement, 1, retire_others);
	enum err err = store_step_change(statement);
	if (err != ERR_OK)
		return err;
	statement = store_statement(store, KEY_ADD);
	store_bind_text(statement, 1, key->id);
	store_bind_bytes(statement, 2, key->secret, sizeof key->secret);
	store_bind_integer(statement, 3, key->created);
	return store_step_change(statement);
}

enum err store_key_add(struct store *store, const struct store_key *key, int64_t retire_others)
{
	CHECK(retire_others > 0);
	enum err err = store_begin(store, "token keys");
	if (err == ERR_OK)
		err = store_finish(store, key_add(store, key, retire_others));
	return err;
}

/* ---- Bans ---- */

static enum err check_room(struct store *store)
{
	struct statement *statement = store_statement(store, BAN_COUNT);
	enum err err = store_step_row(statement);
	if (err == ERR_OK && store_column_integer(statement, 0) >= BANS_MAX)
		err = ERR_LIMIT;
	store_reset(statement);
	return err;
}

enum err store_ban_put(struct store *store, const struct store_ban *ban)
{
	enum err err = check_room(store);
	if (err != ERR_OK)
		return err;
	struct statement *statement = store_statement(store, BAN_PUT);
	store_bind_text(statement, 1, ban->kind);
	store_bind_text(statement, 2, ban->subject);
	store_bind_text(statement, 3, ban->reason);
	store_bind_integer(statement, 4, ban->created);
	return store_step_change(statement);
}

enum err store_ban_delete(struct store *store, const char *kind, const char *subject)
{
	struct statement *statement = store_statement(store, BAN_DELETE);
	store_bind_text(statement, 1, kind);
	store_bind_text(statement, 2, subject);
	enum err err = store_step_row(statement);
	store_reset(statement);
	return err;
}

enum err store_bans_list(struct store *store, const struct store_ban *after, size_t max,
	struct store_ban *bans, size_t *ret_count)
{
	size_t count = 0;
	enum err err = ERR_OK;
	struct statement *statement = store_statement(store, BANS_LIST);
	store_bind_text(statement, 1, after ? after->kind : "");
	store_bind_text(statement, 2, after ? after->subject : "");
	store_bind_integer(statement, 3, (int64_t)max);
	for (; count < max && (err = store_step_row(statement)) == ERR_OK; count++) {
		struct store_ban *ban = &bans[count];
		store_column_text(statement, 0, ban->kind, sizeof ban->kind);
		store_column_text(statement, 1, ban->subject, sizeof ban->subject);
		store_column_text(statement, 2, ban->reason, sizeof ban->reason);
		ban->created = store_column_integer(statement, 3);
	}
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}

/* ---- Accounts and nodes ---- */

enum err store_users_list(struct store *store, int64_t after, size_t max,
	struct store_account *accounts, size_t *ret_count)
{
	size_t count = 0;
	enum err err = ERR_OK;
	struct statement *statement = store_statement(store, USERS_LIST);
	store_bind_integer(statement, 1, after);
	store_bind_integer(statement, 2, (int64_t)max);
	for (; count < max && (err = store_step_row(statement)) == ERR_OK; count++) {
		struct store_account *account = &accounts[count];
		account->id = store_column_integer(statement, 0);
		store_column_text(statement, 1, account->provider, sizeof account->provider);
		store_column_text(statement, 2, account->subject, sizeof account->subject);
		account->created = store_column_integer(statement, 3);
		account->nodes = (uint32_t)store_column_integer(statement, 4);
	}
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}

enum err store_nodes_list(struct store *store, const char *after, size_t max,
	struct store_listed_node *nodes, size_t *ret_count)
{
	size_t count = 0;
	/* Where that cannot be written, what is there can perhaps be read. */
	enum err err = store_seen_write(store);
	struct statement *statement = store_statement(store, NODES_LIST);
	store_bind_text(statement, 1, after);
	store_bind_integer(statement, 2, (int64_t)max);
	for (; count < max && (err = store_step_row(statement)) == ERR_OK; count++) {
		struct store_device *device = &nodes[count].device;
		store_column_text(statement, 0, device->node_id, sizeof device->node_id);
		store_column_text(statement, 1, device->name, sizeof device->name);
		device->registered = store_column_integer(statement, 2);
		device->last_seen = store_column_integer(statement, 3);
		nodes[count].user_id = store_column_integer(statement, 4);
	}
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}
