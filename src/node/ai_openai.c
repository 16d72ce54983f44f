/* OpenAI's HTTP API, which llama-server, vLLM, LM Studio and others speak too: POST
 * /v1/chat/completions, answered by server-sent events, and GET /v1/models. */
#include "node/ai_kind.h"

#include "message/json.h"

static enum err write_query(
	const struct ai_query *query, const char *model, struct buffer *ret_body)
{
	json_t *messages = ai_messages_of(query);
	json_t *body =
		messages ? json_pack("{s:s,s:o,s:b,s:{s:b}}", "model", model, "messages", messages,
				   "stream", 1, "stream_options", "include_usage", 1)
			 : NULL;
	static const char *const options[] = {"temperature", "top_p", "max_tokens", "seed", "stop"};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		ai_copy_option(body, options[i], query, options[i]);
	return ai_write_body(body, ret_body);
}

static enum err read_choice(const json_t *choice, struct ai_piece *piece)
{
	json_t *delta = NULL;
	const char *reason = NULL;
	if (json_get_object_if(choice, "delta", &delta) ||
		json_get_text_if(choice, "finish_reason", AI_LINE_MAX, &reason))
		return ERR_MALFORMED;
	piece->complete = reason != NULL;
	return delta ? json_get_text_if(delta, "content", AI_LINE_MAX, &piece->delta) : ERR_OK;
}

static enum err read_fields(const json_t *root, struct ai_piece *piece)
{
	json_t *choices = NULL, *usage = NULL;
	const char *object = NULL;
	if (ai_read_error(root, &piece->error) ||
		json_get_text_if(root, "object", AI_LINE_MAX, &object) ||
		json_get_array_if(root, "choices", &choices) ||
		json_get_object_if(root, "usage", &usage) ||
		json_get_text_if(root, "model", MESSAGE_MODEL_MAX, &piece->model))
		return ERR_MALFORMED;
	/* As older vLLM says it. */
	if (!piece->error && object && strcmp(object, "error") == 0)
		return json_get_text(root, "message", AI_LINE_MAX, &piece->error);
	if (!piece->error && !choices)
		return ERR_MALFORMED;
	if (usage && ai_read_usage(usage, "prompt_tokens", "completion_tokens", piece))
		return ERR_MALFORMED;
	/* The last event has figures and no choice. */
	const json_t *choice = json_array_get(choices, 0);
	return choice ? read_choice(choice, piece) : ERR_OK;
}

const struct ai_kind ai_openai = {
	.query_path = "/v1/chat/completions",
	.models_path = "/v1/models",
	.streams_events = true,
	.end_text = "[DONE]",
	.embed_path = "/v1/embeddings",
	.embed_list = "data",
	.embed_vector = "embedding",
	.embed_usage = "usage",
	.embed_tokens = "prompt_tokens",
	.models_list = "data",
	.models_name = "id",
	.write_query = write_query,
	.read_fields = read_fields,
};
