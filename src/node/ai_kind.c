#include "node/ai_kind.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "message/json.h"

static_assert(AI_LINE_MAX <= MESSAGE_ANSWER_MAX, "a piece fits into a message");

/* The asker's context is data, not instructions. */
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

json_t *ai_messages_of(const struct ai_query *query)
{
	json_t *messages = json_array();
	bool failed = !messages;
	if (query->context && json_object_size(query->context) > 0)
		failed |= json_array_append_new(messages, context_message(query->context)) != 0;
	for (size_t i = 0; i < json_array_size(query->messages); i++)
		failed |= json_array_append(messages, json_array_get(query->messages, i)) != 0;
	if (!failed)
		return messages;
	json_decref(messages);
	return NULL;
}

void ai_copy_option(
	json_t *body, const char *name, const struct ai_query *query, const char *option)
{
	json_t *value = json_object_get(query->options, option);
	if (value)
		json_object_set(body, name, value);
}

enum err ai_write_body(json_t *body, struct buffer *ret_body)
{
	char *text = json_take_text(body);
	if (!text)
		return ERR_NOMEM;
	enum err err = buffer_append_text(ret_body, text);
	free(text);
	return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
}

enum err ai_read_piece(const struct ai_kind *kind, struct bytes text, struct ai_piece *ret_piece)
{
	struct ai_piece piece = {
		.delta = "", .model = "", .prompt_tokens = -1, .completion_tokens = -1};
	piece.done = kind->end_text && bytes_equal_text(text, kind->end_text);
	if (!piece.done) {
		enum err err = json_parse_object(text, AI_LINE_MAX, &piece.root);
		if (err)
			return err == ERR_LIMIT ? ERR_TOO_LARGE : err;
		err = kind->read_fields(piece.root, &piece);
		if (err) {
			json_decref(piece.root);
			return err;
		}
	}
	*ret_piece = piece;
	return ERR_OK;
}

enum err ai_read_usage(const json_t *usage, const char *prompt_name, const char *completion_name,
	struct ai_piece *piece)
{
	enum err err = json_get_integer_if(usage, prompt_name, 0, INT32_MAX, &piece->prompt_tokens);
	return err ? err
		   : json_get_integer_if(
			     usage, completion_name, 0, INT32_MAX, &piece->completion_tokens);
}

enum err ai_read_error(const json_t *root, const char **ret_error)
{
	const json_t *error = json_object_get(root, "error");
	*ret_error = NULL;
	if (!error || json_is_null(error))
		return ERR_OK;
	if (json_is_object(error))
		return json_get_text(error, "message", AI_LINE_MAX, ret_error);
	return json_get_text(root, "error", AI_LINE_MAX, ret_error);
}

enum err ai_read_models(const struct ai_kind *kind, struct bytes body, json_t **ret_root,
	struct ai_models *ret_models)
{
	json_t *root, *items, *item;
	size_t index;
	enum err err = json_parse_object(body, body.size, &root);
	if (err)
		return err == ERR_NOMEM ? err : ERR_MALFORMED;
	err = json_get_array(root, kind->models_list, &items);
	if (err) {
		json_decref(root);
		return err;
	}
	struct ai_models models = {0};
	json_array_foreach(items, index, item)
	{
		const char *text = "";
		if (models.count < AI_MODELS_MAX &&
			!json_get_text(item, kind->models_name, MESSAGE_MODEL_MAX, &text) && *text)
			models.names[models.count++] = text;
	}
	*ret_models = models;
	*ret_root = root;
	return ERR_OK;
}
