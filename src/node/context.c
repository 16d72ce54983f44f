#include "node/context.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "node/watched_file.h"

static_assert(CONTEXT_DEPTH_MAX < JSON_DEPTH_MAX, "a message has room around the context");

struct context {
	struct watched_file file;
	json_t *root;         /* an object */
	struct fault problem; /* of the file as it is; else "" */
};

/* Why the text is no JSON, and in which line. */
static void explain(struct bytes text, const char *path, struct fault *ret_fault)
{
	json_error_t error = {.line = 1};
	json_t *value =
		json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
	fault_set(ret_fault, "%s:%d: %s", path, error.line > 0 ? error.line : 1,
		value ? "it is no JSON object" : error.text);
	json_decref(value);
}

enum err context_parse(
	struct bytes text, const char *path, json_t **ret_root, struct fault *ret_fault)
{
	json_t *root = NULL;
	if (text.size == 0) {
		root = json_object();
		*ret_root = root;
		return root ? ERR_OK : ERR_NOMEM;
	}
	enum err err = json_parse_object(text, CONTEXT_FILE_MAX, &root);
	if (err == ERR_LIMIT || (!err && json_is_deeper_than(root, CONTEXT_DEPTH_MAX))) {
		fault_set(
			ret_fault, "'%s' is nested deeper than %d levels", path, CONTEXT_DEPTH_MAX);
		err = ERR_TOO_LARGE;
	} else if (err == ERR_TOO_LARGE) {
		fault_set(ret_fault, "'%s' is larger than %d bytes", path, CONTEXT_FILE_MAX);
	} else if (err) {
		explain(text, path, ret_fault);
	}
	if (err)
		json_decref(root);
	else
		*ret_root = root;
	return err;
}

enum err context_refresh(struct context *context, struct fault *ret_fault)
{
	struct buffer text = buffer_with_max(CONTEXT_FILE_MAX);
	json_t *root;
	bool changed;
	enum err err = watched_file_read(&context->file, &text, &changed, &context->problem);
	if (!err && changed) {
		err = context_parse(
			buffer_bytes(&text), context->file.path, &root, &context->problem);
		if (!err) {
			json_decref(context->root);
			context->root = root;
			context->problem.text[0] = 0;
		}
	}
	buffer_deinit(&text);
	if (err)
		fault_set(ret_fault, "%s", context->problem.text);
	return err;
}

const char *context_problem(const struct context *context)
{
	return context->problem.text;
}

enum err context_open(const char *path, struct context **ret_context, struct fault *ret_fault)
{
	struct context *context = calloc(1, sizeof *context);
	enum err err = context ? watched_file_init(&context->file, path) : ERR_NOMEM;
	if (!err) {
		context->root = json_object();
		err = context->root ? context_refresh(context, ret_fault) : ERR_NOMEM;
	}
	if (err == ERR_NOMEM) {
		fault_set(ret_fault, "out of memory");
		context_destroy(context);
	} else {
		*ret_context = context;
	}
	return err;
}

void context_destroy(struct context *context)
{
	if (!context)
		return;
	json_decref(context->root);
	watched_file_deinit(&context->file);
	free(context);
}

const char *context_path(const struct context *context)
{
	return context->file.path;
}

const json_t *context_root(const struct context *context)
{
	return context->root;
}

/* ---- Selecting ---- */

/* The path under examination: "context." and keys. It grows and shrinks with the walk. */
struct walk {
	const struct access *access;
	const struct access_peer *peer;
	char path[ACCESS_PATH_MAX + 1];
	size_t size;
	bool consent; /* to this key */
	bool all;     /* that is below: no rule makes a difference */
	bool out_of_memory;
};

/* False, and nothing changed, for a name that cannot be part of a path. */
static bool enter(struct walk *walk, struct bytes name)
{
	if (name.size == 0 || memchr(name.data, '.', name.size) ||
		memchr(name.data, '*', name.size) || name.size + 1 > ACCESS_PATH_MAX - walk->size)
		return false;
	walk->path[walk->size++] = '.';
	memcpy(walk->path + walk->size, name.data, name.size);
	walk->size += name.size;
	walk->path[walk->size] = 0;
	return true;
}

static void leave(struct walk *walk, size_t size)
{
	walk->size = size;
	walk->path[size] = 0;
}

static bool is_yes(const struct walk *walk, enum access_action action)
{
	return action == ACCESS_ALLOW || (action == ACCESS_ASK && walk->consent);
}

static bool is_allowed(const struct walk *walk)
{
	return walk->all || is_yes(walk, access_decide(walk->access, walk->peer, walk->path, NULL));
}

static json_t *visible(struct walk *walk, json_t *value);

static json_t *visible_members(struct walk *walk, json_t *value)
{
	json_t *result = NULL, *child;
	const char *key;
	size_t size = walk->size;
	json_object_foreach(value, key, child)
	{
		if (!enter(walk, bytes_of_text(key)))
			continue;
		json_t *seen = visible(walk, child);
		leave(walk, size);
		if (!seen)
			continue;
		if (!result)
			result = json_object();
		/* Takes `seen` in any case. */
		if (json_object_set_new(result, key, seen))
			walk->out_of_memory = true;
	}
	return result;
}

/* What of the value the peer may see, as a new reference, or NULL for nothing. An object is built
 * anew; a leaf is shared with the tree, which does not change while anybody holds it. The rules are
 * asked as long as there are any further down, so their number counts and not that of the leaves.
 */
