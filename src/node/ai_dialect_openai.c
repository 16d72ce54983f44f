/* OpenAI's interface: server-sent events, or one object. */
#include "node/ai_dialect.h"

#include "message/json.h"

static enum err read_question(
	const json_t *body, struct ai_question *ret_question, struct fault *ret_fault)
{
	struct ai_question question = {0};
	json_t *stream_options = NULL;
	int64_t n = 1;
	enum err err = ai_question_read_model(body, &question, ret_fault);
	if (!err)
		err = ai_question_read_turns(body, &question, ret_fault);
	if (!err && (json_get_bool_if(body, "stream", &question.stream) ||
			    json_get_object_if(body, "stream_options", &stream_options) ||
			    (stream_options && json_get_bool_if(stream_options, "include_usage",
						       &question.with_usage)) ||
			    json_get_integer_if(body, "n", 1, 1, &n))) {
		fault_set(ret_fault, "'stream', 'stream_options' or 'n' is not understood; only "
				     "one answer can be asked for");
		err = ERR_MALFORMED;
	}
	static const char *const same[] = {"temperature", "top_p", "seed", "stop", "max_tokens"};
	for (size_t i = 0; !err && i < sizeof same / sizeof *same; i++)
		ai_question_copy_option(&question, same[i], body, same[i]);
	if (!err) {
		ai_question_copy_option(&question, "max_tokens", body, "max_completion_tokens");
		err = ai_question_check_options(&question, ret_fault);
	}
	if (err)
		ai_question_deinit(&question);
	else
		*ret_question = question;
	return err;
}

static json_t *usage_of(const json_t *usage)
{
	json_int_t prompt = json_integer_value(json_object_get(usage, "prompt_tokens"));
	json_int_t completion = json_integer_value(json_object_get(usage, "completion_tokens"));
	return json_pack("{s:I,s:I,s:I}", "prompt_tokens", prompt, "completion_tokens", completion,
		"total_tokens", prompt + completion);
}

/* Takes choices and usage (NULL: it is left out). */
static bool event(
	const struct ai_heading *heading, json_t *choices, json_t *usage, struct buffer *out)
{
	json_t *value = json_pack("{s:s,s:s,s:I,s:s,s:o,s:o*}", "id", heading->id, "object",
		"chat.completion.chunk", "created", (json_int_t)heading->time, "model",
		heading->model, "choices", choices, "usage", usage);
	return ai_dialect_append(out, "data: ", value, "\n\n");
}

static bool begin(const struct ai_heading *heading, struct buffer *out)
{
	return event(heading,
		json_pack("[{s:i,s:{s:s,s:s},s:n}]", "index", 0, "delta", "role", "assistant",
			"content", "", "finish_reason"),
		NULL, out);
}

static bool delta(const struct ai_heading *heading, const char *text, struct buffer *out)
{
	return event(heading,
		json_pack("[{s:i,s:{s:s},s:n}]", "index", 0, "delta", "content", text,
			"finish_reason"),
		NULL, out);
}

static bool end(
	const struct ai_heading *heading, const json_t *usage, bool with_usage, struct buffer *out)
{
	json_t *last = json_pack("[{s:i,s:{},s:s}]", "index", 0, "delta", "finish_reason", "stop");
	return event(heading, last, NULL, out) &&
	       (!with_usage || event(heading, json_array(), usage_of(usage), out)) &&
	       buffer_append_text(out, "data: [DONE]\n\n") == ERR_OK;
}

static const char *error_type(int status)
{
	switch (status) {
	case 401:
		return "authentication_error";
	case 403:
		return "permission_error";
	case 429:
		return "rate_limit_error";
	default:
		return status >= 500 ? "server_error" : "invalid_request_error";
	}
}

json_t *ai_dialect_openai_error(int status, const char *code, const char *message)
{
	/* Programs look for this one, to offer another model. */
	if (strcmp(code, "not_found") == 0)
		code = "model_not_found";
	return json_pack("{s:{s:s,s:s,s:n,s:s}}", "error", "message", message, "type",
		error_type(status), "param", "code", code);
}

static bool broken(int status, const char *code, const char *message, struct buffer *out)
{
	return ai_dialect_append(
		out, "data: ", ai_dialect_openai_error(status, code, message), "\n\n");
}

static json_t *whole(const struct ai_heading *heading, const char *text, const json_t *usage)
{
	return json_pack("{s:s,s:s,s:I,s:s,s:[{s:i,s:{s:s,s:s},s:s}],s:o}", "id", heading->id,
		"object", "chat.completion", "created", (json_int_t)heading->time, "model",
		heading->model, "choices", "index", 0, "message", "role", "assistant", "content",
		text, "finish_reason", "stop", "usage", usage_of(usage));
}

static json_t *model(const char *name, double time)
{
	return json_pack("{s:s,s:s,s:I,s:s}", "id", name, "object", "model", "created",
		(json_int_t)time, "owned_by", "dpc");
}

static json_t *models(json_t *entries)
{
	return json_pack("{s:s,s:o}", "object", "list", "data", entries);
}

const struct ai_dialect ai_dialect_openai = {
	.stream_type = "text/event-stream",
	.read = read_question,
	.begin = begin,
	.delta = delta,
	.end = end,
	.broken = broken,
	.whole = whole,
	.error = ai_dialect_openai_error,
	.model = model,
	.models = models,
};
