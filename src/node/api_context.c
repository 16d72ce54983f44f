/* The local API: the user's own context. */
#include "node/api.h"

#include "node/internal.h"
#include "node/local_api.h"

static void reply(struct node *node, struct web_request *http)
{
	const char *problem = context_problem(node->context);
	/* Whoever writes the answer only reads it. */
	json_t *root = json_deep_copy(context_root(node->context));
	local_api_reply(http, 200,
		json_pack("{s:o, s:s, s:s?}", "context", root, "file", context_path(node->context),
			"problem", problem[0] ? problem : NULL));
}

static enum failure_code failure_of(enum err err)
{
	switch (err) {
	case ERR_MALFORMED:
	case ERR_MISMATCH:
		return FAILURE_MALFORMED;
	case ERR_NOT_FOUND:
		return FAILURE_NOT_FOUND;
	case ERR_TOO_LARGE:
		return FAILURE_TOO_LARGE;
	default:
		return FAILURE_INTERNAL;
	}
}

static void finish(
	struct node *node, struct web_request *http, enum err err, const struct fault *fault)
{
	if (err)
		api_fail(http, failure_of(err), "%s", fault->text);
	else
		reply(node, http);
}

void api_context_get(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	node_reload_files(node);
	reply(node, http);
}

/* A change of a part needs the whole: a file that cannot be read is not written over. */
static bool may_change(struct node *node, struct web_request *http)
{
	node_reload_files(node);
	const char *problem = context_problem(node->context);
	if (!problem[0])
		return true;
	api_fail(http, FAILURE_BROKEN_FILE,
		"%s; mend the file, or replace it with 'dpc context import --replace'", problem);
	return false;
}

void api_context_put(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct fault fault = {0};
	json_t *body;
	if (!api_body(http, &body))
		return;
	const json_t *context = json_object_get(body, "context");
	const json_t *base = json_object_get(body, "base");
	if (!json_is_object(context))
		api_fail(http, FAILURE_MALFORMED, "'context' is no object");
	else if (base && !may_change(node, http))
		; /* answered */
	else if (base && !json_equal(base, context_root(node->context)))
		api_fail(http, FAILURE_CHANGED,
			"the context has changed meanwhile; look at it and try again");
	else
		finish(node, http, context_replace(node->context, context, &fault), &fault);
	json_decref(body);
}

void api_context_set(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct fault fault = {0};
	const char *key;
	json_t *body;
	if (!api_body(http, &body))
		return;
	json_t *value = json_object_get(body, "value");
	if (!value)
		api_fail(http, FAILURE_MALFORMED, "'value' is missing");
	else if (api_text(http, body, "key", CONTEXT_KEY_MAX, &key) && may_change(node, http))
		finish(node, http, context_set(node->context, key, value, &fault), &fault);
	json_decref(body);
}

void api_context_delete(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct fault fault = {0};
	const char *key;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text(http, body, "key", CONTEXT_KEY_MAX, &key) && may_change(node, http))
		finish(node, http, context_delete(node->context, key, &fault), &fault);
	json_decref(body);
}
