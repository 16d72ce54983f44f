/* Ollama's interface: lines of JSON, or one object; for conversations and for single prompts. */
#include "node/ai_dialect.h"

#include <stdio.h>
#include <time.h>

#include "message/json.h"
#include "message/turns.h"

#define TIME_MAX 40

static const char *time_text(double time, char text[TIME_MAX])
{
	struct tm parts = {0};
	time_t seconds = (time_t)time;
	gmtime_r(&seconds, &parts);
	strftime(text, TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
	return text;
}

/* ---- Questions ---- */

static enum err read_options(
	const json_t *body, struct ai_question *question, struct fault *ret_fault)
{
	static const char *const same[] = {"temperature", "top_p", "seed", "stop"};
	const json_t *options = json_object_get(body, "options");
	question->stream = true;
	if (json_get_bool_if(body, "stream", &question->stream)) {
		fault_set(ret_fault, "'stream' is neither true nor false");
		return ERR_MALFORMED;
	}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		ai_question_copy_option(question, same[i], options, same[i]);
	/* Below 1 it means that there is no bound. */
	if (json_integer_value(json_object_get(options, "num_predict")) > 0)
		ai_question_copy_option(question, "max_tokens", options, "num_predict");
	return ai_question_check_options(question, ret_fault);
}

static enum err take(enum err err, struct ai_question *question, struct ai_question *ret_question)
{
	if (err)
		ai_question_deinit(question);
	else
		*ret_question = *question;
	return err;
}

static enum err read_chat(
	const json_t *body, struct ai_question *ret_question, struct fault *ret_fault)
{
	struct ai_question question = {0};
	enum err err = ai_question_read_model(body, &question, ret_fault);
	if (!err)
		err = ai_question_read_turns(body, &question, ret_fault);
	if (!err)
		err = read_options(body, &question, ret_fault);
	return take(err, &question, ret_question);
}

static enum err read_prompt(
	const json_t *body, struct ai_question *question, struct fault *ret_fault)
{
	const char *prompt = NULL, *system = NULL;
	if (json_get_text(body, "prompt", MESSAGE_SIZE_MAX, &prompt) || !prompt[0] ||
		json_get_text_if(body, "system", MESSAGE_SIZE_MAX, &system)) {
		fault_set(ret_fault, "'prompt' is missing or no text, or 'system' is no text");
		return ERR_MALFORMED;
	}
	if (json_array_size(json_object_get(body, "images")) > 0) {
		fault_set(ret_fault, "'images' are not passed on to peers");
		return ERR_MALFORMED;
	}
	question->turns = turns_of_question(prompt);
	if (!question->turns)
		return ERR_NOMEM;
	if (system && system[0])
		json_array_insert_new(question->turns, 0,
			json_pack("{s:s,s:s}", "role", "system", "content", system));
	return ERR_OK;
}

static enum err read_generate(
	const json_t *body, struct ai_question *ret_question, struct fault *ret_fault)
{
	struct ai_question question = {0};
	enum err err = ai_question_read_model(body, &question, ret_fault);
	if (!err)
		err = read_prompt(body, &question, ret_fault);
	if (!err)
		err = read_options(body, &question, ret_fault);
	return take(err, &question, ret_question);
}

/* ---- Answers ---- */

static json_t *line(const struct ai_heading *heading, const char *text, bool is_chat, bool done)
{
	char time[TIME_MAX];
	json_t *value = json_pack("{s:s,s:s,s:b}", "model", heading->model, "created_at",
		time_text(heading->time, time), "done", (int)done);
	json_t *message = is_chat ? json_pack("{s:s,s:s}", "role", "assistant", "content", text)
				  : json_string(text);
	if (value)
		json_object_set_new(value, is_chat ? "message" : "response", message);
	else
		json_decref(message);
	return value;
}

static json_t *last_line(
	const struct ai_heading *heading, const char *text, const json_t *usage, bool is_chat)
{
	json_t *value = line(heading, text, is_chat, true);
	json_t *prompt = json_object_get(usage, "prompt_tokens");
	json_t *completion = json_object_get(usage, "completion_tokens");
	json_object_set_new(value, "done_reason", json_string("stop"));
	if (prompt)
		json_object_set(value, "prompt_eval_count", prompt);
	if (completion)
		json_object_set(value, "eval_count", completion);
	return value;
}

static bool begin(const struct ai_heading *heading, struct buffer *out)
{
	(void)heading;
	(void)out;
	return true;
}

static bool delta_chat(const struct ai_heading *heading, const char *text, struct buffer *out)
{
	return ai_dialect_append(out, "", line(heading, text, true, false), "\n");
}

static bool delta_generate(const struct ai_heading *heading, const char *text, struct buffer *out)
{
	return ai_dialect_append(out, "", line(heading, text, false, false), "\n");
}

static bool end_chat(
	const struct ai_heading *heading, const json_t *usage, bool with_usage, struct buffer *out)
{
	(void)with_usage;
	return ai_dialect_append(out, "", last_line(heading, "", usage, true), "\n");
}

static bool end_generate(
	const struct ai_heading *heading, const json_t *usage, bool with_usage, struct buffer *out)
{
	(void)with_usage;
	return ai_dialect_append(out, "", last_line(heading, "", usage, false), "\n");
}

json_t *ai_dialect_ollama_error(int status, const char *code, const char *message)
{
	(void)status;
	(void)code;
	return json_pack("{s:s}", "error", message);
}

static bool broken(int status, const char *code, const char *message, struct buffer *out)
{
	return ai_dialect_append(out, "", ai_dialect_ollama_error(status, code, message), "\n");
}

static json_t *whole_chat(const struct ai_heading *heading, const char *text, const json_t *usage)
{
	return last_line(heading, text, usage, true);
}

static json_t *whole_generate(
	const struct ai_heading *heading, const char *text, const json_t *usage)
{
	return last_line(heading, text, usage, false);
}

/* ---- Lists ---- */

/* Nobody told us; programs expect the fields. */
static json_t *unknown_details(void)
{
	return json_pack("{s:s,s:s,s:s,s:[],s:s,s:s}", "parent_model", "", "format", "", "family",
		"", "families", "parameter_size", "", "quantization_level", "");
}

static json_t *model(const char *name, double time)
{
	char text[TIME_MAX];
	return json_pack("{s:s,s:s,s:s,s:i,s:s,s:o}", "name", name, "model", name, "modified_at",
		time_text(time, text), "size", 0, "digest", "", "details", unknown_details());
}

static json_t *models(json_t *entries)
{
	return json_pack("{s:o}", "models", entries);
}

static json_t *details(const json_t *entry)
{
	return json_pack("{s:s,s:s,s:s,s:O,s:O,s:{},s:[s]}", "modelfile", "", "parameters", "",
		"template", "", "details", json_object_get(entry, "details"), "modified_at",
		json_object_get(entry, "modified_at"), "model_info", "capabilities", "completion");
}

const struct ai_dialect ai_dialect_chat = {
	.stream_type = "application/x-ndjson",
	.read = read_chat,
	.begin = begin,
	.delta = delta_chat,
	.end = end_chat,
	.broken = broken,
	.whole = whole_chat,
	.error = ai_dialect_ollama_error,
	.model = model,
	.models = models,
	.details = details,
};

const struct ai_dialect ai_dialect_generate = {
	.stream_type = "application/x-ndjson",
	.read = read_generate,
	.begin = begin,
	.delta = delta_generate,
	.end = end_generate,
	.broken = broken,
	.whole = whole_generate,
	.error = ai_dialect_ollama_error,
	.model = model,
	.models = models,
	.details = details,
};
