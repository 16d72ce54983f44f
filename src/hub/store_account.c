/* Accounts and their nodes in the store. */
#include "hub/store_engine.h"

/* ---- Accounts ---- */

static enum err user_find(
	struct store *store, const char *provider, const char *subject, int64_t *ret_user_id)
{
	struct statement *statement = store_statement(store, USER_FIND);
	store_bind_text(statement, 1, provider);
	store_bind_text(statement, 2, subject);
	enum err err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	*ret_user_id = store_column_integer(statement, 0);
	store_reset(statement);
	return ERR_OK;
}

enum err store_user_find(struct store *store, const char *provider, const char *subject,
	bool may_create, int64_t now, int64_t *ret_user_id)
{
	enum err err = user_find(store, provider, subject, ret_user_id);
	if (err != ERR_NOT_FOUND || !may_create)
		return err;
	struct statement *statement = store_statement(store, USER_CREATE);
	store_bind_text(statement, 1, provider);
	store_bind_text(statement, 2, subject);
	store_bind_integer(statement, 3, now);
	err = store_step_change(statement);
	/* Another hub may have been faster. */
	return err == ERR_OK ? user_find(store, provider, subject, ret_user_id) : err;
}

enum err store_user_get(struct store *store, int64_t user_id, int64_t *ret_created)
{
	struct statement *statement = store_statement(store, USER_GET);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	*ret_created = store_column_integer(statement, 0);
	store_reset(statement);
	return ERR_OK;
}

/* ---- Nodes ---- */

enum err store_node_get(struct store *store, const char *node_id, struct store_node *ret_node)
{
	struct statement *statement = store_statement(store, NODE_GET);
	store_bind_text(statement, 1, node_id);
	enum err err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	struct store_node node = {.user_id = store_column_integer(statement, 0),
		.registered = store_column_integer(statement, 2)};
	struct bytes pin = store_column_bytes(statement, 1);
	if (pin.size == sizeof node.pin.digest)
		memcpy(node.pin.digest, pin.data, pin.size);
	else
		err = ERR_CORRUPT;
	store_reset(statement);
	if (err == ERR_OK)
		*ret_node = node;
	return err;
}

static enum err check_room(struct store *store, int64_t user_id)
{
	struct statement *statement = store_statement(store, NODE_COUNT);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_row(statement);
	if (err == ERR_OK && store_column_integer(statement, 0) >= NODES_PER_USER_MAX)
		err = ERR_LIMIT;
	store_reset(statement);
	return err;
}

/* Whoever has the key of the account that it leaves has asked for it. */
static enum err node_move(struct store *store, const char *node_id, const struct store_node *node)
{
	char subject[NODE_PIN_TEXT_MAX];
	struct statement *statement = store_statement(store, NODE_MOVE);
	store_bind_text(statement, 1, node_id);
	store_bind_integer(statement, 2, node->user_id);
	store_bind_text(statement, 3, node_pin_text(&node->pin, subject));
	enum err err = store_step_row(statement);
	store_reset(statement);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_EXISTS : err;
	statement = store_statement(store, NODE_FOREIGN_SESSIONS_DELETE);
	store_bind_text(statement, 1, node_id);
	store_bind_integer(statement, 2, node->user_id);
	return store_step_change(statement);
}

static enum err node_register(struct store *store, const char *node_id,
	const struct store_node *node, const char *certificate_pem)
{
	struct store_node present;
	enum err err = store_node_get(store, node_id, &present);
	if (err == ERR_OK && !node_pin_equal(&present.pin, &node->pin))
		return ERR_EXISTS;
	bool is_elsewhere = err == ERR_OK && present.user_id != node->user_id;
	if (err == ERR_NOT_FOUND || is_elsewhere)
		err = check_room(store, node->user_id);
	if (err == ERR_OK && is_elsewhere)
		err = node_move(store, node_id, node);
	if (err != ERR_OK)
		return err;
	struct statement *statement = store_statement(store, NODE_PUT);
	store_bind_text(statement, 1, node_id);
	store_bind_integer(statement, 2, node->user_id);
	store_bind_bytes(statement, 3, node->pin.digest, sizeof node->pin.digest);
	store_bind_text(statement, 4, certificate_pem);
	store_bind_integer(statement, 5, node->registered);
	return store_step_change(statement);
}

enum err store_node_register(struct store *store, const char *node_id,
	const struct store_node *node, const char *certificate_pem)
{
	enum err err = store_begin(store, node_id);
	if (err != ERR_OK)
		return err;
	err = store_lock_user(store, node->user_id);
	if (err == ERR_OK)
		err = node_register(store, node_id, node, certificate_pem);
	return store_finish(store, err);
}

enum err store_nodes_of_user(struct store *store, int64_t user_id, size_t max,
	struct store_device *devices, size_t *ret_count)
{
	size_t count = 0;
	/* Where that cannot be written, what is there can perhaps be read. */
	enum err err = store_seen_write(store);
	struct statement *statement = store_statement(store, NODES_OF_USER);
	store_bind_integer(statement, 1, user_id);
	store_bind_integer(statement, 2, (int64_t)max);
	for (; count < max && (err = store_step_row(statement)) == ERR_OK; count++) {
		struct store_device *device = &devices[count];
		store_column_text(statement, 0, device->node_id, sizeof device->node_id);
		store_column_text(statement, 1, device->name, sizeof device->name);
		device->registered = store_column_integer(statement, 2);
		device->last_seen = store_column_integer(statement, 3);
	}
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}

enum err store_node_rename(struct store *store, const char *node_id, const char *name)
{
	struct statement *statement = store_statement(store, NODE_RENAME);
	store_bind_text(statement, 1, node_id);
	store_bind_text(statement, 2, name);
	return store_step_change(statement);
}

static enum err change_node(struct store *store, enum statement_name which, const char *node_id)
{
	struct statement *statement = store_statement(store, which);
	store_bind_text(statement, 1, node_id);
	return store_step_change(statement);
}

enum err store_node_delete(struct store *store, const char *node_id)
{
	enum err err = store_begin(store, node_id);
	if (err != ERR_OK)
		return err;
	err = change_node(store, NODE_SESSIONS_DELETE, node_id);
	if (err == ERR_OK)
		err = change_node(store, NODE_DELETE, node_id);
	return store_finish(store, err);
}

/* ---- Whom a node lets through ---- */

enum err store_admission_put(struct store *store, const char *node_id, const char *text)
{
	struct statement *statement = store_statement(store, ADMISSION_PUT);
	store_bind_text(statement, 1, node_id);
	store_bind_text(statement, 2, text);
	return store_step_change(statement);
}

enum err store_admission_get(struct store *store, const char *node_id, char **ret_text)
{
	struct statement *statement = store_statement(store, ADMISSION_GET);
	store_bind_text(statement, 1, node_id);
	return store_step_text(statement, ret_text);
}

enum err store_admission_delete(struct store *store, const char *node_id)
{
	return change_node(store, ADMISSION_DELETE, node_id);
}

enum err store_admissions_naming(struct store *store, const char *node_ids, const char *node_id,
	size_t max, char (*ret_ids)[NODE_ID_MAX], size_t *ret_count)
{
	struct statement *statement = store_statement(store, ADMISSIONS_NAMING);
	enum err err = ERR_OK;
	size_t count = 0;
	store_bind_text(statement, 1, node_ids);
	store_bind_text(statement, 2, node_id);
	for (; count < max && (err = store_step_row(statement)) == ERR_OK; count++)
		store_column_text(statement, 0, ret_ids[count], NODE_ID_MAX);
	store_reset(statement);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*ret_count = count;
	return ERR_OK;
}
