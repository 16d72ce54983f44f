#include "node/ai_directory.h"

#include <stdlib.h>

#include "base/text.h"
#include "node/internal.h"
#include "node/request.h"

/* A question to one peer. */
struct ask {
	struct ai_look *look;
	char peer[STORE_NODE_ID_MAX + 1];
	struct request *request; /* NULL: it is answered */
};

struct ai_look {
	struct node *node;
	void (*done)(void *user);
	void *user;
	struct ai_look **slot;
	bool starting;
	size_t count, pending;
	struct ask asks[AI_DIRECTORY_PEERS_MAX];
};

static void finish(struct ai_look *look)
{
	void (*done)(void *user) = look->done;
	void *user = look->user;
	*look->slot = NULL;
	free(look);
	done(user);
}

/* Takes notice of the list; NULL: there is none now. */
static void answered(struct ask *ask, json_t *models, usec at)
{
	struct ai_look *look = ask->look;
	struct session *session = session_find(look->node, ask->peer);
	if (session) {
		json_decref(session->ai_models);
		session->ai_models = json_incref(models);
		session->ai_models_at = at;
	}
	if (--look->pending == 0 && !look->starting)
		finish(look);
}

static void on_reply(json_t *body, void *user)
{
	answered(user, json_object_get(body, "models"), net_now());
	json_decref(body);
}

static void on_fail(const struct failure *failure, void *user)
{
	/* A link that was lost says nothing about what the peer has. */
	answered(user, NULL, failure->code == FAILURE_NOT_CONNECTED ? 0 : net_now());
}

static const struct request_reader reader = {.reply = on_reply, .fail = on_fail};

static bool is_old(const struct session *session, usec now)
{
	return session_is_connected(session, VIA_AUTO) &&
	       (session->ai_models_at == 0 || session->ai_models_at + AI_DIRECTORY_AGE < now);
}

static void ask_peer(struct ai_look *look, struct session *session)
{
	char id[MESSAGE_ID_MAX + 1];
	struct ask *ask = &look->asks[look->count++];
	struct message message = {.type = MESSAGE_AI_MODELS,
		.ai_models = {.request_id = node_new_id(look->node, id)}};
	ask->look = look;
	CHECK(text_copy(ask->peer, sizeof ask->peer, session->id));
	look->pending++;
	request_start_for(session, REQUEST_MODELS, id, &message, AI_DIRECTORY_TIMEOUT_MS, &reader,
		ask, &ask->request);
}

void ai_directory_look(
	struct node *node, void (*done)(void *user), void *user, struct ai_look **slot)
{
	struct ai_look *look = calloc(1, sizeof *look);
	size_t cursor = 0;
	struct session *session;
	usec now = net_now();
	if (!look) {
		done(user);
		return;
	}
	*look = (struct ai_look){
		.node = node, .done = done, .user = user, .slot = slot, .starting = true};
	*slot = look;
	while (look->count < AI_DIRECTORY_PEERS_MAX &&
		(session = map_next(&node->sessions, &cursor)))
		if (is_old(session, now))
			ask_peer(look, session);
	look->starting = false;
	if (look->pending == 0)
		finish(look);
}

void ai_look_cancel(struct ai_look *look)
{
	if (!look)
		return;
	for (size_t i = 0; i < look->count; i++)
		request_cancel(look->asks[i].request);
	*look->slot = NULL;
	free(look);
}

bool ai_directory_has(const struct session *session, const char *model)
{
	for (size_t i = 0; i < json_array_size(session->ai_models); i++) {
		const char *name = json_string_value(json_array_get(session->ai_models, i));
		if (name && strcmp(name, model) == 0)
			return session_is_connected(session, VIA_AUTO);
	}
	return false;
}
