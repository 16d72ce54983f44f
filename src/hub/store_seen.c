/* When nodes were seen last, which changes each time that one comes or goes: collected, and written
 * many at a time. A transaction for each would be a fifth of what opening a socket costs, and with
 * SQLite wait for the disk each thousand times. A hub that crashes loses what it has not written.
 */
#include "hub/store_engine.h"

#include "base/text.h"

/* What a node takes in the text besides its id: quotes, a colon, the time and a comma. */
#define SEEN_TIME_MAX 24
#define SEEN_TEXT_MAX ((size_t)SEEN_MAX * (NODE_ID_MAX + SEEN_TIME_MAX) + 3)

/* As a JSON object of times by node, in which a node may be twice. */
static enum err write_down(const struct store *store, struct buffer *text)
{
	enum err err = buffer_append_text(text, "{");
	for (size_t i = 0; err == ERR_OK && i < store->seen_count; i++)
		err = buffer_append_format(text, "%s\"%s\":%lld", i ? "," : "",
			store->seen[i].node_id, (long long)store->seen[i].at);
	/* With its final zero. */
	return err == ERR_OK ? buffer_append(text, bytes_of("}", 2)) : err;
}

enum err store_seen_write(struct store *store)
{
	struct buffer text = buffer_with_max(SEEN_TEXT_MAX);
	if (store->seen_count == 0)
		return ERR_OK;
	enum err err = write_down(store, &text);
	if (err == ERR_OK) {
		struct statement *statement = store_statement(store, NODES_SEEN);
		store_bind_text(statement, 1, (const char *)text.data);
		err = store_step_change(statement);
	}
	if (err == ERR_OK)
		store->seen_count = 0;
	buffer_deinit(&text);
	return err;
}

enum err store_node_seen(struct store *store, const char *node_id, int64_t now)
{
	/* It stands in quotes as it is. */
	CHECK(node_id_is_valid(node_id));
	if (store->seen_count == SEEN_MAX) {
		enum err err = store_seen_write(store);
		if (err != ERR_OK)
			return err;
	}
	struct seen_node *seen = &store->seen[store->seen_count++];
	CHECK(text_copy(seen->node_id, sizeof seen->node_id, node_id));
	seen->at = now;
	return ERR_OK;
}
