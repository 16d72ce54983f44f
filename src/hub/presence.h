/* Which nodes are connected to the signalling socket now. At most one connection a node: the
 * newest. */
#ifndef HUB_PRESENCE_H
#define HUB_PRESENCE_H

#include "base/map.h"
#include "crypto/node_id.h"

/* Embedded in what the connection is for its owner. */
struct presence_entry {
	char node_id[NODE_ID_MAX];
	uint64_t stamp; /* when it connected, for other hubs (roster.h) */
	bool is_present;
};

struct presence {
	struct map entries;
};

void presence_init(struct presence *presence, size_t max, struct rng *rng);
/* Everything must have left. */
void presence_deinit(struct presence *presence);

/* The entry becomes the one of its node; the one that it replaced, or NULL, is `*ret_replaced` and
 * is present no more. ERR_LIMIT, ERR_NOMEM: nothing has changed. */
MUST_CHECK enum err presence_enter(struct presence *presence, struct presence_entry *entry,
	struct presence_entry **ret_replaced);
/* Nothing when it was replaced. */
void presence_leave(struct presence *presence, struct presence_entry *entry);
/* NULL: not connected. */
struct presence_entry *presence_find(const struct presence *presence, const char *node_id);
/* One by one, from *cursor = 0; NULL at the end. Nothing may enter or leave meanwhile. */
struct presence_entry *presence_next(const struct presence *presence, size_t *cursor);
size_t presence_count(const struct presence *presence);

#endif
