/* The AI providers of this node: the one that is configured, or those that answer on the ports
 * where such programs usually listen on this machine. Nobody is looked for before somebody asks.
 *
 * Work is one query or one listing, as with a provider; it is gone when its end is told. */
#ifndef NODE_AI_POOL_H
#define NODE_AI_POOL_H

#include "node/ai_provider.h"
#include "node/config.h"
#include "node/fault.h"

struct ai_pool;
struct ai_work;

#define AI_NO_EMBEDDINGS "the AI provider of this model makes no embeddings"

/* Where a provider may be. */
struct ai_place {
	const struct ai_kind *kind;
	const char *url;
};

struct ai_work_events {
	/* The next piece, not empty, valid UTF-8, borrowed during the call. May cancel the work. */
	void (*delta)(const char *text, void *user);
	void (*end)(const struct ai_end *end, void *user);
};

typedef void ai_work_models_fn(
	enum err err, const char *message, const struct ai_models *models, void *user);

/* As the configuration says; borrows the client. ERR_NOT_FOUND: it wants none; other errors have a
 * line in `ret_fault`. */
MUST_CHECK enum err ai_pool_create(const struct config *config, struct http_client *client,
	struct ai_pool **ret_pool, struct fault *ret_fault);
/* Looks at these places, AI_PLACES_MAX at most. ERR_NOMEM. */
MUST_CHECK enum err ai_pool_create_at(const struct ai_place *places, size_t count,
	unsigned quiet_seconds, struct http_client *client, struct ai_pool **ret_pool);
/* Cancels all work without calling back. Accepts NULL. */
void ai_pool_destroy(struct ai_pool *pool);

/* The default model's name from the configuration, or "". */
const char *ai_pool_model(const struct ai_pool *pool);

/* Starts a query; never calls back before it returns. ERR_LIMIT, ERR_UNSUPPORTED (embeddings),
 * ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err ai_pool_ask(struct ai_pool *pool, const struct ai_query *query,
	const struct ai_work_events *events, void *user, struct ai_work **ret_work);
/* Lists the models of all providers. */
MUST_CHECK enum err ai_pool_list(
	struct ai_pool *pool, ai_work_models_fn *callback, void *user, struct ai_work **ret_work);

/* Stops it at once, and calls nobody back. Accepts NULL. */
void ai_work_cancel(struct ai_work *work);

#endif
