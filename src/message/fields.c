#include "message/fields.h"

#include <math.h>

#include "message/json.h"
#include "message/message.h"

const json_t *fields_any(const struct fields_in *in, const char *key)
{
	const json_t *value = json_object_get(in->object, key);
	return value && !json_is_null(value) ? value : NULL;
}

void fields_fail(struct fields_in *in, const char *key)
{
	if (!in->wrong)
		in->wrong = key;
}

const char *fields_text(struct fields_in *in, const char *key, size_t size_max)
{
	const char *text = "";
	if (json_get_text(in->object, key, size_max, &text))
		fields_fail(in, key);
	return text;
}

const char *fields_text_not_empty(struct fields_in *in, const char *key, size_t size_max)
{
	const char *text = fields_text(in, key, size_max);
	if (!*text)
		fields_fail(in, key);
	return text;
}

const char *fields_id(struct fields_in *in, const char *key)
{
	const char *id = fields_text(in, key, MESSAGE_ID_MAX);
	if (message_id_is_valid(id))
		return id;
	fields_fail(in, key);
	return "";
}

double fields_number(struct fields_in *in, const char *key)
{
	double number = 0;
	if (json_get_number(in->object, key, &number) || !isfinite(number))
		fields_fail(in, key);
	return number;
}

const json_t *fields_object(struct fields_in *in, const char *key)
{
	json_t *object = NULL;
	if (json_get_object(in->object, key, &object))
		fields_fail(in, key);
	return object;
}

const char *fields_text_or(
	struct fields_in *in, const char *key, size_t size_max, const char *fallback)
{
	return fields_any(in, key) ? fields_text(in, key, size_max) : fallback;
}

const char *fields_id_or(struct fields_in *in, const char *key, const char *fallback)
{
	return fields_any(in, key) ? fields_id(in, key) : fallback;
}

bool fields_bool_or(struct fields_in *in, const char *key, bool fallback)
{
	if (json_get_bool_if(in->object, key, &fallback))
		fields_fail(in, key);
	return fallback;
}

int64_t fields_integer_or(
	struct fields_in *in, const char *key, int64_t min, int64_t max, int64_t fallback)
{
	if (json_get_integer_if(in->object, key, min, max, &fallback))
		fields_fail(in, key);
	return fallback;
}

const json_t *fields_object_or(struct fields_in *in, const char *key, const json_t *fallback)
{
	return fields_any(in, key) ? fields_object(in, key) : fallback;
}

size_t fields_texts_or_none(struct fields_in *in, const char *key, size_t count_max,
	size_t size_max, const char **ret_texts)
{
	json_t *array = NULL;
	if (json_get_array_if(in->object, key, &array) || json_array_size(array) > count_max) {
		fields_fail(in, key);
		return 0;
	}
	size_t count = json_array_size(array);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(array, i);
		if (!json_is_string(item) || json_string_length(item) > size_max) {
			fields_fail(in, key);
			return 0;
		}
		ret_texts[i] = json_string_value(item);
	}
	return count;
}

struct fields_out fields_new(void)
{
	json_t *object = json_object();
	return (struct fields_out){.object = object, .failed = !object};
}

void fields_put(struct fields_out *out, const char *key, json_t *value)
{
	if (!value || json_object_set_new(out->object, key, value))
		out->failed = true;
}

void fields_put_text(struct fields_out *out, const char *key, const char *text)
{
	if (text)
		fields_put(out, key, json_string(text));
}

void fields_put_texts(
	struct fields_out *out, const char *key, const char *const *texts, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, json_string(texts[i])))
			out->failed = true;
	}
	fields_put(out, key, array);
}

void fields_put_number(struct fields_out *out, const char *key, double number)
{
	fields_put(out, key, json_real(number));
}
