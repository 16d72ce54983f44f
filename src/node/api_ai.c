/* The local API: the AI providers of this node. */
#include "node/api.h"

#include <stdlib.h>

#include "base/text.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/store_ai.h"

#define LOG_LIMIT 50

/* A program that waits for our own models. */
struct own_models {
	struct web_request *http;
	struct ai_work *work;
};

static void on_models(enum err err, const char *message, const struct ai_models *models, void *user)
{
	struct own_models *own = user;
	struct web_request *http = own->http;
	free(own);
	if (err) {
		api_fail(http, FAILURE_AI, "%s", message);
		return;
	}
	json_t *names = json_array();
	for (size_t i = 0; i < models->count; i++)
		json_array_append_new(names, json_string(models->names[i]));
	local_api_reply(http, 200, json_pack("{s:o}", "models", names));
}

static void abandoned(void *user)
{
	struct own_models *own = user;
	ai_work_cancel(own->work);
	free(own);
}

void api_ai_own_models(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	if (!node->ai) {
		local_api_reply(http, 200, json_pack("{s:[]}", "models"));
		return;
	}
	struct own_models *own = calloc(1, sizeof *own);
	enum err err = own ? ai_pool_list(node->ai, on_models, own, &own->work) : ERR_NOMEM;
	if (err) {
		free(own);
		api_fail(http, FAILURE_LIMIT, "the models cannot be asked for now: %s",
			err_text(err));
		return;
	}
	own->http = http;
	web_request_on_cancel(http, abandoned, own);
}

/* ---- The log ---- */

static json_t *describe_entry(struct node *node, const struct store_ai_entry *entry)
{
	struct store_contact contact;
	bool known = store_contact_get(node->store, entry->peer, &contact) == ERR_OK;
	return json_pack("{s:f, s:s, s:s?, s:s, s:s, s:I, s:I, s:b, s:I, s:s?}", "time",
		entry->time, "peer", entry->peer, "name", known ? contact.name : NULL, "model",
		entry->model, "outcome", entry->outcome, "prompt_tokens",
		(json_int_t)entry->prompt_tokens, "completion_tokens",
		(json_int_t)entry->completion_tokens, "estimated", (int)entry->estimated,
		"duration_ms", (json_int_t)entry->duration_ms, "prompt", entry->prompt);
}

void api_ai_log(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	struct store_contact contact;
	struct store_ai_page page;
	uint32_t limit = LOG_LIMIT;
	if (limit_text &&
		(!text_to_u32(limit_text, &limit) || limit == 0 || limit > STORE_PAGE_MAX)) {
		api_fail(http, FAILURE_MALFORMED, "'limit' is a number from 1 to %d",
			STORE_PAGE_MAX);
		return;
	}
	if (peer && !api_contact(node, http, peer, &contact))
		return;
	if (store_ai_list(node->store, peer ? contact.node_id : NULL, limit, &page) != ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	json_t *entries = json_array();
	for (size_t i = page.count; i > 0; i--)
		json_array_append_new(entries, describe_entry(node, &page.entries[i - 1]));
	store_ai_page_deinit(&page);
	local_api_reply(http, 200, json_pack("{s:o}", "entries", entries));
}
