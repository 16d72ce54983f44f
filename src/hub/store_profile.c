/* Profiles in the store, and searching them by SQLite's full text index (FTS5). */
#include "hub/store_sqlite.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/text.h"
#include "hub/limits.h"

/* The words of a search, each some times with quotes doubled, and what stands between them. */
#define EXPRESSION_MAX ((size_t)8 * SEARCH_TEXT_MAX + 64 * SEARCH_WORDS_MAX + 256)

/* ---- Putting and getting ---- */

static enum err unindex(struct store *store, int64_t user_id)
{
	sqlite3_stmt *statement = store_statement(store, PROFILE_UNINDEX);
	store_bind_integer(statement, 1, user_id);
	return store_step_change(store, statement);
}

static enum err profile_put(struct store *store, const struct store_profile *profile)
{
	sqlite3_stmt *statement = store_statement(store, PROFILE_PUT);
	store_bind_integer(statement, 1, profile->user_id);
	store_bind_text(statement, 2, profile->text);
	store_bind_integer(statement, 3, profile->updated);
	enum err err = store_step_change(store, statement);
	if (err == ERR_OK)
		err = unindex(store, profile->user_id);
	if (err != ERR_OK || !profile->words)
		return err;
	statement = store_statement(store, PROFILE_INDEX);
	store_bind_integer(statement, 1, profile->user_id);
	for (int level = 0; level <= PROFILE_LEVEL_MAX; level++)
		store_bind_text(statement, level + 2, profile->words[level]);
	return store_step_change(store, statement);
}

enum err store_profile_put(struct store *store, const struct store_profile *profile)
{
	enum err err = store_execute(store, "BEGIN IMMEDIATE");
	if (err == ERR_OK)
		err = store_finish(store, profile_put(store, profile));
	return err;
}

enum err store_profile_get(struct store *store, int64_t user_id, struct store_found *ret_found)
{
	sqlite3_stmt *statement = store_statement(store, PROFILE_GET);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_row(store, statement);
	if (err != ERR_OK)
		return err;
	struct store_found found = {.user_id = user_id,
		.text = text_duplicate((const char *)sqlite3_column_text(statement, 0)),
		.updated = sqlite3_column_int64(statement, 1)};
	sqlite3_reset(statement);
	if (!found.text)
		return ERR_NOMEM;
	*ret_found = found;
	return ERR_OK;
}

static enum err profile_delete(struct store *store, int64_t user_id)
{
	sqlite3_stmt *statement = store_statement(store, PROFILE_DELETE);
	store_bind_integer(statement, 1, user_id);
	enum err err = store_step_change(store, statement);
	return err == ERR_OK ? unindex(store, user_id) : err;
}

enum err store_profile_delete(struct store *store, int64_t user_id)
{
	enum err err = store_execute(store, "BEGIN IMMEDIATE");
	if (err == ERR_OK)
		err = store_finish(store, profile_delete(store, user_id));
	return err;
}

/* ---- Searching ---- */

/* A word as a string of FTS5: one of a single ASCII letter is that word ("c" the language), every
 * other the beginning of one. */
static enum err append_word(struct buffer *text, const char *word)
{
	enum err err = buffer_append_text(text, "\"");
	for (const char *c = word; err == ERR_OK && *c; c++)
		err = buffer_append_text(text, *c == '"' ? "\"\"" : (char[]){*c, 0});
	if (err == ERR_OK)
		err = buffer_append_text(text, word[1] ? "\" *" : "\"");
	return err;
}

static enum err append_words(
	struct buffer *text, const struct store_search *search, const char *between)
{
	enum err err = buffer_append_text(text, "(");
	for (size_t i = 0; err == ERR_OK && i < search->word_count; i++) {
		if (i > 0)
			err = buffer_append_text(text, between);
		if (err == ERR_OK)
			err = append_word(text, search->words[i]);
	}
	return err == ERR_OK ? buffer_append_text(text, ")") : err;
}

/* One of the words in a topic of the levels `from` to PROFILE_LEVEL_MAX, or to `to`. */
static enum err append_levels(
	struct buffer *text, const struct store_search *search, unsigned from, unsigned to)
{
	enum err err = buffer_append_text(text, "({");
	for (unsigned level = from; err == ERR_OK && level <= to; level++)
		err = buffer_append_format(text, " l%u", level);
	if (err == ERR_OK)
		err = buffer_append_text(text, "} : ");
	if (err == ERR_OK)
		err = append_words(text, search, " OR ");
	return err == ERR_OK ? buffer_append_text(text, ")") : err;
}

static enum err make_expression(struct buffer *text, const struct store_search *search)
{
	enum err err = append_words(text, search, " AND ");
	if (err == ERR_OK && search->level > 0) {
		err = buffer_append_text(text, " AND ");
		if (err == ERR_OK)
			err = append_levels(text, search, search->level, search->level);
	}
	if (err == ERR_OK && search->level < PROFILE_LEVEL_MAX) {
		err = buffer_append_text(text, " NOT ");
		if (err == ERR_OK)
			err = append_levels(text, search, search->level + 1, PROFILE_LEVEL_MAX);
	}
	return err;
}

static enum err collect(struct store *store, sqlite3_stmt *statement, size_t max,
	struct store_found *found, size_t *count)
{
	enum err err = ERR_OK;
	while (*count < max && (err = store_step_row(store, statement)) == ERR_OK) {
		found[*count] = (struct store_found){.user_id = sqlite3_column_int64(statement, 0),
			.text = text_duplicate((const char *)sqlite3_column_text(statement, 1)),
			.updated = sqlite3_column_int64(statement, 2)};
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
	struct buffer expression = buffer_with_max(EXPRESSION_MAX);
	size_t count = 0;
	enum err err = make_expression(&expression, search);
	if (err == ERR_OK) {
		sqlite3_stmt *statement = store_statement(store, PROFILE_SEARCH);
		store_bind_text(statement, 1, buffer_text(&expression));
		store_bind_integer(statement, 2, search->before);
		store_bind_integer(statement, 3, (int64_t)max);
		err = collect(store, statement, max, found, &count);
		sqlite3_reset(statement);
	}
	buffer_deinit(&expression);
	if (err == ERR_OK)
		*ret_count = count;
	else
		while (count > 0)
			free(found[--count].text);
	return err;
}
