/* What differs between kinds of AI providers: the paths, the body of a question, and how pieces and
 * lists are read. Pure functions over bytes; ai_provider.c does the asking. */
#ifndef NODE_AI_KIND_H
#define NODE_AI_KIND_H

#include "base/buffer.h"
#include "node/ai_provider.h"

/* What one piece of a streamed answer says. Texts are borrowed from `root`, which the reader frees
 * with json_decref(). */
struct ai_piece {
	json_t *root;                             /* NULL: it had no fields */
	const char *delta;                        /* "" when there is none */
	const char *error;                        /* the provider's own words, or NULL */
	const char *model;                        /* "" when unknown */
	bool complete;                            /* the text is; figures may follow */
	bool done;                                /* nothing follows */
	int64_t prompt_tokens, completion_tokens; /* -1: it does not say */
};

struct ai_kind {
	const char *query_path, *models_path;  /* behind the configured URL */
	bool streams_events;                   /* its pieces are server-sent events, else lines */
	const char *key_header;                /* "x-api-key: "; NULL: the key is a bearer token */
	const char *static_header;             /* sent with every request, or NULL */
	const char *end_text;                  /* a piece that is no object and the last, or NULL */
	const char *models_list, *models_name; /* the list of models, and the name in each */
	/* Embeddings: the path (NULL: it makes none), the list in the answer, and the vector in
	 * each of its objects (NULL: each is one); where tokens are counted, and in which object
	 * (NULL: in none). */
	const char *embed_path, *embed_list, *embed_vector, *embed_tokens, *embed_usage;
	/* Appends the body of a query that is to be streamed. ERR_TOO_LARGE, ERR_MALFORMED,
	 * ERR_NOMEM. */
	enum err (*write_query)(
		const struct ai_query *query, const char *model, struct buffer *ret_body);
	/* What the object of a piece says, into one that says nothing yet. ERR_MALFORMED. */
	enum err (*read_fields)(const json_t *root, struct ai_piece *piece);
};

extern const struct ai_kind ai_ollama; /* Ollama: lines of JSON */
extern const struct ai_kind ai_openai; /* OpenAI's, of llama-server, vLLM, LM Studio and others */
extern const struct ai_kind ai_anthropic; /* Anthropic's */

/* A piece, or the body of an answer that is an error. ERR_MALFORMED, ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err ai_read_piece(
	const struct ai_kind *kind, struct bytes text, struct ai_piece *ret_piece);
/* The names are borrowed from *ret_root, which the caller frees. Names beyond AI_MODELS_MAX, and
 * those too long for a message, are left out. ERR_MALFORMED, ERR_NOMEM. */
MUST_CHECK enum err ai_read_models(const struct ai_kind *kind, struct bytes body, json_t **ret_root,
	struct ai_models *ret_models);

/* ---- For the kinds ---- */

/* A new array of the query's messages, the asker's context in front as one of role "system". NULL
 * when memory is out. */
json_t *ai_messages_of(const struct ai_query *query);
/* Sets the option in `body` under the kind's name for it, if the query has it. */
void ai_copy_option(
	json_t *body, const char *name, const struct ai_query *query, const char *option);
/* Appends the body as text and releases it. ERR_TOO_LARGE, ERR_NOMEM. */
MUST_CHECK enum err ai_write_body(json_t *body, struct buffer *ret_body);
/* A "usage" or the like, with counts under these names. ERR_MALFORMED. */
MUST_CHECK enum err ai_read_usage(const json_t *usage, const char *prompt_name,
	const char *completion_name, struct ai_piece *piece);
/* {"error":{"message":…}} or {"error":"…"}: the words, or NULL. ERR_MALFORMED: of another form. */
MUST_CHECK enum err ai_read_error(const json_t *root, const char **ret_error);

#endif
