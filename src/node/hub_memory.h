/* What a node knows of its hub over the runs: the address, and that the user has logged in there,
 * with the refresh token. Kept in the store's settings. */
#ifndef NODE_HUB_MEMORY_H
#define NODE_HUB_MEMORY_H

#include <stdbool.h>

struct config;
struct store;

/* Which hub the configuration names, else the store of an earlier run (NULL: there is none), into
 * CONFIG_TEXT_MAX + 1 characters; "": none. */
void hub_memory_url(struct store *store, const struct config *config, char *url);
/* The same, and whether the user has logged in there. `*ret_token`, to be freed, is the refresh
 * token, or NULL. */
bool hub_memory_recall(
	struct store *store, const struct config *config, char *url, char **ret_token);
/* Failures are logged: the login holds as long as the node runs. `token` may be NULL. */
void hub_memory_keep(struct store *store, const char *url, const char *token);
/* The user has logged out; the address is kept. */
void hub_memory_forget(struct store *store);

#endif
