/* JSON, strictly: what every layer that reads a peer's JSON uses.
 *
 * Parsing has caps on size and depth, refuses duplicate keys, and takes objects only at the top.
 * The getters read a field of a given type: a required one that is missing, or any one of another
 * type, is ERR_MALFORMED. Nothing here trusts a length or a type. */
#ifndef MESSAGE_JSON_H
#define MESSAGE_JSON_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"

/* How deep objects and arrays may be nested, the outermost counted as 1. */
#define JSON_DEPTH_MAX 32

/* Parses one object and nothing behind it. The caller owns it (json_decref). ERR_TOO_LARGE (size),
 * ERR_LIMIT (depth), ERR_MALFORMED, ERR_NOMEM. */
MUST_CHECK enum err json_parse_object(struct bytes text, size_t size_max, json_t **ret_object);

/* A field of an object that must be there and have this type; ERR_MALFORMED otherwise. Texts are
 * borrowed from the object, are UTF-8 without a zero byte, and have `size_max` bytes at most. */
MUST_CHECK enum err json_get_text(
	const json_t *object, const char *key, size_t size_max, const char **ret_text);
MUST_CHECK enum err json_get_object(const json_t *object, const char *key, json_t **ret_value);
MUST_CHECK enum err json_get_array(const json_t *object, const char *key, json_t **ret_value);
MUST_CHECK enum err json_get_bool(const json_t *object, const char *key, bool *ret_value);
/* An integer from `min` to `max`. */
MUST_CHECK enum err json_get_integer(
	const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value);
/* Any number. */
MUST_CHECK enum err json_get_number(const json_t *object, const char *key, double *ret_value);

/* As above, but a field that is missing or null leaves the output as it is, with ERR_OK. */
MUST_CHECK enum err json_get_text_if(
	const json_t *object, const char *key, size_t size_max, const char **ret_text);
MUST_CHECK enum err json_get_object_if(const json_t *object, const char *key, json_t **ret_value);
MUST_CHECK enum err json_get_array_if(const json_t *object, const char *key, json_t **ret_value);
MUST_CHECK enum err json_get_bool_if(const json_t *object, const char *key, bool *ret_value);
MUST_CHECK enum err json_get_integer_if(
	const json_t *object, const char *key, int64_t min, int64_t max, int64_t *ret_value);
MUST_CHECK enum err json_get_number_if(const json_t *object, const char *key, double *ret_value);

/* Whether objects and arrays are nested more than `depth` deep, the outermost counted as 1. */
bool json_is_deeper_than(const json_t *value, size_t depth);

/* Compact text, to be freed with free(); NULL when memory is out. Accepts NULL, then NULL. */
char *json_to_text(const json_t *value);
/* Text for people, indented; numbers have as few digits as say them exactly. */
char *json_to_pretty_text(const json_t *value);
/* As json_to_text(), and takes the value: it is released in any case. */
char *json_take_text(json_t *value);

#endif
