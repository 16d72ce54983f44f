#include "message/turns.h"

#include "message/json.h"
#include "message/limits.h"

/* The role, and what the turn begins with where it is all one text. */
static const struct role {
	const char *name, *label;
} roles[] = {
	{"system", ""},
	{"user", "User: "},
	{"assistant", "Assistant: "},
};

static const struct role *role_of(const json_t *turn)
{
	const char *name = json_string_value(json_object_get(turn, "role"));
	for (size_t i = 0; name && i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	}
	return NULL;
}

bool turns_are_valid(const json_t *turns)
{
	size_t count = json_array_size(turns);
	if (count == 0 || count > MESSAGE_TURNS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		const json_t *turn = json_array_get(turns, i);
		const char *content;
		if (!role_of(turn) ||
			json_get_text(turn, "content", MESSAGE_SIZE_MAX, &content) != ERR_OK)
			return false;
	}
	return true;
}

bool turn_inputs_are_valid(const json_t *inputs)
{
	size_t count = json_array_size(inputs);
	bool ok = count > 0 && count <= MESSAGE_INPUTS_MAX;
	for (size_t i = 0; ok && i < count; i++) {
		const json_t *input = json_array_get(inputs, i);
		ok = json_is_string(input) && json_string_length(input) > 0 &&
		     strlen(json_string_value(input)) == json_string_length(input);
	}
	return ok;
}

static bool stops_are_valid(const json_t *stops)
{
	if (json_array_size(stops) > MESSAGE_STOPS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(stops); i++) {
		if (!json_is_string(json_array_get(stops, i)))
			return false;
	}
	return true;
}

bool turn_options_are_valid(const json_t *options)
{
	double number = 0;
	int64_t integer = 0;
	json_t *stops = NULL;
	return json_is_object(options) &&
	       json_get_number_if(options, "temperature", &number) == ERR_OK &&
	       json_get_number_if(options, "top_p", &number) == ERR_OK &&
	       json_get_integer_if(options, "max_tokens", 1, INT32_MAX, &integer) == ERR_OK &&
	       json_get_integer_if(options, "seed", INT32_MIN, UINT32_MAX, &integer) == ERR_OK &&
	       json_get_array_if(options, "stop", &stops) == ERR_OK && stops_are_valid(stops);
}

json_t *turns_of_question(const char *question)
{
	return json_pack("[{s:s,s:s}]", "role", "user", "content", question);
}

enum err turns_flatten(const json_t *turns, struct buffer *ret_text)
{
	size_t count = json_array_size(turns);
	enum err err = ERR_OK;
	for (size_t i = 0; !err && i < count; i++) {
		const json_t *turn = json_array_get(turns, i);
		const struct role *role = role_of(turn);
		const char *content = json_string_value(json_object_get(turn, "content"));
		if (count == 1)
			return buffer_append_text(ret_text, content);
		err = buffer_append_format(
			ret_text, "%s%s%s", i ? "\n\n" : "", role->label, content);
	}
	return err;
}
