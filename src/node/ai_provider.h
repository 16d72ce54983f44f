/* A program that runs AI models, behind one interface: a table of functions for each kind
 * (ai_kind.h). A job is one query or one listing; it reports through callbacks on the loop, any
 * number of deltas and then exactly one end, after which the job is gone. The callbacks may cancel
 * any job and start others, and must not destroy the provider. A provider only ever asks: it never
 * pulls, creates or deletes a model, and connects nowhere but to its URL. */
#ifndef NODE_AI_PROVIDER_H
#define NODE_AI_PROVIDER_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "message/message.h"
#include "node/limits.h"

struct ai_provider;
struct ai_job;
struct ai_kind;
struct http_client;

struct ai_query {
	const json_t *messages; /* array of {"role","content"}, as message_ai_query has it */
	const json_t *inputs;   /* instead: texts whose embeddings are asked for; or NULL */
	const json_t *options;  /* likewise, or NULL */
	const json_t *context;  /* object that the asker adds, or NULL */
	const char *model;
};

struct ai_models {
	const char *names[AI_MODELS_MAX]; /* borrowed, during the call */
	size_t count;
};

/* The end of a query: ERR_OK, or why it failed with a line for a person. */
struct ai_end {
	enum err err;
	const char *message; /* "" when all is well */
	const char *model;   /* that answered; "" when unknown */
	bool has_usage;
	struct message_usage usage;
};

struct ai_query_events {
	/* The next piece, not empty, valid UTF-8, borrowed during the call. */
	void (*delta)(struct ai_job *job, const char *text, void *user);
	void (*end)(struct ai_job *job, const struct ai_end *end, void *user);
};

typedef void ai_models_fn(struct ai_job *job, enum err err, const char *message,
	const struct ai_models *models, void *user);

struct ai_provider_config {
	const struct ai_kind *kind;
	const char *url; /* without a final slash */
	const char *key; /* that it asks for; "": none */
	unsigned
		quiet_seconds; /* for which it may say nothing in the middle of an answer; 0: any */
};

/* Copies what it needs of the configuration and borrows the client. ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err ai_provider_create(const struct ai_provider_config *config,
	struct http_client *client, struct ai_provider **ret_provider);
/* Cancels all jobs without calling back. Accepts NULL. */
void ai_provider_destroy(struct ai_provider *provider);

const char *ai_provider_url(const struct ai_provider *provider);

/* Starts a query; never calls back before it returns. ERR_LIMIT: AI_JOBS_MAX are at work;
 * ERR_UNSUPPORTED: it makes no embeddings, which come as one piece (ai_embed.h); ERR_TOO_LARGE,
 * ERR_NOMEM. */
MUST_CHECK enum err ai_provider_ask(struct ai_provider *provider, const struct ai_query *query,
	const struct ai_query_events *events, void *user, struct ai_job **ret_job);
/* Lists the models. */
MUST_CHECK enum err ai_provider_list(
	struct ai_provider *provider, ai_models_fn *callback, void *user, struct ai_job **ret_job);

/* Stops the work at once, closes the connection to the provider, and calls nobody back. */
void ai_job_cancel(struct ai_job *job);

#endif
