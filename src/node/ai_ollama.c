#include "node/ai_ollama.h"

#include <assert.h>
#include <stdlib.h>

#include "message/json.h"

static_assert(AI_LINE_MAX <= MESSAGE_ANSWER_MAX, "a piece fits into a message");

/* The asker's context goes before the question, and is data, not instructions. */
static json_t *context_message(const json_t *context)
{
	char *json = json_to_text(context);
	json_t *message = NULL;
	if (json)
		message = json_pack("{s:s,s:s+}", "role", "system", "content",
			"The person who asks adds this context, as JSON:\n", json);
	free(json);
	return message;
}

static enum err write_query(
	const struct ai_query *query, const char *model, struct buffer *ret_body)
{
	json_t *messages = json_array();
	bool failed = !messages;
	if (query->context && json_object_size(query->context) > 0)
		failed |= json_array_append_new(messages, context_message(query->context)) != 0;
	failed |= json_array_append_new(messages,
			  json_pack("{s:s,s:s}", "role", "user", "content", query->query)) != 0;
	if (failed) {
		json_decref(messages);
		return ERR_NOMEM;
	}
	char *text = json_take_text(
		json_pack("{s:s,s:o,s:b}", "model", model, "messages", messages, "stream", 1));
	if (!text)
		return ERR_NOMEM;
	enum err err = buffer_append_text(ret_body, text);
	free(text);
	return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
}

static enum err read_fields(const json_t *root, struct ai_piece *piece)
{
	json_t *message = NULL;
	int64_t prompt = -1, completion = -1;
	if (json_get_text_if(root, "error", AI_LINE_MAX, &piece->error) ||
		json_get_object_if(root, "message", &message) ||
		json_get_bool_if(root, "done", &piece->done) ||
		json_get_text_if(root, "model", MESSAGE_MODEL_MAX, &piece->model) ||
		json_get_integer_if(root, "prompt_eval_count", 0, INT32_MAX, &prompt) ||
		json_get_integer_if(root, "eval_count", 0, INT32_MAX, &completion))
		return ERR_MALFORMED;
	if (message && json_get_text_if(message, "content", AI_LINE_MAX, &piece->delta))
		return ERR_MALFORMED;
	if (!message && !piece->done && !piece->error)
		return ERR_MALFORMED;
	/* A prompt that it had in its cache is not counted again, and then left out. */
	if (piece->done && (prompt >= 0 || completion >= 0)) {
		piece->has_usage = true;
		piece->usage.prompt_tokens = prompt >= 0 ? prompt : 0;
		piece->usage.completion_tokens = completion >= 0 ? completion : 0;
	}
	return ERR_OK;
}

static enum err read_line(struct bytes line, struct ai_piece *ret_piece)
{
	struct ai_piece piece = {.delta = "", .model = ""};
	enum err err = json_parse_object(line, AI_LINE_MAX, &piece.root);
	if (err)
		return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
	err = read_fields(piece.root, &piece);
	if (err)
		json_decref(piece.root);
	else
		*ret_piece = piece;
	return err;
}

static enum err read_models(struct bytes body, json_t **ret_root, struct ai_models *ret_models)
{
	json_t *root, *list, *item;
	size_t index;
	enum err err = json_parse_object(body, body.size, &root);
	if (err)
		return err == ERR_NOMEM ? err : ERR_MALFORMED;
	err = json_get_array(root, "models", &list);
	if (err) {
		json_decref(root);
		return err;
	}
	struct ai_models models = {0};
	json_array_foreach(list, index, item)
	{
		const char *name = "";
		if (models.count < AI_MODELS_MAX &&
			!json_get_text(item, "name", MESSAGE_MODEL_MAX, &name) && *name)
			models.names[models.count++] = name;
	}
	*ret_models = models;
	*ret_root = root;
	return ERR_OK;
}

const struct ai_kind ai_ollama = {
	.query_path = "/api/chat",
	.models_path = "/api/tags",
	.write_query = write_query,
	.read_line = read_line,
	.read_models = read_models,
};
