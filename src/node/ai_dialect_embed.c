/* Embeddings in OpenAI's interface and in both of Ollama's forms: POST /v1/embeddings, /api/embed,
 * and /api/embeddings for one text. Never streams. */
#include "node/ai_dialect.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "message/turns.h"
#include "node/ai_embed.h"

/* ---- Questions ---- */

/* One text, or several. */
static enum err read_inputs(
	const json_t *body, const char *name, struct ai_question *question, struct fault *ret_fault)
{
	json_t *inputs = json_object_get(body, name);
	question->inputs = json_is_string(inputs) ? json_pack("[O]", inputs) : json_incref(inputs);
	/* A vector of another length fits no store. */
	if (turn_inputs_are_valid(question->inputs) &&
		!json_is_integer(json_object_get(body, "dimensions")))
		return ERR_OK;
	fault_set(ret_fault,
		"'%s' is no text and no list of 1 to %d texts, or 'dimensions' is asked for", name,
		MESSAGE_INPUTS_MAX);
	return ERR_MALFORMED;
}

static enum err read(const json_t *body, const char *name, struct ai_question *ret_question,
	struct fault *ret_fault)
{
	struct ai_question question = {0};
	const char *format = "float";
	enum err err = ai_question_read_model(body, &question, ret_fault);
	if (!err)
		err = read_inputs(body, name, &question, ret_fault);
	if (!err && json_get_text_if(body, "encoding_format", MESSAGE_CODE_MAX, &format)) {
		fault_set(ret_fault, "'encoding_format' is no text");
		err = ERR_MALFORMED;
	}
	question.packed = strcmp(format, "base64") == 0;
	if (err)
		ai_question_deinit(&question);
	else
		*ret_question = question;
	return err;
}

static enum err read_input(
	const json_t *body, struct ai_question *ret_question, struct fault *ret_fault)
{
	return read(body, "input", ret_question, ret_fault);
}

static enum err read_prompt(
	const json_t *body, struct ai_question *ret_question, struct fault *ret_fault)
{
	enum err err = read(body, "prompt", ret_question, ret_fault);
	if (!err && json_array_size(ret_question->inputs) != 1) {
		fault_set(ret_fault, "'prompt' is no text");
		ai_question_deinit(ret_question);
		err = ERR_MALFORMED;
	}
	return err;
}

/* ---- Answers ---- */

/* Floats of four bytes, the lowest first, in base64. */
static json_t *pack_vector(const json_t *vector)
{
	size_t size = json_array_size(vector);
	uint8_t *bytes = malloc(4 * size);
	if (!bytes)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		float number = (float)json_number_value(json_array_get(vector, i));
		uint32_t bits;
		memcpy(&bits, &number, sizeof bits);
		for (size_t k = 0; k < 4; k++)
			bytes[4 * i + k] = (uint8_t)(bits >> (8 * k));
	}
	char *text = base64_encode(bytes_of(bytes, 4 * size));
	json_t *packed = text ? json_string(text) : NULL;
	free(text);
	free(bytes);
	return packed;
}

static json_t *vectors_of(const struct ai_heading *heading, const char *text)
{
	return ai_embed_vectors(bytes_of_text(text), heading->input_count);
}

static json_t *whole_openai(const struct ai_heading *heading, const char *text, const json_t *usage)
{
	json_t *vectors = vectors_of(heading, text), *data = json_array();
	json_int_t tokens = json_integer_value(json_object_get(usage, "prompt_tokens"));
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		json_t *vector = json_array_get(vectors, i);
		json_array_append_new(
			data, json_pack("{s:s,s:I,s:o}", "object", "embedding", "index",
				      (json_int_t)i, "embedding",
				      heading->packed ? pack_vector(vector) : json_incref(vector)));
	}
	json_t *answer = json_pack("{s:s,s:O,s:s,s:{s:I,s:I}}", "object", "list", "data", data,
		"model", heading->model, "usage", "prompt_tokens", tokens, "total_tokens", tokens);
	bool ok = vectors && json_array_size(data) == json_array_size(vectors);
	json_decref(data);
	json_decref(vectors);
	if (ok)
		return answer;
	json_decref(answer);
	return NULL;
}

static json_t *whole_embed(const struct ai_heading *heading, const char *text, const json_t *usage)
{
	json_t *vectors = vectors_of(heading, text);
	return vectors ? json_pack("{s:s,s:o,s:O*}", "model", heading->model, "embeddings", vectors,
				 "prompt_eval_count", json_object_get(usage, "prompt_tokens"))
		       : NULL;
}

static json_t *whole_prompt(const struct ai_heading *heading, const char *text, const json_t *usage)
{
	json_t *vectors = vectors_of(heading, text);
	json_t *answer =
		vectors ? json_pack("{s:O}", "embedding", json_array_get(vectors, 0)) : NULL;
	(void)usage;
	json_decref(vectors);
	return answer;
}

const struct ai_dialect ai_dialect_openai_embed = {
	.read = read_input,
	.whole = whole_openai,
	.error = ai_dialect_openai_error,
};

const struct ai_dialect ai_dialect_embed = {
	.read = read_input,
	.whole = whole_embed,
	.error = ai_dialect_ollama_error,
};

const struct ai_dialect ai_dialect_embed_prompt = {
	.read = read_prompt,
	.whole = whole_prompt,
	.error = ai_dialect_ollama_error,
};
