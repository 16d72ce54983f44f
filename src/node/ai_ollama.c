/* Ollama's HTTP API: POST /api/chat, answered by a stream of lines of JSON, and GET /api/tags for
 * the models. Programs that speak it too can be used in its place. */
#include "node/ai_kind.h"

#include "message/json.h"

static enum err write_query(
	const struct ai_query *query, const char *model, struct buffer *ret_body)
{
	json_t *messages = ai_messages_of(query);
	json_t *body = messages ? json_pack("{s:s,s:o,s:b}", "model", model, "messages", messages,
					  "stream", 1)
				: NULL;
	json_t *options = body && query->options ? json_object() : NULL;
	ai_copy_option(options, "temperature", query, "temperature");
	ai_copy_option(options, "top_p", query, "top_p");
	ai_copy_option(options, "num_predict", query, "max_tokens");
	ai_copy_option(options, "seed", query, "seed");
	ai_copy_option(options, "stop", query, "stop");
	if (options)
		json_object_set_new(body, "options", options);
	return ai_write_body(body, ret_body);
}

static enum err read_fields(const json_t *root, struct ai_piece *piece)
{
	json_t *message = NULL;
	if (json_get_text_if(root, "error", AI_LINE_MAX, &piece->error) ||
		json_get_object_if(root, "message", &message) ||
		json_get_bool_if(root, "done", &piece->done) ||
		json_get_text_if(root, "model", MESSAGE_MODEL_MAX, &piece->model) ||
		ai_read_usage(root, "prompt_eval_count", "eval_count", piece))
		return ERR_MALFORMED;
	if (message && json_get_text_if(message, "content", AI_LINE_MAX, &piece->delta))
		return ERR_MALFORMED;
	return message || piece->done || piece->error ? ERR_OK : ERR_MALFORMED;
}

const struct ai_kind ai_ollama = {
	.query_path = "/api/chat",
	.models_path = "/api/tags",
	.embed_path = "/api/embed",
	.embed_list = "embeddings",
	.embed_tokens = "prompt_eval_count",
	.models_list = "models",
	.models_name = "name",
	.write_query = write_query,
	.read_fields = read_fields,
};
