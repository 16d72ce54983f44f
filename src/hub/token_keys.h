/* The keys that sign access tokens, as this hub knows them; the store has them for all hubs that
 * share it. The newest signs; older ones count until the last token that they signed has expired,
 * unless they were retired at once. A token names its key (`kid`), which is looked up here and
 * nowhere else. */
#ifndef HUB_TOKEN_KEYS_H
#define HUB_TOKEN_KEYS_H

#include "hub/store.h"

/* Zeroed, there are none. */
struct token_keys {
	struct store_key keys[TOKEN_KEYS_MAX]; /* the newest first */
	size_t count;
	int64_t loaded; /* when the store was last asked, in unix seconds */
};

/* Asks the store, and makes the first key when it has none. On failure, of the store, nothing has
 * changed. */
MUST_CHECK enum err token_keys_load(struct token_keys *keys, struct store *store, int64_t now);
/* Adds a key; the others retire when their tokens have expired, or `at_once`. As above. */
MUST_CHECK enum err token_keys_rotate(
	struct token_keys *keys, struct store *store, int64_t now, bool at_once);
/* Whether the newest is older than so many days. */
bool token_keys_are_old(const struct token_keys *keys, int64_t now, unsigned days);
/* Erases them. */
void token_keys_forget(struct token_keys *keys);

/* The one that signs. */
const struct store_key *token_keys_newest(const struct token_keys *keys);
/* NULL: there is none of this name that counts. */
const struct store_key *token_keys_find(const struct token_keys *keys, const char *id, int64_t now);

#endif
