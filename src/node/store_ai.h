/* The audit log of what peers asked of our AI models: one entry for every query, also for those
 * that were refused, in the node's database. The text of a query is only kept when the owner says
 * so. The oldest entries beyond STORE_AI_LOG_MAX are dropped.
 *
 * Entries do not wait for the disk: a power cut may lose the last ones, and an answer is never
 * later for them. Errors as in store.h. */
#ifndef NODE_STORE_AI_H
#define NODE_STORE_AI_H

#include "node/store.h"

struct store_ai_entry {
	int64_t sequence;
	double time; /* seconds since 1970, when it came */
	char peer[STORE_NODE_ID_MAX + 1];
	char model[STORE_AI_MODEL_MAX + 1];
	char outcome[STORE_AI_OUTCOME_MAX + 1]; /* "waiting", "working", "done", "failed",
						 * "cancelled", "denied", "limit" */
	int64_t prompt_tokens, completion_tokens;
	bool estimated; /* the tokens: the provider did not say */
	int64_t duration_ms;
	char *prompt; /* NULL: not kept; owned by the page */
};

struct store_ai_page {
	struct store_ai_entry *entries; /* the newest first */
	size_t count;
};

void store_ai_page_deinit(struct store_ai_page *page);

/* Adds what has begun, or was refused. `prompt` may be NULL. */
MUST_CHECK enum err store_ai_begin(struct store *store, const struct store_ai_entry *entry,
	const char *prompt, int64_t *ret_sequence);
/* How it ended: outcome, tokens and duration. */
MUST_CHECK enum err store_ai_end(struct store *store, const struct store_ai_entry *entry);
/* What ended with the node that worked on it. For the start of a node. */
MUST_CHECK enum err store_ai_recover(struct store *store);

/* What the peer has used since then: queries that were not refused, and tokens. */
MUST_CHECK enum err store_ai_usage(struct store *store, const char *peer, double since,
	int64_t *ret_queries, int64_t *ret_tokens);
/* The last entries, of one peer or (NULL) of all, at most STORE_PAGE_MAX. */
MUST_CHECK enum err store_ai_list(
	struct store *store, const char *peer, size_t count_max, struct store_ai_page *ret_page);

#endif
