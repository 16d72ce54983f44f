#include "node/ai_embed.h"

#include "message/json.h"

enum err ai_embed_write(const json_t *inputs, const char *model, struct buffer *ret_body)
{
	return ai_write_body(json_pack("{s:s,s:O}", "model", model, "input", inputs), ret_body);
}

static bool is_vector(const json_t *value)
{
	size_t size = json_array_size(value);
	bool ok = size > 0 && size <= AI_VECTOR_MAX;
	for (size_t i = 0; ok && i < size; i++)
		ok = json_is_number(json_array_get(value, i));
	return ok;
}

/* A new array of those in `list`, where each is the member `name` of an object or stands by itself.
 * NULL: they are not as they should be, or memory is out. */
static json_t *pick_vectors(const json_t *list, const char *name, size_t count)
{
	json_t *vectors = json_array_size(list) == count ? json_array() : NULL;
	for (size_t i = 0; vectors && i < count; i++) {
		json_t *item = json_array_get(list, i);
		json_t *vector = name ? json_object_get(item, name) : item;
		if (!is_vector(vector) || json_array_append(vectors, vector)) {
			json_decref(vectors);
			return NULL;
		}
	}
	return vectors;
}

static json_t *read_object(struct bytes text)
{
	json_t *root = NULL;
	return json_parse_object(text, AI_VECTORS_SIZE_MAX, &root) == ERR_OK ? root : NULL;
}

static int64_t tokens_of(const struct ai_kind *kind, const json_t *root)
{
	int64_t tokens = -1;
	const json_t *usage = kind->embed_usage ? json_object_get(root, kind->embed_usage) : root;
	bool told = json_is_object(usage) &&
		    json_get_integer_if(usage, kind->embed_tokens, 0, INT32_MAX, &tokens) == ERR_OK;
	return told ? tokens : -1;
}

enum err ai_embed_read(const struct ai_kind *kind, struct bytes body, size_t count, char **ret_text,
	int64_t *ret_tokens)
{
	json_t *root = read_object(body);
	json_t *vectors =
		pick_vectors(json_object_get(root, kind->embed_list), kind->embed_vector, count);
	int64_t tokens = tokens_of(kind, root);
	json_decref(root);
	if (!vectors)
		return ERR_MALFORMED;
	char *text = json_take_text(json_pack("{s:o}", "embeddings", vectors));
	if (!text)
		return ERR_NOMEM;
	*ret_text = text;
	*ret_tokens = tokens;
	return ERR_OK;
}

json_t *ai_embed_vectors(struct bytes text, size_t count)
{
	json_t *root = read_object(text);
	json_t *vectors = pick_vectors(json_object_get(root, "embeddings"), NULL, count);
	json_decref(root);
	return vectors;
}
