/* The whole history, page by page in the order of the database: for an export, which must not need
 * more memory than a page takes, however much there is. Also of peers that are no contacts any
 * more. */
#ifndef NODE_STORE_EXPORT_H
#define NODE_STORE_EXPORT_H

#include "node/store.h"

/* How many messages there are with the peer, or with all (NULL). */
MUST_CHECK enum err store_export_count(struct store *store, const char *peer, int64_t *ret_count);
/* The first peer behind `after` ("" for the first) with whom there are messages. ERR_NOT_FOUND:
 * there is none. */
MUST_CHECK enum err store_export_next_peer(
	struct store *store, const char *after, char ret_peer[STORE_NODE_ID_MAX + 1]);
/* Messages with the peer of a sequence above `after`, oldest first, at most `count_max` and
 * STORE_PAGE_MAX. */
MUST_CHECK enum err store_export_page(struct store *store, const char *peer, int64_t after,
	size_t count_max, struct store_page *ret_page);

#endif
