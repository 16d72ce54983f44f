#include "hub/presence.h"

static struct bytes key_of(const struct presence_entry *entry)
{
	return bytes_of_text(entry->node_id);
}

void presence_init(struct presence *presence, size_t max, struct rng *rng)
{
	map_init(&presence->entries, max, rng);
}

void presence_deinit(struct presence *presence)
{
	CHECK(presence->entries.count == 0);
	map_deinit(&presence->entries);
}

enum err presence_enter(struct presence *presence, struct presence_entry *entry,
	struct presence_entry **ret_replaced)
{
	struct presence_entry *replaced = presence_find(presence, entry->node_id);
	if (replaced)
		presence_leave(presence, replaced);
	enum err err = map_insert(&presence->entries, key_of(entry), entry);
	if (err != ERR_OK) {
		/* The place of the older one is still free. */
		if (replaced &&
			map_insert(&presence->entries, key_of(replaced), replaced) == ERR_OK)
			replaced->is_present = true;
		return err;
	}
	entry->is_present = true;
	*ret_replaced = replaced;
	return ERR_OK;
}

void presence_leave(struct presence *presence, struct presence_entry *entry)
{
	if (!entry->is_present)
		return;
	CHECK(map_remove(&presence->entries, key_of(entry)) == entry);
	entry->is_present = false;
}

struct presence_entry *presence_find(const struct presence *presence, const char *node_id)
{
	return map_get(&presence->entries, bytes_of_text(node_id));
}

struct presence_entry *presence_next(const struct presence *presence, size_t *cursor)
{
	return map_next(&presence->entries, cursor);
}

size_t presence_count(const struct presence *presence)
{
	return presence->entries.count;
}
