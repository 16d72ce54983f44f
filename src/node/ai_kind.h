/* What differs between kinds of AI providers: the paths, the body of a question, and how lines and
 * lists are read. Pure functions over bytes; ai_provider.c does the asking. */
#ifndef NODE_AI_KIND_H
#define NODE_AI_KIND_H

#include "base/buffer.h"
#include "node/ai_provider.h"

/* What one line of a streamed answer says. Texts are borrowed from `root`, which the reader frees
 * with json_decref(). */
struct ai_piece {
	json_t *root;
	const char *delta; /* "" when there is none */
	const char *error; /* the provider's own words, or NULL */
	const char *model; /* "" when unknown */
	bool done;
	bool has_usage;
	struct message_usage usage;
};

struct ai_kind {
	const char *query_path, *models_path; /* behind the configured URL */
	/* Appends the body of a query that is to be streamed. ERR_TOO_LARGE, ERR_MALFORMED,
	 * ERR_NOMEM. */
	enum err (*write_query)(
		const struct ai_query *query, const char *model, struct buffer *ret_body);
	/* ERR_MALFORMED, ERR_TOO_LARGE, ERR_NOMEM. */
	enum err (*read_line)(struct bytes line, struct ai_piece *ret_piece);
	/* The names are borrowed from *ret_root, which the caller frees. Names beyond
	 * AI_MODELS_MAX, and those too long for a message, are left out. ERR_MALFORMED. */
	enum err (*read_models)(struct bytes body, json_t **ret_root, struct ai_models *ret_models);
};

#endif
