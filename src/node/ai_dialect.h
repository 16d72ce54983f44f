/* The two interfaces of the AI port: how a question is read, and how pieces, ends and errors are
 * written. Pure functions over JSON; ai_port.c does the serving. */
#ifndef NODE_AI_DIALECT_H
#define NODE_AI_DIALECT_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/err.h"
#include "message/limits.h"
#include "node/fault.h"
#include "node/limits.h"

/* A question that came in. Zeroed it is empty. */
struct ai_question {
	char model[AI_MODEL_NAME_MAX + 1];
	json_t *turns, *inputs, *options; /* owned; turns, or inputs for embeddings */
	bool stream, with_usage;
	bool packed; /* vectors in base64 */
};

void ai_question_deinit(struct ai_question *question);

/* Of an answer: what stands in each of its pieces. */
struct ai_heading {
	char id[40];
	const char *model;
	double time;        /* seconds since 1970, when it was asked */
	size_t input_count; /* of embeddings */
	bool packed;
};

struct ai_dialect {
	const char *stream_type; /* of its content */
	/* ERR_MALFORMED: ret_fault says what, for the program's author. ERR_NOMEM. On failure the
	 * question is empty. */
	enum err (*read)(
		const json_t *body, struct ai_question *ret_question, struct fault *ret_fault);
	/* Append to a stream; `usage` is an object of our own kind, or NULL. False: no memory. */
	bool (*begin)(const struct ai_heading *heading, struct buffer *out);
	bool (*delta)(const struct ai_heading *heading, const char *text, struct buffer *out);
	bool (*end)(const struct ai_heading *heading, const json_t *usage, bool with_usage,
		struct buffer *out);
	bool (*broken)(int status, const char *code, const char *message, struct buffer *out);
	/* An answer that is no stream. NULL: no memory; of embeddings: the text is none. */
	json_t *(*whole)(const struct ai_heading *heading, const char *text, const json_t *usage);
	json_t *(*error)(int status, const char *code, const char *message);
	/* An entry of the list of models, the list of such (taken), and what is told about the
	 * model of one entry; NULL: that is the entry. */
	json_t *(*model)(const char *name, double time);
	json_t *(*models)(json_t *entries);
	json_t *(*details)(const json_t *entry);
};

extern const struct ai_dialect ai_dialect_openai;   /* POST /v1/chat/completions */
extern const struct ai_dialect ai_dialect_chat;     /* Ollama's POST /api/chat */
extern const struct ai_dialect ai_dialect_generate; /* Ollama's POST /api/generate */
/* POST /v1/embeddings, /api/embed and /api/embeddings: never streams. */
extern const struct ai_dialect ai_dialect_openai_embed, ai_dialect_embed, ai_dialect_embed_prompt;

/* ---- What they have in common (ai_dialect.c) ---- */

/* The model's name and the turns of "messages". Content may be a text, or a list of parts of type
 * "text"; what cannot be passed on to a peer is refused. ERR_MALFORMED, ERR_NOMEM. */
MUST_CHECK enum err ai_question_read_model(
	const json_t *body, struct ai_question *question, struct fault *ret_fault);
MUST_CHECK enum err ai_question_read_turns(
	const json_t *body, struct ai_question *question, struct fault *ret_fault);
/* Copies an option under our name. */
void ai_question_copy_option(
	struct ai_question *question, const char *option, const json_t *from, const char *name);
/* Whether all options have their types. ERR_MALFORMED. */
MUST_CHECK enum err ai_question_check_options(
	const struct ai_question *question, struct fault *ret_fault);
json_t *ai_dialect_openai_error(int status, const char *code, const char *message);
json_t *ai_dialect_ollama_error(int status, const char *code, const char *message);
/* Appends prefix, the value as text, and suffix; takes the value. */
bool ai_dialect_append(struct buffer *out, const char *prefix, json_t *value, const char *suffix);

#endif
