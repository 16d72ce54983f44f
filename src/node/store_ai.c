#include "node/store_ai.h"

#include <assert.h>
#include <stdlib.h>

#include "message/limits.h"
#include "node/store_query.h"

static_assert(STORE_AI_MODEL_MAX == MESSAGE_MODEL_MAX, "what a peer may name can be stored");

void store_ai_page_deinit(struct store_ai_page *page)
{
	for (size_t i = 0; i < page->count; i++)
		free(page->entries[i].prompt);
	free(page->entries);
	*page = (struct store_ai_page){0};
}

static enum err prune(struct store *store, int64_t last)
{
	struct query query = query_of(store, "DELETE FROM ai_log WHERE sequence <= ?");
	query_bind_integer(&query, last - STORE_AI_LOG_MAX);
	return query_run_unsynced(&query, NULL);
}

enum err store_ai_begin(struct store *store, const struct store_ai_entry *entry, const char *prompt,
	int64_t *ret_sequence)
{
	struct query query = query_of(store,
		"INSERT INTO ai_log (time, peer, model, outcome, prompt_tokens, completion_tokens,"
		" estimated, duration_ms, prompt) VALUES (?, ?, ?, ?, 0, 0, 0, 0, ?)");
	query_bind_real(&query, entry->time);
	query_bind_text(&query, entry->peer);
	query_bind_text(&query, entry->model);
	query_bind_text(&query, entry->outcome);
	query_bind_text(&query, prompt); /* NULL is SQL's NULL */
	enum err err = query_run_unsynced(&query, NULL);
	if (err)
		return err;
	*ret_sequence = sqlite3_last_insert_rowid(store->db);
	return *ret_sequence > STORE_AI_LOG_MAX ? prune(store, *ret_sequence) : ERR_OK;
}

enum err store_ai_end(struct store *store, const struct store_ai_entry *entry)
{
	struct query query = query_of(store, "UPDATE ai_log SET outcome = ?, model = ?, "
					     "prompt_tokens = ?, completion_tokens = ?,"
					     " estimated = ?, duration_ms = ? WHERE sequence = ?");
	query_bind_text(&query, entry->outcome);
	query_bind_text(&query, entry->model);
	query_bind_integer(&query, entry->prompt_tokens);
	query_bind_integer(&query, entry->completion_tokens);
	query_bind_integer(&query, entry->estimated);
	query_bind_integer(&query, entry->duration_ms);
	query_bind_integer(&query, entry->sequence);
	return query_run_unsynced(&query, NULL);
}

enum err store_ai_recover(struct store *store)
{
	struct query query = query_of(store,
		"UPDATE ai_log SET outcome = 'cancelled' WHERE outcome IN ('working', 'waiting')");
	return query_run_unsynced(&query, NULL);
}

enum err store_ai_usage(struct store *store, const char *peer, double since, int64_t *ret_queries,
	int64_t *ret_tokens)
{
	struct query query = query_of(store,
		"SELECT count(*), coalesce(sum(prompt_tokens + completion_tokens), 0) FROM ai_log"
		" WHERE peer = ? AND time >= ? AND outcome NOT IN ('denied', 'limit', 'waiting')");
	query_bind_text(&query, peer);
	query_bind_real(&query, since);
	int64_t queries = 0, tokens = 0;
	if (query_next(&query)) {
		queries = query_integer(&query, 0);
		tokens = query_integer(&query, 1);
	}
	enum err err = query_end(&query);
	if (err)
		return err;
	*ret_queries = queries;
	*ret_tokens = tokens;
	return ERR_OK;
}

static void read_entry(struct query *query, struct store_ai_entry *entry)
{
	entry->sequence = query_integer(query, 0);
	entry->time = query->err ? 0 : sqlite3_column_double(query->statement, 1);
	query_read_text(query, 2, entry->peer, sizeof entry->peer);
	query_read_text(query, 3, entry->model, sizeof entry->model);
	query_read_text(query, 4, entry->outcome, sizeof entry->outcome);
	entry->prompt_tokens = query_integer(query, 5);
	entry->completion_tokens = query_integer(query, 6);
	entry->estimated = query_integer(query, 7) != 0;
	entry->duration_ms = query_integer(query, 8);
	if (!query->err && sqlite3_column_type(query->statement, 9) != SQLITE_NULL)
		entry->prompt = query_copy_text(query, 9);
}

enum err store_ai_list(
	struct store *store, const char *peer, size_t count_max, struct store_ai_page *ret_page)
{
	size_t capacity = min_size(count_max, STORE_PAGE_MAX);
	struct store_ai_page page = {
		.entries = calloc(max_size(capacity, 1), sizeof *page.entries)};
	if (!page.entries)
		return ERR_NOMEM;
	struct query query = query_of(store,
		"SELECT sequence, time, peer, model, outcome, prompt_tokens, completion_tokens,"
		" estimated, duration_ms, prompt FROM ai_log WHERE ?1 IS NULL OR peer = ?1"
		" ORDER BY sequence DESC LIMIT ?2");
	query_bind_text(&query, peer);
	query_bind_integer(&query, (int64_t)capacity);
	while (page.count < capacity && query_next(&query))
		read_entry(&query, &page.entries[page.count++]);
	enum err err = query_end(&query);
	if (err)
		store_ai_page_deinit(&page);
	else
		*ret_page = page;
	return err;
}
