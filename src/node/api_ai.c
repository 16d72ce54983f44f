/* The local API: the AI providers of this node. */
#include "node/api.h"

#include <stdlib.h>

#include "node/internal.h"
#include "node/local_api.h"

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
