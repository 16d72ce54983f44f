/* Changes of the personal context by its owner. Each writes the whole file and reads it back, so
 * what is in use is always what a file holds. */
#include "node/context.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/watched_file.h"

enum err context_replace(struct context *context, const json_t *object, struct fault *ret_fault)
{
	char *text = json_to_pretty_text(object);
	char *whole = text ? text_format("%s\n", text) : NULL;
	json_t *parsed = NULL;
	enum err err = ERR_NOMEM;
	if (!whole) {
		fault_set(ret_fault, "out of memory");
		goto done;
	}
	err = context_parse(bytes_of_text(whole), "the context", &parsed, ret_fault);
	if (!err)
		err = text_file_write(context_path(context), bytes_of_text(whole), ret_fault);
	if (!err)
		err = context_refresh(context, ret_fault);

done:
	json_decref(parsed);
	free(whole);
	free(text);
	return err;
}

/* The object in which the last part of the key is, and that part. Objects that are missing are made
 * when `make` is set. */
static enum err find_place(json_t *root, const char *key, bool make, json_t **ret_object,
	const char **ret_name, struct fault *ret_fault)
{
	char path[ACCESS_PATH_MAX + 1], name[CONTEXT_KEY_MAX + 1];
	const char *dot;
	/* A star is good for asking only. */
	if (strchr(key, '*') || !context_key_path(key, path)) {
		fault_set(ret_fault, "'%s' is no key: names joined by dots", key);
		return ERR_MALFORMED;
	}
	for (; (dot = strchr(key, '.')); key = dot + 1) {
		CHECK(text_copy_bytes(name, sizeof name, bytes_of(key, (size_t)(dot - key))));
		json_t *next = json_object_get(root, name);
		if (!next && !make)
			return ERR_NOT_FOUND;
		if (!next && json_object_set_new(root, name, json_object()) == 0)
			next = json_object_get(root, name);
		if (!next)
			return ERR_NOMEM;
		if (!json_is_object(next)) {
			fault_set(ret_fault, "'%s' is no object, so nothing can be below it", name);
			return ERR_MISMATCH;
		}
		root = next;
	}
	*ret_object = root;
	*ret_name = key;
	return ERR_OK;
}

/* NULL deletes. */
static enum err change(
	struct context *context, const char *key, json_t *value, struct fault *ret_fault)
{
	json_t *root = json_deep_copy(context_root(context)), *object;
	const char *name;
	enum err err = root ? find_place(root, key, value, &object, &name, ret_fault) : ERR_NOMEM;
	if (!err && value)
		err = json_object_set(object, name, value) ? ERR_NOMEM : ERR_OK;
	else if (!err)
		err = json_object_del(object, name) ? ERR_NOT_FOUND : ERR_OK;
	if (err == ERR_NOMEM)
		fault_set(ret_fault, "out of memory");
	else if (err == ERR_NOT_FOUND)
		fault_set(ret_fault, "there is no '%s' in the context", key);
	if (!err)
		err = context_replace(context, root, ret_fault);
	json_decref(root);
	return err;
}

enum err context_set(
	struct context *context, const char *key, json_t *value, struct fault *ret_fault)
{
	return change(context, key, value, ret_fault);
}

enum err context_delete(struct context *context, const char *key, struct fault *ret_fault)
{
	return change(context, key, NULL, ret_fault);
}
