/* Lists at the AI port: the models of all peers that are connected, or what there is to say about
 * one of them. */
#include "node/ai_port_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "node/ai_directory.h"
#include "node/internal.h"
#include "node/session.h"

/* A list under way. */
struct listing {
	struct ai_port *port;
	struct web_request *http;
	const struct ai_dialect *dialect;
	char wanted[AI_MODEL_NAME_MAX + 1]; /* "": all */
	struct ai_look *look;
};

/* "llama3@bob", or "llama3" for whoever has it. */
static bool is_wanted(const struct listing *listing, const char *model, const char *name)
{
	return !listing->wanted[0] || strcmp(listing->wanted, name) == 0 ||
	       strcmp(listing->wanted, model) == 0;
}

static void add_models(const struct listing *listing, const struct session *session, json_t *list)
{
	char name[AI_MODEL_NAME_MAX + 1];
	double now = node_unix_time();
	for (size_t i = 0; i < json_array_size(session->ai_models); i++) {
		const char *model = json_string_value(json_array_get(session->ai_models, i));
		if (!model || !ai_directory_has(session, model) || strchr(model, '@'))
			continue;
		snprintf(name, sizeof name, "%s@%s", model, session->name);
		if (is_wanted(listing, model, name))
			json_array_append_new(list, listing->dialect->model(name, now));
	}
}

static void answer_one(struct listing *listing, json_t *list)
{
	const struct ai_dialect *dialect = listing->dialect;
	json_t *found = json_array_get(list, 0);
	if (found && dialect->details)
		ai_port_reply(listing->http, 200, dialect->details(found));
	else if (found)
		ai_port_reply(listing->http, 200, json_incref(found));
	else
		ai_port_fail(listing->http, dialect, 404, "not_found",
			"no peer that is connected lets you use a model of this name");
	json_decref(list);
}

static void on_looked(void *user)
{
	struct listing *listing = user;
	struct session *session;
	size_t cursor = 0;
	json_t *list = json_array();
	while ((session = map_next(&listing->port->node->sessions, &cursor)))
		add_models(listing, session, list);
	if (listing->wanted[0])
		answer_one(listing, list);
	else
		ai_port_reply(listing->http, 200, listing->dialect->models(list));
	free(listing);
}

static void abandoned(void *user)
{
	struct listing *listing = user;
	ai_look_cancel(listing->look);
	free(listing);
}

static void start(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect,
	const char *wanted)
{
	struct listing *listing = calloc(1, sizeof *listing);
	if (!listing) {
		ai_port_fail(http, dialect, 500, "internal", "out of memory");
		return;
	}
	*listing = (struct listing){.port = port, .http = http, .dialect = dialect};
	CHECK(text_copy(listing->wanted, sizeof listing->wanted, wanted));
	web_request_on_cancel(http, abandoned, listing);
	ai_directory_look(port->node, on_looked, listing, &listing->look);
}

void ai_port_list(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect)
{
	start(port, http, dialect, "");
}

void ai_port_show(struct ai_port *port, struct web_request *http, const struct ai_dialect *dialect,
	const char *model)
{
	if (!model || !model[0] || strlen(model) > AI_MODEL_NAME_MAX)
		ai_port_fail(http, dialect, 400, "malformed", "'model' is missing or no name");
	else
		start(port, http, dialect, model);
}
