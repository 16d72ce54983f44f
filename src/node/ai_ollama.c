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

static enum err read_piece(struct bytes text, struct ai_piece *ret_piece)
{
	struct ai_piece piece = AI_PIECE_NONE;
	enum err err = ai_parse_piece(text, &piece.root);
	if (err)
		return err;
	err = read_fields(piece.root, &piece);
	if (err)
		json_decref(piece.root);
	else
		*ret_piece = piece;
	return err;
}

static enum err read_models(struct bytes body, json_t **ret_root, struct ai_models *ret_models)
{
	return ai_read_names(body, "models", "name", ret_root, ret_models);
}

const struct ai_kind ai_ollama = {
	.query_path = "/api/chat",
	.models_path = "/api/tags",
	.write_query = write_query,
	.read_piece = read_piece,
	.read_models = read_models,
};
