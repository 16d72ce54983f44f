/* Profiles in the store. How they are searched is the engine's. */
#include "hub/store_engine.h"

#include <stdlib.h>

#include "base/text.h"
#include "hub/limits.h"

/* ---- Putting and getting ---- */

static enum err unindex(struct store *store, int64_t user_id)
{
	struct statement *statement = store_statement(store, PROFILE_UNINDEX);
	store_bind_integer(statement, 1, user_id);
	return store_step_change(statement);
}

static enum err profile_put(struct store *store, const struct store_profile *profile)
{
	struct statement *statement = store_statement(store, PROFILE_PUT);
	store_bind_integer(statement, 1, profile->user_id);
	store_bind_text(statement, 2, profile->text);
	store_bind_integer(statement, 3, profile->updated);
	enum err err = store_step_change(statement);
	if (err == ERR_OK)
		err = unindex(store, profile->user_id);
	if (err != ERR_OK || !profile->words)
		return err;
	statement = store_statement(store, PROFILE_INDEX);
	store_bind_integer(statement, 1, profile->user_id);
	for (int level = 0; level <= PROFILE_LEVEL_MAX; level++)
		store_bind_text(statement, level + 2, profile->words[level]);
	return store_step_change(statement);
}

enum err store_profile_put(struct store *store, const struct store_profile *profile)
{
	enum err err = store_begin_user(store, profile->user_id);
	if (err == ERR_OK)
		err = store_finish(store, profile_put(store, profile));
	return err;
}

enum err store_profile_get(struct store *store, int64_t user_id, struct store_found *ret_found)
{
	struct statement *statement = store_statement(store, PROFILE_GET);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_row(statement);
	if (err != ERR_OK)
		return err;
	struct store_found found = {.user_id = user_id,
		.text = text_duplicate_bytes(store_column_bytes(statement, 0)),
		.updated = store_column_integer(statement, 1)};
	store_reset(statement);
	if (!found.text)
		return ERR_NOMEM;
	*ret_found = found;
	return ERR_OK;
}

static enum err profile_delete(struct store *store, int64_t user_id)
{
	struct statement *statement = store_statement(store, PROFILE_DELETE);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_change(statement);
	return err == ERR_OK ? unindex(store, user_id) : err;
}

enum err store_profile_delete(struct store *store, int64_t user_id)
{
	enum err err = store_begin_user(store, user_id);
	if (err == ERR_OK)
		err = store_finish(store, profile_delete(store, user_id));
	return err;
}

/* ---- Searching ---- */

static enum err collect(
	struct statement *statement, size_t max, struct store_found *found, size_t *count)
{
	enum err err = ERR_OK;
	while (*count < max && (err = store_step_row(statement)) == ERR_OK) {
		found[*count] = (struct store_found){.user_id = store_column_integer(statement, 0),
			.text = text_duplicate_bytes(store_column_bytes(statement, 1)),
			.updated = store_column_integer(statement, 2)};
		if (!found[*count].text)
			return ERR_NOMEM;
		++*count;
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err store_profile_search(struct store *store, const struct store_search *search, size_t max,
	struct store_found *found, size_t *ret_count)
{
	CHECK(search->word_count > 0 && search->word_count <= SEARCH_WORDS_MAX);
	CHECK(search->level <= PROFILE_LEVEL_MAX);
	struct buffer text = buffer_with_max(SEARCH_EXPRESSION_MAX);
	struct statement *statement = store_statement(store, PROFILE_SEARCH);
	size_t count = 0;
	enum err err = store->engine->bind_search(statement, search, max, &text);
	if (err == ERR_OK)
		err = collect(statement, max, found, &count);
	store_reset(statement);
	buffer_deinit(&text);
	if (err == ERR_OK)
		*ret_count = count;
	else
		while (count > 0)
			free(found[--count].text);
	return err;
}
