/* A conversation with an AI model, as `ai_query` carries it: an array of turns {"role","content"},
 * and options that shape the answer. The same form as in OpenAI's and Ollama's interfaces, but what
 * is not in it here is not passed on. */
#ifndef MESSAGE_TURNS_H
#define MESSAGE_TURNS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/err.h"

/* 1 to MESSAGE_TURNS_MAX objects, each with a text "content" and as "role" one of "system", "user"
 * and "assistant". */
bool turns_are_valid(const json_t *turns);
/* An object; of its fields these have a meaning, and must be of this type: "temperature" and
 * "top_p" numbers, "max_tokens" an integer above 0, "seed" an integer, "stop" an array of at most
 * MESSAGE_STOPS_MAX texts. */
bool turn_options_are_valid(const json_t *options);

/* What vectors are asked for: 1 to MESSAGE_INPUTS_MAX texts, none of them empty. */
bool turn_inputs_are_valid(const json_t *inputs);

/* The array for one question of the user; NULL when memory is out. */
json_t *turns_of_question(const char *question);
/* The conversation as one text, for who takes only a question. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err turns_flatten(const json_t *turns, struct buffer *ret_text);

#endif
