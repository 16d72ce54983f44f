#include "node/ai_dialect.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "message/turns.h"

void ai_question_deinit(struct ai_question *question)
{
	json_decref(question->turns);
	json_decref(question->inputs);
	json_decref(question->options);
	*question = (struct ai_question){0};
}

enum err ai_question_read_model(
	const json_t *body, struct ai_question *question, struct fault *ret_fault)
{
	const char *model = NULL;
	const json_t *tools = json_object_get(body, "tools");
	if (json_get_text(body, "model", AI_MODEL_NAME_MAX, &model) || !model[0]) {
		fault_set(ret_fault, "'model' is missing or no name");
		return ERR_MALFORMED;
	}
	/* Leaving it out would be an answer to another question. */
	if (json_array_size(tools) > 0) {
		fault_set(ret_fault, "'tools' are not passed on to peers");
		return ERR_MALFORMED;
	}
	CHECK(text_copy(question->model, sizeof question->model, model));
	question->options = json_object();
	return question->options ? ERR_OK : ERR_NOMEM;
}

/* The text of a content that is a text or a list of such; NULL: it is neither. To be freed. */
static char *text_of(const json_t *content)
{
	struct buffer text = buffer_with_max(MESSAGE_SIZE_MAX);
	bool ok = json_is_array(content) && json_array_size(content) > 0;
	if (json_is_string(content))
		return text_duplicate(json_string_value(content));
	for (size_t i = 0; ok && i < json_array_size(content); i++) {
		const char *part = NULL;
		ok = json_get_text(json_array_get(content, i), "text", MESSAGE_SIZE_MAX, &part) ==
			     ERR_OK &&
		     buffer_append_text(&text, part) == ERR_OK;
	}
	char *copy = ok ? text_duplicate(buffer_text(&text)) : NULL;
	buffer_deinit(&text);
	return copy;
}

static json_t *read_turn(const json_t *message)
{
	const char *role = json_string_value(json_object_get(message, "role"));
	char *text = text_of(json_object_get(message, "content"));
	json_t *turn = NULL;
	/* What OpenAI calls it for newer models. */
	if (role && strcmp(role, "developer") == 0)
		role = "system";
	if (role && text)
		turn = json_pack("{s:s,s:s}", "role", role, "content", text);
	free(text);
	return turn;
}

enum err ai_question_read_turns(
	const json_t *body, struct ai_question *question, struct fault *ret_fault)
{
	const json_t *messages = json_object_get(body, "messages");
	size_t count = json_array_size(messages);
	question->turns = json_array();
	for (size_t i = 0; i < count; i++) {
		json_t *turn = read_turn(json_array_get(messages, i));
		if (!turn)
			break;
		json_array_append_new(question->turns, turn);
	}
	if (json_array_size(question->turns) == count && turns_are_valid(question->turns))
		return ERR_OK;
	fault_set(ret_fault,
		"'messages' is no list of 1 to %d messages of system, user and assistant, each "
		"with text only, of at most %d bytes",
		MESSAGE_TURNS_MAX, MESSAGE_SIZE_MAX);
	return ERR_MALFORMED;
}

void ai_question_copy_option(
	struct ai_question *question, const char *option, const json_t *from, const char *name)
{
	json_t *value = json_object_get(from, name);
	if (!value || json_is_null(value))
		return;
	if (strcmp(option, "stop") == 0 && json_is_string(value))
		json_object_set_new(question->options, option, json_pack("[O]", value));
	else
		json_object_set(question->options, option, value);
}

enum err ai_question_check_options(const struct ai_question *question, struct fault *ret_fault)
{
	if (turn_options_are_valid(question->options))
		return ERR_OK;
	fault_set(ret_fault, "an option has the wrong type or is out of range: temperature, top_p, "
			     "max_tokens, seed or stop");
	return ERR_MALFORMED;
}

bool ai_dialect_append(struct buffer *out, const char *prefix, json_t *value, const char *suffix)
{
	char *text = json_take_text(value);
	bool ok = text && buffer_append_text(out, prefix) == ERR_OK &&
		  buffer_append_text(out, text) == ERR_OK &&
		  buffer_append_text(out, suffix) == ERR_OK;
	free(text);
	return ok;
}
