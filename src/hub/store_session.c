/* Logins and their refresh tokens in the store. */
#include "hub/store_engine.h"

#include "base/text.h"
#include "hub/limits.h"

static enum err refresh_create(
	struct store *store, const char *session_id, const uint8_t hash[SHA256_SIZE])
{
	struct statement *statement = store_statement(store, REFRESH_CREATE);
	store_bind_bytes(statement, 1, hash, SHA256_SIZE);
	store_bind_text(statement, 2, session_id);
	return store_step_change(statement);
}

static enum err session_create(struct store *store, const struct store_session *session,
	const uint8_t refresh_hash[SHA256_SIZE], int64_t now)
{
	struct statement *statement = store_statement(store, SESSION_CREATE);
	store_bind_text(statement, 1, session->id);
	store_bind_integer(statement, 2, session->user_id);
	store_bind_text(statement, 3, session->node_id);
	store_bind_integer(statement, 4, now);
	store_bind_integer(statement, 5, now + REFRESH_TOKEN_LIFETIME_S);
	enum err err = store_step_change(statement);
	if (err == ERR_OK)
		err = refresh_create(store, session->id, refresh_hash);
	if (err != ERR_OK)
		return err;
	statement = store_statement(store, SESSION_TRIM);
	store_bind_integer(statement, 1, session->user_id);
	store_bind_integer(statement, 2, SESSIONS_PER_USER_MAX);
	return store_step_change(statement);
}

enum err store_session_create(struct store *store, const struct store_session *session,
	const uint8_t refresh_hash[SHA256_SIZE], int64_t now)
{
	enum err err = store_begin_user(store, session->user_id);
	if (err == ERR_OK)
		err = store_finish(store, session_create(store, session, refresh_hash, now));
	return err;
}

/* The session of a refresh token. ERR_NOT_FOUND, ERR_EXPIRED. */
static enum err session_of_refresh(struct store *store, const uint8_t hash[SHA256_SIZE],
	int64_t now, struct store_session *session, bool *ret_used)
{
	struct statement *statement = store_statement(store, REFRESH_GET);
	store_bind_bytes(statement, 1, hash, SHA256_SIZE);
	enum err err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	store_column_text(statement, 0, session->id, sizeof session->id);
	*ret_used = store_column_integer(statement, 1) != 0;
	store_reset(statement);
	statement = store_statement(store, SESSION_GET);
	store_bind_text(statement, 1, session->id);
	err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	session->user_id = store_column_integer(statement, 0);
	store_column_text(statement, 1, session->node_id, sizeof session->node_id);
	bool is_over =
		store_column_integer(statement, 2) < now || store_column_integer(statement, 3) != 0;
	store_reset(statement);
	return is_over ? ERR_EXPIRED : ERR_OK;
}

static enum err session_refresh(struct store *store, const struct store_session *session,
	const uint8_t old_hash[SHA256_SIZE], const uint8_t new_hash[SHA256_SIZE], int64_t now)
{
	struct statement *statement = store_statement(store, REFRESH_USE);
	store_bind_bytes(statement, 1, old_hash, SHA256_SIZE);
	enum err err = store_step_change(statement);
	if (err == ERR_OK)
		err = refresh_create(store, session->id, new_hash);
	if (err != ERR_OK)
		return err;
	statement = store_statement(store, REFRESH_TRIM);
	store_bind_text(statement, 1, session->id);
	store_bind_integer(statement, 2, REFRESH_TOKENS_PER_SESSION_MAX);
	err = store_step_change(statement);
	if (err != ERR_OK)
		return err;
	statement = store_statement(store, SESSION_EXTEND);
	store_bind_text(statement, 1, session->id);
	store_bind_integer(statement, 2, now + REFRESH_TOKEN_LIFETIME_S);
	return store_step_change(statement);
}

enum err store_session_refresh(struct store *store, const uint8_t old_hash[SHA256_SIZE],
	const uint8_t new_hash[SHA256_SIZE], int64_t now, struct store_session *ret_session)
{
	struct store_session session = {0};
	bool used = false;
	char name[2 * SHA256_SIZE + 1];
	hex_encode(bytes_of(old_hash, SHA256_SIZE), name);
	enum err err = store_begin(store, name);
	if (err != ERR_OK)
		return err;
	err = session_of_refresh(store, old_hash, now, &session, &used);
	if (err == ERR_OK && !used)
		err = session_refresh(store, &session, old_hash, new_hash, now);
	bool was_stolen = err == ERR_OK && used;
	if (was_stolen)
		err = store_session_revoke(store, session.id);
	err = store_finish(store, err);
	if (err != ERR_OK)
		return err;
	*ret_session = session;
	return was_stolen ? ERR_UNTRUSTED : ERR_OK;
}

enum err store_session_of_refresh(struct store *store, const uint8_t hash[SHA256_SIZE], int64_t now,
	struct store_session *ret_session)
{
	struct store_session session = {0};
	bool used;
	enum err err = session_of_refresh(store, hash, now, &session, &used);
	if (err == ERR_OK)
		*ret_session = session;
	return err;
}

enum err store_session_check(struct store *store, const char *session_id)
{
	struct statement *statement = store_statement(store, SESSION_CHECK);
	store_bind_text(statement, 1, session_id);
	enum err err = store_step_row(statement);
	store_reset(statement);
	return err == ERR_NOT_FOUND ? ERR_DENIED : err;
}

enum err store_session_revoke(struct store *store, const char *session_id)
{
	struct statement *statement = store_statement(store, SESSION_REVOKE);
	store_bind_text(statement, 1, session_id);
	return store_step_change(statement);
}

static enum err change_by_number(struct store *store, enum statement_name which, int64_t number)
{
	struct statement *statement = store_statement(store, which);
	store_bind_integer(statement, 1, number);
	return store_step_change(statement);
}

enum err store_sessions_revoke_user(struct store *store, int64_t user_id)
{
	return change_by_number(store, SESSIONS_REVOKE_USER, user_id);
}

enum err store_sessions_revoke_node(struct store *store, const char *node_id)
{
	struct statement *statement = store_statement(store, SESSIONS_REVOKE_NODE);
	store_bind_text(statement, 1, node_id);
	return store_step_change(statement);
}

enum err store_cleanup(struct store *store, int64_t now)
{
	enum err err = change_by_number(store, CLEANUP, now);
	if (err == ERR_OK)
		err = change_by_number(store, KEYS_CLEANUP, now);
	return err == ERR_OK ? store_tickets_expire(store, now) : err;
}
