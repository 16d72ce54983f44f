/* Looking for words in the history, with an FTS5 index beside the messages. Words of removed
 * messages may stay in its pages until SQLite merges them. */
#ifndef NODE_STORE_SEARCH_H
#define NODE_STORE_SEARCH_H

#include "node/store.h"

/* Around each word in a snippet that was looked for: characters that no text holds visibly. */
#define STORE_SNIPPET_BEGIN "\x02"
#define STORE_SNIPPET_END "\x03"

struct store_find {
	struct store_message message;
	char *snippet; /* some words of the text, with the found ones marked */
};

/* Zeroed it is empty. */
struct store_finds {
	struct store_find *finds;
	size_t count;
	bool more; /* there are older ones */
};

void store_finds_deinit(struct store_finds *finds);

/* The newest `count_max` messages (at most STORE_PAGE_MAX) with all of the words, newest first, of
 * sequences before `before` (0: from the newest). `words` are separated by spaces; one that ends
 * with
 * '*' stands for all that begin so; case and accents make no difference. `peer`: a node id, or NULL
 * for all. ERR_MALFORMED: no word, or not UTF-8; ERR_TOO_LARGE: beyond STORE_SEARCH_MAX bytes or
 * STORE_SEARCH_WORDS_MAX words. */
MUST_CHECK enum err store_search(struct store *store, const char *words, const char *peer,
	int64_t before, size_t count_max, struct store_finds *ret_finds);

/* For those who write messages, in their transaction: the one that has just been written can be
 * found; one whose text is about to change, or those that wait for the peer and are about to be
 * deleted, no longer. */
MUST_CHECK enum err store_search_add(struct store *store, int64_t sequence);
MUST_CHECK enum err store_search_remove(struct store *store, int64_t sequence);
MUST_CHECK enum err store_search_remove_pending(struct store *store, const char *peer);

#endif
