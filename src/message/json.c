#include "message/json.h"

#include <stdlib.h>

/* The nesting that a text reaches, found before anything is allocated for it. Brackets in strings
 * do not count. */
static size_t depth_of(struct bytes text)
{
	size_t depth = 0, deepest = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			deepest = max_size(deepest, ++depth);
		} else if (c == '}' || c == ']') {
			depth = sat_sub(depth, 1);
		}
	}
	return deepest;
}

enum err json_parse_object(struct bytes text, size_t size_max, json_t **ret_object)
{
	if (text.size > size_max)
		return ERR_TOO_LARGE;
	if (text.size == 0)
		return ERR_MALFORMED;
	if (depth_of(text) > JSON_DEPTH_MAX)
		return ERR_LIMIT;
	json_error_t error;
	json_t *value =
		json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
	if (!value)
		return json_error_code(&error) == json_error_out_of_memory ? ERR_NOMEM
									   : ERR_MALFORMED;
	if (!json_is_object(value)) {
		json_decref(value);
		return ERR_MALFORMED;
	}
	*ret_object = value;
	return ERR_OK;
}

/* The field, or NULL when it is missing or null, which is `*ret_err`. */
static json_t *field(const json_t *object, const char *key, bool is_required, enum err *ret_err)
{
	json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value)) {
		*ret_err = is_required ? ERR_MALFORMED : ERR_OK;
		return NULL;
	}
	return value;
}

static enum err get_text(const json_t *object, const char *key, bool is_required, size_t size_max,
	const char **ret_text)
{
	enum err err = ERR_OK;
	json_t *value = field(object, key, is_required, &err);
	if (!value)
		return err;
	if (!json_is_string(value) || json_string_length(value) > size_max)
		return ERR_MALFORMED;
	*ret_text = json_string_value(value);
	return ERR_OK;
}

static enum err get_container(
	const json_t *object, const char *key, bool is_required, json_type type, json_t **ret_value)
{
	enum err err = ERR_OK;
	json_t *value = field(object, key, is_required, &err);
	if (!value)
		return err;
	if (json_typeof(value) != type)
		return ERR_MALFORMED;
	*ret_value = value;
	return ERR_OK;
}

static enum err get_bool(const json_t *object, const char *key, bool is_required, bool *ret_value)
{
	enum err err = ERR_OK;
	json_t *value = field(object, key, is_required, &err);
	if (!value)
		return err;
	if (!json_is_boolean(value))
		return ERR_MALFORMED;
	*ret_value = json_is_true(value);
	return ERR_OK;
}

static enum err get_integer(const json_t *object, const char *key, bool is_required, int64_t min,
	int64_t max, int64_t *ret_value)
{
	enum err err = ERR_OK;
	json_t *value = field(object, key, is_required, &err);
	if (!value)
		return err;
	if (!json_is_integer(value))
		return ERR_MALFORMED;
	json_int_t number = json_integer_value(value);
	if (number < min || number > max)
		return ERR_MALFORMED;
	*ret_value = number;
	return ERR_OK;
}

static enum err get_number(
	const json_t *object, const char *key, bool is_required, double *ret_value)
{
	enum err err = ERR_OK;
	json_t *value = field(object, key, is_required, &err);
	if (!value)
		return err;
	if (!json_is_number(value))
		return ERR_MALFORMED;
	*ret_value = json_number_value(value);
	return ERR_OK;
}

enum err json_get_text(
	const json_t *object, const char *key, size_t size_max, const char **ret_text)
{
	return get_text(object, key, true, size_max, ret_text);
}

enum err json_get_text_if(
	const json_t *object, const char *key, size_t size_max, const char **ret_text)
{
	return get_text(object, key, false, size_max, ret_text);
}

enum err json_get_object(const json_t *object, const char *key, json_t **ret_value)
{
	return get_container(object, key, true, JSON_OBJECT, ret_value);
}

enum err json_get_object_if(const json_t *object, const char *key, json_t **ret_value)
{
	return get_container(object, key, false, JSON_OBJECT, ret_value);
}

enum err json_get_array(const json_t *object, const char *key, json_t **ret_value)
{
	return get_container(object, key, true, JSON_ARRAY, ret_value);
}

enum err json_get_array_if(const json_t *object, const char *key, json_t **ret_value)
{
	return get_container(object, key, false, JSON_ARRAY, ret_value);
}

enum err json_get_bool(const json_t *object, const char *key, bool *ret_value)
{
	return get_bool(object, key, true, ret_value);
}

enum err json_get_bool_if(const json_t *object, const char *key, bool *ret_value)
{
	return get_bool(object, key, false, ret_value);
}

enum err json_get_integer(
	const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value)
{
	return get_integer(object, key, true, min, max, ret_value);
}

enum err json_get_integer_if(
	const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value)
{
	return get_integer(object, key, false, min, max, ret_value);
}

enum err json_get_number(const json_t *object, const char *key, double *ret_value)
{
	return get_number(object, key, true, ret_value);
}

enum err json_get_number_if(const json_t *object, const char *key, double *ret_value)
{
	return get_number(object, key, false, ret_value);
}

bool json_is_deeper_than(const json_t *value, size_t depth)
{
	const char *key;
	size_t index;
	json_t *child;
	if (!json_is_object(value) && !json_is_array(value))
		return false;
	if (depth == 0)
		return true;
	/* The iteration macro for objects wants a mutable one, but does not change it. */
	json_object_foreach((json_t *)(uintptr_t)value, key, child)
	{
		if (json_is_deeper_than(child, depth - 1))
			return true;
	}
	json_array_foreach(value, index, child)
	{
		if (json_is_deeper_than(child, depth - 1))
			return true;
	}
	return false;
}

char *json_to_text(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
}

char *json_to_pretty_text(const json_t *value)
{
	/* 15 digits are a decimal number as somebody wrote it, 17 are every number. */
	size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY;
	char *text = value ? json_dumps(value, flags | JSON_REAL_PRECISION(15)) : NULL;
	json_t *again = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
	if (text && !json_equal(again, value)) {
		free(text);
		text = json_dumps(value, flags);
	}
	json_decref(again);
	return text;
}

char *json_take_text(json_t *value)
{
	char *text = json_to_text(value);
	json_decref(value);
	return text;
}
