/* Anthropic's HTTP API: POST /v1/messages, answered by server-sent events, and GET /v1/models. */
#include "node/ai_kind.h"

#include "base/buffer.h"
#include "base/text.h"
#include "message/json.h"

/* The interface demands a bound. */
#define TOKENS_MAX_DEFAULT 4096

/* What is of role "system" stands apart from the conversation: moved out of it, into one text. */
static bool split_system(json_t *messages, struct buffer *ret_system)
{
	bool ok = true;
	for (size_t i = 0; i < json_array_size(messages);) {
		const json_t *message = json_array_get(messages, i);
		const char *role = json_string_value(json_object_get(message, "role"));
		const char *content = json_string_value(json_object_get(message, "content"));
		if (!role || !content || strcmp(role, "system") != 0) {
			i++;
			continue;
		}
		if (ret_system->size > 0)
			ok &= buffer_append_text(ret_system, "\n\n") == ERR_OK;
		ok &= buffer_append_text(ret_system, content) == ERR_OK;
		json_array_remove(messages, i);
	}
	return ok;
}

static enum err write_query(
	const struct ai_query *query, const char *model, struct buffer *ret_body)
{
	struct buffer system = buffer_with_max(AI_QUERY_BODY_MAX);
	json_t *messages = ai_messages_of(query);
	json_t *body = NULL;
	if (messages && split_system(messages, &system))
		body = json_pack("{s:s,s:i,s:O,s:b}", "model", model, "max_tokens",
			TOKENS_MAX_DEFAULT, "messages", messages, "stream", 1);
	if (body && system.size > 0)
		json_object_set_new(body, "system", json_string(buffer_text(&system)));
	json_decref(messages);
	buffer_deinit(&system);
	ai_copy_option(body, "max_tokens", query, "max_tokens");
	ai_copy_option(body, "temperature", query, "temperature");
	ai_copy_option(body, "top_p", query, "top_p");
	ai_copy_option(body, "stop_sequences", query, "stop");
	return ai_write_body(body, ret_body);
}

/* The events come in this order: message_start, then for each block of content its start, its
 * deltas and its stop, then message_delta with the figures, and message_stop; "ping" anywhere.
 * Others may be added at any time, and are left out. */
static enum err read_fields(const json_t *root, struct ai_piece *piece)
{
	json_t *part = NULL, *usage = NULL;
	const char *type;
	if (json_get_text(root, "type", AI_LINE_MAX, &type))
		return ERR_MALFORMED;
	if (strcmp(type, "error") == 0)
		return ai_read_error(root, &piece->error);
	if (strcmp(type, "message_start") == 0) {
		if (json_get_object(root, "message", &part) ||
			json_get_text_if(part, "model", MESSAGE_MODEL_MAX, &piece->model) ||
			json_get_object_if(part, "usage", &usage))
			return ERR_MALFORMED;
	} else if (strcmp(type, "content_block_delta") == 0) {
		/* Of kind text_delta; others, such as its thinking, have no "text". */
		return json_get_object(root, "delta", &part)
			       ? ERR_MALFORMED
			       : json_get_text_if(part, "text", AI_LINE_MAX, &piece->delta);
	} else if (strcmp(type, "message_delta") == 0) {
		piece->complete = true;
		if (json_get_object_if(root, "usage", &usage))
			return ERR_MALFORMED;
	}
	piece->done = strcmp(type, "message_stop") == 0;
	return usage ? ai_read_usage(usage, "input_tokens", "output_tokens", piece) : ERR_OK;
}

const struct ai_kind ai_anthropic = {
	.query_path = "/v1/messages",
	.models_path = "/v1/models?limit=1000",
	.streams_events = true,
	.key_header = "x-api-key: ",
	.static_header = "anthropic-version: 2023-06-01",
	.models_list = "data",
	.models_name = "id",
	.write_query = write_query,
	.read_fields = read_fields,
};