static json_t *visible(struct walk *walk, json_t *value)
{
	enum access_action action;
	if (json_object_size(value) == 0)
		return is_allowed(walk) ? json_incref(value) : NULL;
	if (walk->all || !access_decides_below(walk->access, walk->peer, walk->path, &action))
		return visible_members(walk, value);
	if (!is_yes(walk, action))
		return NULL;
	walk->all = true;
	json_t *result = visible_members(walk, value);
	walk->all = false;
	return result;
}

/* Puts what is visible of the rest of the key into objects of their names: {"a":{"b":…}}. */
static json_t *descend(struct walk *walk, json_t *value, struct bytes key)
{
	char name[CONTEXT_KEY_MAX + 1];
	size_t end = 0, size = walk->size;
	if (key.size == 0)
		return value ? visible(walk, value) : NULL;
	while (end < key.size && key.data[end] != '.')
		end++;
	CHECK(text_copy_bytes(name, sizeof name, bytes_slice(key, 0, end)));
	if (!enter(walk, bytes_slice(key, 0, end)))
		return NULL;
	json_t *below =
		descend(walk, json_object_get(value, name), bytes_slice(key, end + 1, key.size));
	leave(walk, size);
	if (!below)
		return NULL;
	json_t *result = json_object();
	if (json_object_set_new(result, name, below))
		walk->out_of_memory = true;
	return result;
}

/* The names of a key, "" of "*". */
static struct bytes key_names(const char *text)
{
	struct bytes key = bytes_of_text(text);
	if (bytes_equal_text(key, "*"))
		key.size = 0;
	else if (key.size > 2 && bytes_equal_text(bytes_slice(key, key.size - 2, 2), ".*"))
		key.size -= 2;
	return key;
}

bool context_key_path(const char *text, char path[ACCESS_PATH_MAX + 1])
{
	struct bytes key = key_names(text);
	struct writer w = writer_of(path, ACCESS_PATH_MAX);
	write_text(&w, "context");
	if (strcmp(text, "*") != 0) {
		write_text(&w, ".");
		write_bytes(&w, key);
	}
	path[w.size] = 0;
	return !w.failed && key.size <= CONTEXT_KEY_MAX && access_path_is_valid(path);
}

/* Whether one of the first `count` keys is above this one, or the same, and has the same consent:
 * then what is visible of this one is in the selection already. */
static bool is_covered(const struct context_request *request, size_t count)
{
	struct bytes key = key_names(request->keys[count]);
	for (size_t i = 0; i < count; i++) {
		struct bytes other = key_names(request->keys[i]);
		bool same_consent =
			!request->consent || request->consent[i] == request->consent[count];
		bool is_all = strcmp(request->keys[i], "*") == 0;
		if (same_consent &&
			(is_all || bytes_equal(key, other) ||
				(key.size > other.size && other.size > 0 &&
					key.data[other.size] == '.' &&
					bytes_equal(bytes_slice(key, 0, other.size), other))))
			return true;
	}
	return false;
}

/* What the selection has at a path behind "context". */
static json_t *selected(const struct context_selection *selection, struct bytes path)
{
	char name[CONTEXT_KEY_MAX + 1];
	json_t *value = selection->allowed;
	if (path.size == 0 && json_object_size(value) == 0)
		return NULL;
	while (value && path.size > 0) {
		size_t end = 0;
		while (end < path.size && path.data[end] != '.')
			end++;
		CHECK(text_copy_bytes(name, sizeof name, bytes_slice(path, 0, end)));
		value = json_object_get(value, name);
		path = bytes_slice(path, end + 1, path.size);
	}
	return json_incref(value);
}

static void select_key(struct walk *walk, const struct context *context,
	const struct context_request *request, size_t index, struct context_selection *selection)
{
	char path[ACCESS_PATH_MAX + 1];
	const char *key = request->keys[index];
	if (!context_key_path(key, path)) {
		selection->denied[selection->denied_count++] = key;
		return;
	}
	struct bytes below = bytes_of_text(path + walk->size + (path[walk->size] == '.'));
	bool covered = is_covered(request, index);
	json_t *found = covered ? selected(selection, below) : descend(walk, context->root, below);
	enum access_action action = access_decide(walk->access, walk->peer, path, NULL);
	if (!walk->consent && access_asks(walk->access, walk->peer, path))
		selection->asks[selection->ask_count++] = key;
	if (found) {
		selection->granted[selection->granted_count++] = key;
		/* Keys may overlap: "profile.name" and "profile". */
		if (!covered && json_object_update_recursive(selection->allowed, found))
			walk->out_of_memory = true;
		json_decref(found);
	} else if (action == ACCESS_DENY || (action == ACCESS_ASK && !walk->consent)) {
		/* Allowed it would be one that has no value, which the peer may know. */
		selection->denied[selection->denied_count++] = key;
	}
}

enum err context_select(const struct context *context, const struct access *access,
	const struct access_peer *peer, const struct context_request *request,
	struct context_selection *ret_selection)
{
	if (request->key_count > CONTEXT_KEYS_MAX)
		return ERR_LIMIT;
	struct walk walk = {.access = access, .peer = peer, .path = "context", .size = 7};
	struct context_selection selection = {.allowed = json_object()};
	if (!selection.allowed)
		return ERR_NOMEM;
	for (size_t i = 0; i < request->key_count; i++) {
		walk.consent = request->consent && request->consent[i];
		select_key(&walk, context, request, i, &selection);
	}
	if (walk.out_of_memory) {
		context_selection_deinit(&selection);
		return ERR_NOMEM;
	}
	*ret_selection = selection;
	return ERR_OK;
}

void context_selection_deinit(struct context_selection *selection)
{
	json_decref(selection->allowed);
	*selection = (struct context_selection){0};
}
