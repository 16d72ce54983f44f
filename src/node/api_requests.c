/* The local API: what is done with a peer, and the hub. Most of it is answered later, by a struct
 * request. */
#include "node/api.h"

#include <stdio.h>

#include "base/text.h"
#include "message/json.h"
#include "message/uri.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/request.h"

#define ID_ROOM 33

#define CONNECT_TIMEOUT_MS 25000
#define CONTEXT_TIMEOUT_MS 15000
#define PING_TIMEOUT_MS 10000
#define AI_TIMEOUT_MS (5 * 60 * 1000)

/* ---- Links ---- */

void api_connect(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	const char *via_text;
	enum via via = VIA_AUTO;
	unsigned timeout_ms;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (!api_text_if(http, body, "via", 16, &via_text) ||
		!api_timeout(http, body, "timeout_ms", CONNECT_TIMEOUT_MS, &timeout_ms))
		goto done;
	if (via_text && !via_parse(via_text, &via)) {
		api_fail(http, FAILURE_MALFORMED,
			"'%s' is no way to connect; take auto, direct or "
			"webrtc",
			via_text);
		goto done;
	}
	if (api_session_of(node, http, body, &session))
		request_start(session, REQUEST_CONNECT, "", via, NULL, timeout_ms, http);

done:
	json_decref(body);
}

void api_disconnect(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_session_of(node, http, body, &session)) {
		bool linked = !list_is_empty(&session->links);
		session_disconnect(session);
		if (linked)
			local_api_reply(http, 200, describe_peer_answer(node, session->id));
		else
			api_fail(http, FAILURE_NOT_CONNECTED, "there is no link with '%s'",
				session->name);
	}
	json_decref(body);
}

/* ---- Requests to the peer ---- */

static bool take_keys(struct web_request *http, const json_t *body, struct message_texts *ret_keys)
{
	const json_t *array = json_object_get(body, "keys");
	size_t count = json_array_size(array);
	for (size_t i = 0; i < count && count <= MESSAGE_KEYS_MAX; i++) {
		const json_t *item = json_array_get(array, i);
		size_t size = json_string_length(item);
		if (size == 0 || size > MESSAGE_KEY_MAX)
			break;
		ret_keys->items[ret_keys->count++] = json_string_value(item);
	}
	if (count > 0 && ret_keys->count == count)
		return true;
	api_fail(http, FAILURE_MALFORMED, "'keys' is no list of 1 to %d keys", MESSAGE_KEYS_MAX);
	return false;
}

void api_context_request(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	unsigned timeout_ms, wait_ms;
	char id[ID_ROOM];
	json_t *body;
	struct message message = {.type = MESSAGE_REQUEST_CONTEXT,
		.request_context = {.request_id = node_new_id(node, id)}};
	if (!api_body(http, &body))
		return;
	if (take_keys(http, body, &message.request_context.keys) &&
		api_timeout(http, body, "timeout_ms", CONTEXT_TIMEOUT_MS, &timeout_ms) &&
		api_timeout(http, body, "wait_ms", 0, &wait_ms) &&
		api_session_of(node, http, body, &session)) {
		request_start(session, REQUEST_CONTEXT, id, VIA_AUTO, &message, timeout_ms, http);
		request_wait_for_consent(session, id, wait_ms);
	}
	json_decref(body);
}

void api_ai_query(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	unsigned timeout_ms;
	char id[ID_ROOM];
	json_t *body, *context = NULL;
	struct message message = {.type = MESSAGE_AI_QUERY,
		.ai_query = {.request_id = node_new_id(node, id), .stream = true}};
	if (!api_body(http, &body))
		return;
	if (json_get_object_if(body, "context", &context) != ERR_OK) {
		api_fail(http, FAILURE_MALFORMED, "'context' is no object");
		goto done;
	}
	message.ai_query.context = context;
	if (api_text(http, body, "query", MESSAGE_QUERY_MAX, &message.ai_query.query) &&
		api_text_if(http, body, "model", MESSAGE_MODEL_MAX, &message.ai_query.model) &&
		api_timeout(http, body, "timeout_ms", AI_TIMEOUT_MS, &timeout_ms) &&
		api_session_of(node, http, body, &session))
		request_start(session, REQUEST_AI, id, VIA_AUTO, &message, timeout_ms, http);

done:
	json_decref(body);
}

void api_ai_models(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	unsigned timeout_ms;
	char id[ID_ROOM];
	json_t *body;
	struct message message = {
		.type = MESSAGE_AI_MODELS, .ai_models = {.request_id = node_new_id(node, id)}};
	if (!api_body(http, &body))
		return;
	if (api_timeout(http, body, "timeout_ms", CONTEXT_TIMEOUT_MS, &timeout_ms) &&
		api_session_of(node, http, body, &session))
		request_start(session, REQUEST_MODELS, id, VIA_AUTO, &message, timeout_ms, http);
	json_decref(body);
}

void api_ping(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	unsigned timeout_ms;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_timeout(http, body, "timeout_ms", PING_TIMEOUT_MS, &timeout_ms) &&
		api_session_of(node, http, body, &session)) {
		struct message message = {
			.type = MESSAGE_PING, .ping = {.timestamp = node_next_stamp(node)}};
		request_start(session, REQUEST_PING, "", VIA_AUTO, &message, timeout_ms, http);
	}
	json_decref(body);
}

/* ---- The hub ---- */

/* "hub", if it is there; the rules for URLs are those of the configuration. */
static bool take_hub(struct web_request *http, const json_t *body, char *url)
{
	const char *text;
	struct config config;
	struct fault fault;
	url[0] = 0;
	if (!api_text_if(http, body, "hub", CONFIG_TEXT_MAX, &text))
		return false;
	if (!text)
		return true;
	config_init(&config);
	if (config_set(&config, "hub.url", text, &fault) != ERR_OK) {
		api_fail(http, FAILURE_MALFORMED, "%s", fault.text);
		return false;
	}
	CHECK(text_copy(url, CONFIG_TEXT_MAX + 1, config.hub_url));
	return true;
}

/* A field that is true, or is not there. */
static bool take_flag(
	struct web_request *http, const json_t *body, const char *name, bool *ret_flag)
{
	*ret_flag = false;
	if (json_get_bool_if(body, name, ret_flag) == ERR_OK)
		return true;
	api_fail(http, FAILURE_MALFORMED, "'%s' is neither true nor false", name);
	return false;
}

void api_login(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *provider;
	char hub[CONFIG_TEXT_MAX + 1];
	bool device;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (!take_hub(http, body, hub) || !take_flag(http, body, "device", &device) ||
		!api_text_if(http, body, "provider", MESSAGE_NAME_MAX, &provider))
		goto done;
	const char *url = hub[0] ? hub : NULL;
	bool is_key = !provider || strcmp(provider, "key") == 0;
	if (device && provider)
		api_fail(http, FAILURE_MALFORMED,
			"with 'device' the provider is chosen on the hub's page");
	else if (device || !is_key)
		hub_client_login_provided(node->hub, url, provider, http);
	else
		hub_client_login(node->hub, url, http);

done:
	json_decref(body);
}

void api_logout(struct web_request *http, void *user)
{
	bool all;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (take_flag(http, body, "all", &all))
		hub_client_logout(api_node(user)->hub, all, http);
	json_decref(body);
}
