/* Embeddings: a list of texts, for each of which a model gives a vector of numbers. Between nodes
 * the vectors are the text of an answer, {"embeddings":[[…],…]}, so that what holds for the pieces
 * and limits of answers holds for them. */
#ifndef NODE_AI_EMBED_H
#define NODE_AI_EMBED_H

#include <jansson.h>

#include "node/ai_kind.h"

/* The body of a request to a provider. ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err ai_embed_write(
	const json_t *inputs, const char *model, struct buffer *ret_body);
/* What a provider of this kind answered to `count` texts, as the text between nodes, to be freed;
 * tokens are -1 when it does not say. ERR_MALFORMED, ERR_NOMEM. */
MUST_CHECK enum err ai_embed_read(const struct ai_kind *kind, struct bytes body, size_t count,
	char **ret_text, int64_t *ret_tokens);
/* The vectors in the text between nodes: an array of `count` arrays of numbers, owned by the
 * caller; NULL: the text is something else. */
json_t *ai_embed_vectors(struct bytes text, size_t count);

#endif
