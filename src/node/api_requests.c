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
#include "node/store_search.h"

#define ID_ROOM 33

#define CONNECT_TIMEOUT_MS 25000
#define CONTEXT_TIMEOUT_MS 15000
#define PING_TIMEOUT_MS 10000
#define AI_TIMEOUT_MS (5 * 60 * 1000)
#define HISTORY_LIMIT 50
#define SEARCH_LIMIT 20

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

/* ---- Chat ---- */

static void fail_send(struct session *session, struct web_request *http, enum err err)
{
	switch (err) {
	case ERR_LIMIT:
		api_fail(http, FAILURE_LIMIT,
			"too many messages wait for '%s'; they will be sent when it is back",
			session->name);
		return;
	case ERR_MALFORMED:
	case ERR_TOO_LARGE:
		api_fail(http, FAILURE_TOO_LARGE,
			"the message cannot be sent as it is; at most %d bytes of text",
			STORE_TEXT_MAX);
		return;
	default:
		api_fail_store(session->node, http);
	}
}

/* Whether a message can carry the text: in JSON it may be several times as long. */
static enum err check_message(struct node *node, const char *id, const char *text, double timestamp)
{
	struct message message = {
		.type = MESSAGE_CHAT, .chat = {.id = id, .text = text, .timestamp = timestamp}};
	buffer_clear(&node->scratch);
	return message_encode(&message, &node->scratch);
}

/* On disk, and from then on delivered. */
static enum err accept_message(struct session *session, const char *id, const char *text,
	struct store_message *ret_message)
{
	struct store *store = session->node->store;
	double timestamp = node_unix_time();
	enum err err = check_message(session->node, id, text, timestamp);
	if (!err)
		err = store_outbox_add(store, session->id, id, text, timestamp);
	if (!err)
		err = store_message_get(store, session->id, STORE_OUT, id, ret_message);
	return err;
}

static void send_text(
	struct session *session, struct web_request *http, const char *text, unsigned wait_ms)
{
	char id[ID_ROOM];
	struct store_message message;
	node_new_id(session->node, id);
	enum err err = accept_message(session, id, text, &message);
	if (err) {
		fail_send(session, http, err);
		return;
	}
	event_of_session(session, "chat_sent",
		json_pack("{s:o}", "message", describe_message(&message, session->name)));
	store_message_deinit(&message);
	session_chat_flush(session);
	if (wait_ms > 0) {
		request_start(session, REQUEST_DELIVERY, id, VIA_AUTO, NULL, wait_ms, http);
	} else if (store_message_get(session->node->store, session->id, STORE_OUT, id, &message) ==
		   ERR_OK) {
		local_api_reply(http, 202, describe_message(&message, session->name));
		store_message_deinit(&message);
	} else {
		api_fail_store(session->node, http);
	}
	session_need_link(session);
}

void api_send(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	const char *text;
	unsigned wait_ms;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text(http, body, "text", STORE_TEXT_MAX, &text) &&
		api_timeout(http, body, "wait_ms", 0, &wait_ms) &&
		api_session_of(node, http, body, &session))
		send_text(session, http, text, wait_ms);
	json_decref(body);
}

static void reply_page(struct web_request *http, const struct store_page *page, const char *name)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < page->count; i++)
		json_array_append_new(messages, describe_message(&page->messages[i], name));
	local_api_reply(
		http, 200, json_pack("{s:o, s:b}", "messages", messages, "more", (int)page->more));
}

void api_history(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	const char *before_id = web_request_query(http, "before");
	struct store_contact contact;
	struct store_page page = {0};
	uint32_t limit = HISTORY_LIMIT;
	int64_t before = 0;
	if (!peer || (limit_text && !text_to_u32(limit_text, &limit)) || limit == 0 ||
		limit > STORE_PAGE_MAX) {
		api_fail(http, FAILURE_MALFORMED,
			"'peer' is needed, and 'limit' is a number from 1 to %d", STORE_PAGE_MAX);
		return;
	}
	if (!api_contact(node, http, peer, &contact))
		return;
	if (before_id && store_history_sequence(node->store, contact.node_id, before_id, &before) !=
				 ERR_OK) {
		api_fail(http, FAILURE_NOT_FOUND, "no message '%s' with '%s'", before_id,
			contact.name);
		return;
	}
	if (store_history(node->store, contact.node_id, before, limit, &page) == ERR_OK)
		reply_page(http, &page, contact.name);
	else
		api_fail_store(node, http);
	store_page_deinit(&page);
}

static json_t *describe_find(struct node *node, const struct store_find *find)
{
	struct store_contact contact;
	const char *peer = find->message.peer;
	bool known = store_contact_get(node->store, peer, &contact) == ERR_OK;
	json_t *object = describe_message(&find->message, known ? contact.name : peer);
	json_object_set_new(object, "sequence", json_integer(find->message.sequence));
	json_object_set_new(object, "snippet", json_string(find->snippet));
	return object;
}

static void reply_finds(
	struct node *node, struct web_request *http, const struct store_finds *finds)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < finds->count; i++)
		json_array_append_new(messages, describe_find(node, &finds->finds[i]));
	local_api_reply(
		http, 200, json_pack("{s:o, s:b}", "messages", messages, "more", (int)finds->more));
}

void api_search(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *words = web_request_query(http, "q"), *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	const char *before_text = web_request_query(http, "before");
	struct store_contact contact;
	struct store_finds finds = {0};
	uint32_t limit = SEARCH_LIMIT;
	uint64_t before = 0;
	if (!words || (limit_text && !text_to_u32(limit_text, &limit)) || limit == 0 ||
		limit > STORE_PAGE_MAX || (before_text && !text_to_u64(before_text, &before)) ||
		before > INT64_MAX) {
		api_fail(http, FAILURE_MALFORMED,
			"'q' is needed, 'limit' is a number from 1 to %d, and 'before' the "
			"'sequence' of a message",
			STORE_PAGE_MAX);
		return;
	}
	if (peer && !api_contact(node, http, peer, &contact))
		return;
	enum err err = store_search(
		node->store, words, peer ? contact.node_id : NULL, (int64_t)before, limit, &finds);
	if (!err)
		reply_finds(node, http, &finds);
	else if (err == ERR_MALFORMED || err == ERR_TOO_LARGE)
		api_fail(http, err == ERR_MALFORMED ? FAILURE_MALFORMED : FAILURE_TOO_LARGE, "%s",
			store_fault_text(node->store));
	else
		api_fail_store(node, http);
	store_finds_deinit(&finds);
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
