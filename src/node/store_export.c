#include "node/store_export.h"

#include "node/store_query.h"

enum err store_export_count(struct store *store, const char *peer, int64_t *ret_count)
{
	struct query query =
		query_of(store, peer ? "SELECT ifnull(sum(messages), 0) FROM peers WHERE peer = ?"
				     : "SELECT ifnull(sum(messages), 0) FROM peers");
	if (peer)
		query_bind_text(&query, peer);
	return query_run_integer(&query, ret_count);
}

enum err store_export_next_peer(
	struct store *store, const char *after, char ret_peer[STORE_NODE_ID_MAX + 1])
{
	struct query query = query_of(store,
		"SELECT peer FROM peers WHERE peer > ? AND messages > 0 ORDER BY peer LIMIT 1");
	bool found = false;
	query_bind_text(&query, after);
	if (query_next(&query)) {
		query_read_text(&query, 0, ret_peer, STORE_NODE_ID_MAX + 1);
		found = true;
	}
	enum err err = query_end(&query);
	return err || found ? err : ERR_NOT_FOUND;
}

enum err store_export_page(struct store *store, const char *peer, int64_t after, size_t count_max,
	struct store_page *ret_page)
{
	count_max = min_size(count_max, STORE_PAGE_MAX);
	struct query query = query_of(store,
		"SELECT " STORE_MESSAGE_COLUMNS " FROM messages m WHERE peer = ? AND sequence > ? "
		"AND kind = 0 ORDER BY sequence LIMIT ?");
	query_bind_text(&query, peer);
	query_bind_integer(&query, after);
	query_bind_integer(&query, (int64_t)count_max + 1);
	return store_read_page(&query, count_max, ret_page);
}
