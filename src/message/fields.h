/* Sticky access to the fields of a JSON object, for codecs: read or write straight through and test
 * once, as with struct reader and writer. The first field that is missing or ill-typed is
 * remembered by its name. Texts read are borrowed from the object; limits are in bytes. */
#ifndef MESSAGE_FIELDS_H
#define MESSAGE_FIELDS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "message/limits.h"

struct fields_in {
	const json_t *object;
	const char *wrong; /* the first field that is not right, or NULL */
};

/* The value, or NULL when it is missing or null. */
const json_t *fields_any(const struct fields_in *in, const char *key);
/* Marks the field as wrong unless one is already. */
void fields_fail(struct fields_in *in, const char *key);

/* Required: on failure "" comes back. */
const char *fields_text(struct fields_in *in, const char *key, size_t size_max);
const char *fields_text_not_empty(struct fields_in *in, const char *key, size_t size_max);
const char *fields_id(struct fields_in *in, const char *key);
double fields_number(struct fields_in *in, const char *key);
/* Of type object; on failure NULL. */
const json_t *fields_object(struct fields_in *in, const char *key);

/* May be missing; then `fallback`. */
const char *fields_text_or(
	struct fields_in *in, const char *key, size_t size_max, const char *fallback);
const char *fields_id_or(struct fields_in *in, const char *key, const char *fallback);
bool fields_bool_or(struct fields_in *in, const char *key, bool fallback);
int64_t fields_integer_or(
	struct fields_in *in, const char *key, int64_t min, int64_t max, int64_t fallback);
const json_t *fields_object_or(struct fields_in *in, const char *key, const json_t *fallback);
/* An array of at most `count_max` texts; returns their number. */
size_t fields_texts_or_none(struct fields_in *in, const char *key, size_t count_max,
	size_t size_max, const char **ret_texts);

struct fields_out {
	json_t *object; /* owned by the caller */
	bool failed;
};

/* An empty object to fill. */
struct fields_out fields_new(void);
/* Each takes the value; NULL is a failure. */
void fields_put(struct fields_out *out, const char *key, json_t *value);
/* NULL puts nothing. Text that is not UTF-8 is a failure. */
void fields_put_text(struct fields_out *out, const char *key, const char *text);
void fields_put_texts(
	struct fields_out *out, const char *key, const char *const *texts, size_t count);
/* A number that is not finite is a failure. */
void fields_put_number(struct fields_out *out, const char *key, double number);

#endif
