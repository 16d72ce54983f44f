#include "node/local_api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "message/uri.h"
#include "node/api.h"
#include "node/describe.h"
#include "node/internal.h"
#include "node/limits.h"

struct subscriber {
	struct list node;
	struct local_api *api;
	struct web_request *http;
	uint64_t missed; /* lines that it was too slow for */
};

struct local_api {
	struct node *node;
	struct web_server *server;
	struct list subscribers;
	size_t subscriber_count;
	struct net_timer keepalive;
};

struct node *api_node(void *user)
{
	return ((struct local_api *)user)->node;
}

/* ---- Answers ---- */

void local_api_fail(struct web_request *http, const struct failure *failure)
{
	web_request_reply_error(http, failure_status(failure->code), failure_name(failure->code),
		failure->fault.text);
}

void local_api_reply(struct web_request *http, int status, json_t *body)
{
	char *text = json_take_text(body);
	if (text)
		web_request_reply_json(http, status, text);
	else
		api_fail(http, FAILURE_INTERNAL, "out of memory");
	free(text);
}

void api_fail(struct web_request *http, enum failure_code code, const char *format, ...)
{
	struct failure failure = {.code = code};
	va_list arguments;
	va_start(arguments, format);
	fault_format(&failure.fault, format, arguments);
	va_end(arguments);
	local_api_fail(http, &failure);
}

void api_fail_store(struct node *node, struct web_request *http)
{
	api_fail(http, FAILURE_INTERNAL, "%s", store_fault_text(node->store));
}

/* ---- Questions ---- */

bool api_body(struct web_request *http, json_t **ret_body)
{
	struct bytes text = web_request_body(http);
	enum err err = ERR_OK;
	if (text.size == 0)
		*ret_body = json_object();
	else
		err = json_parse_object(text, NODE_API_BODY_MAX, ret_body);
	if (err)
		api_fail(http, FAILURE_MALFORMED, "the body is no JSON object: %s", err_text(err));
	return !err;
}

bool api_text_if(struct web_request *http, const json_t *body, const char *key, size_t max,
	const char **ret_text)
{
	const json_t *value = json_object_get(body, key);
	*ret_text = NULL;
	if (json_string_length(value) > max) {
		api_fail(http, FAILURE_TOO_LARGE, "'%s' has more than %zu bytes; shorten it", key,
			max);
		return false;
	}
	if (json_get_text_if(body, key, max, ret_text) == ERR_OK)
		return true;
	api_fail(http, FAILURE_MALFORMED, "'%s' is no text", key);
	return false;
}

bool api_text(struct web_request *http, const json_t *body, const char *key, size_t max,
	const char **ret_text)
{
	if (!api_text_if(http, body, key, max, ret_text))
		return false;
	if (*ret_text && (*ret_text)[0])
		return true;
	api_fail(http, FAILURE_MALFORMED, "'%s' is missing", key);
	return false;
}

bool api_timeout(struct web_request *http, const json_t *body, const char *key, unsigned default_ms,
	unsigned *ret_ms)
{
	int64_t ms = default_ms;
	if (json_get_integer_if(body, key, 0, NODE_API_TIMEOUT_MAX_MS, &ms) == ERR_OK) {
		*ret_ms = (unsigned)ms;
		return true;
	}
	api_fail(http, FAILURE_MALFORMED, "'%s' is no number from 0 to %d", key,
		NODE_API_TIMEOUT_MAX_MS);
	return false;
}

bool api_contact(struct node *node, struct web_request *http, const char *text,
	struct store_contact *ret_contact)
{
	enum err err = store_contact_find(node->store, text, ret_contact);
	switch (err) {
	case ERR_OK:
		return true;
	case ERR_NOT_FOUND:
		api_fail(http, FAILURE_UNKNOWN_PEER, "no contact '%s'; add one with 'dpc add'",
			text);
		return false;
	case ERR_MISMATCH:
		api_fail(http, FAILURE_AMBIGUOUS_PEER,
			"'%s' fits several contacts; write more of the name", text);
		return false;
	default:
		api_fail_store(node, http);
		return false;
	}
}

static bool session_of_contact(struct node *node, struct web_request *http,
	const struct store_contact *contact, struct session **ret_session)
{
	if (contact->blocked) {
		api_fail(http, FAILURE_BLOCKED, "'%s' is blocked; lift it with 'dpc accept %s'",
			contact->name, contact->name);
		return false;
	}
	enum err err = session_get(node, contact->node_id, ret_session);
	if (err)
		api_fail(http, FAILURE_INTERNAL, "cannot open a session with '%s': %s",
			contact->name, err_text(err));
	return !err;
}

bool api_session(
	struct node *node, struct web_request *http, const char *text, struct session **ret_session)
{
	struct store_contact contact;
	bool is_new;
	if (uri_is(text) ? !api_add_contact(node, http, text, NULL, &contact, &is_new)
			 : !api_contact(node, http, text, &contact))
		return false;
	return session_of_contact(node, http, &contact, ret_session);
}

bool api_session_of(struct node *node, struct web_request *http, const json_t *body,
	struct session **ret_session)
{
	const char *peer;
	return api_text(http, body, "peer", URI_TEXT_MAX, &peer) &&
	       api_session(node, http, peer, ret_session);
}

/* ---- Events ---- */

static void write_line(struct subscriber *subscriber, const char *text)
{
	struct bytes bytes = bytes_of_text(text);
	if (subscriber->missed > 0 || web_stream_write(subscriber->http, bytes) != ERR_OK)
		subscriber->missed++;
}

/* The reader has caught up: it learns how much it missed. */
static void on_drain(void *user)
{
	struct subscriber *subscriber = user;
	if (subscriber->missed == 0)
		return;
	json_t *event = json_pack("{s:s, s:f, s:I}", "event", "overrun", "time", node_unix_time(),
		"missed", (json_int_t)subscriber->missed);
	char *text = json_take_text(event);
	char *line = text ? text_format("%s\n", text) : NULL;
	subscriber->missed = 0;
	if (line)
		write_line(subscriber, line);
	free(line);
	free(text);
}

static void on_cancel(void *user)
{
	struct subscriber *subscriber = user;
	list_remove(&subscriber->node);
	subscriber->api->subscriber_count--;
	free(subscriber);
}

void local_api_publish(struct local_api *api, json_t *event)
{
	char *text = json_take_text(event);
	char *line = text ? text_format("%s\n", text) : NULL;
	LIST_FOREACH_SAFE (node, &api->subscribers) {
		if (line)
			write_line(CONTAINER_OF(node, struct subscriber, node), line);
	}
	free(line);
	free(text);
}

static void on_keepalive(void *user)
{
	struct local_api *api = user;
	LIST_FOREACH_SAFE (node, &api->subscribers) {
		struct subscriber *subscriber = CONTAINER_OF(node, struct subscriber, node);
		if (web_stream_queued(subscriber->http) == 0)
			write_line(subscriber, "\n");
	}
	net_timer_set(&api->keepalive, net_now() + NODE_API_KEEPALIVE);
}

static void subscribe(struct web_request *http, void *user)
{
	struct local_api *api = user;
	struct subscriber *subscriber = api->subscriber_count < NODE_API_SUBSCRIBERS_MAX
						? calloc(1, sizeof(*subscriber))
						: NULL;
	if (!subscriber) {
		api_fail(http, FAILURE_LIMIT,
			"too many programs read the events; close one of them");
		return;
	}
	subscriber->api = api;
	subscriber->http = http;
	list_push_back(&api->subscribers, &subscriber->node);
	api->subscriber_count++;
	web_stream_start(http, 200, "application/x-ndjson");
	web_request_on_cancel(http, on_cancel, subscriber);
	web_stream_on_drain(http, on_drain, subscriber);
	char *line = text_format("{\"event\":\"hello\",\"time\":%.6f,\"node_id\":\"%s\"}\n",
		node_unix_time(), api->node->id);
	if (line)
		write_line(subscriber, line);
	free(line);
}

/* ---- The server ---- */

#define BODY NODE_API_BODY_MAX

static const struct web_route routes[] = {
	{"GET", "/api/v1/status", api_status, 0, 0},
	{"POST", "/api/v1/netcheck", api_netcheck, BODY, 0},
	{"GET", "/api/v1/events", subscribe, 0, 0},
	{"GET", "/api/v1/peers", api_peers_list, 0, 0},
	{"POST", "/api/v1/peers", api_peers_add, BODY, 0},
	{"POST", "/api/v1/peers/{peer}/accept", api_peers_accept, BODY, 0},
	{"POST", "/api/v1/peers/{peer}/block", api_peers_block, BODY, 0},
	{"POST", "/api/v1/peers/{peer}/policy", api_peers_policy, BODY, 0},
	{"POST", "/api/v1/peers/{peer}/verify", api_peers_verify, BODY, 0},
	{"GET", "/api/v1/peers/{peer}/quality", api_peers_quality, 0, 0},
	{"GET", "/api/v1/peers/{peer}", api_peers_get, 0, 0},
	{"DELETE", "/api/v1/peers/{peer}", api_peers_remove, 0, 0},
	{"POST", "/api/v1/connect", api_connect, BODY, 0},
	{"POST", "/api/v1/disconnect", api_disconnect, BODY, 0},
	{"POST", "/api/v1/messages", api_send, BODY, 0},
	{"POST", "/api/v1/messages/{id}/edit", api_message_edit, BODY, 0},
	{"POST", "/api/v1/messages/{id}/delete", api_message_delete, BODY, 0},
	{"POST", "/api/v1/read", api_mark_read, BODY, 0},
	{"POST", "/api/v1/typing", api_typing, BODY, 0},
	{"GET", "/api/v1/history", api_history, 0, 0},
	{"GET", "/api/v1/history/export", api_history_export, 0, 0},
	{"GET", "/api/v1/history/search", api_search, 0, 0},
	{"GET", "/api/v1/profile", api_profile_get, 0, 0},
	{"PUT", "/api/v1/profile", api_profile_put, BODY, 0},
	{"DELETE", "/api/v1/profile", api_profile_delete, 0, 0},
	{"GET", "/api/v1/profile/{peer}", api_profile_of, 0, 0},
	{"GET", "/api/v1/directory", api_directory, 0, 0},
	{"GET", "/api/v1/context", api_context_get, 0, 0},
	{"PUT", "/api/v1/context", api_context_put, BODY, 0},
	{"POST", "/api/v1/context/set", api_context_set, BODY, 0},
	{"POST", "/api/v1/context/delete", api_context_delete, BODY, 0},
	{"POST", "/api/v1/context/request", api_context_request, BODY, 0},
	{"POST", "/api/v1/access/check", api_access_check, BODY, 0},
	{"GET", "/api/v1/access/pending", api_access_pending, 0, 0},
	{"POST", "/api/v1/access/pending/{id}/allow", api_access_allow, BODY, 0},
	{"POST", "/api/v1/access/pending/{id}/deny", api_access_deny, BODY, 0},
	{"POST", "/api/v1/ai/query", api_ai_query, BODY, 0},
	{"GET", "/api/v1/ai/log", api_ai_log, 0, 0},
	{"GET", "/api/v1/ai/models", api_ai_own_models, 0, 0},
	{"POST", "/api/v1/ai/models", api_ai_models, BODY, 0},
	{"GET", "/api/v1/files", api_files_list, 0, 0},
	{"POST", "/api/v1/files", api_files_send, BODY, 0},
	{"GET", "/api/v1/files/{id}", api_files_get, 0, 0},
	{"GET", "/api/v1/files/{id}/progress", api_files_follow, 0, 0},
	{"POST", "/api/v1/files/{id}/accept", api_files_accept, BODY, 0},
	{"POST", "/api/v1/files/{id}/reject", api_files_reject, BODY, 0},
	{"POST", "/api/v1/files/{id}/cancel", api_files_cancel, BODY, 0},
	{"POST", "/api/v1/ping", api_ping, BODY, 0},
	{"POST", "/api/v1/login", api_login, BODY, 0},
	{"POST", "/api/v1/logout", api_logout, BODY, 0},
};

enum err local_api_create(struct node *node, struct local_api **ret_api)
{
	struct local_api *api = calloc(1, sizeof(*api));
	char *path = text_format("%s/control.sock", node->home);
	enum err err = ERR_NOMEM;
	if (!api || !path)
		goto fail;
	api->node = node;
	list_init(&api->subscribers);
	err = net_timer_init(&api->keepalive, node->loop, on_keepalive, api);
	if (err)
		goto fail;
	struct web_server_options options = {.unix_path = path,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.user = api,
		.limits = {.connections = NODE_API_CALLS_MAX}};
	err = web_server_create(node->web, &options, &api->server);
	if (err)
		goto fail_timer;
	net_timer_set(&api->keepalive, net_now() + NODE_API_KEEPALIVE);
	free(path);
	*ret_api = api;
	return ERR_OK;

fail_timer:
	net_timer_deinit(&api->keepalive);
fail:
	free(path);
	free(api);
	return err;
}

void local_api_destroy(struct local_api *api)
{
	if (!api)
		return;
	web_server_destroy(api->server);
	net_timer_deinit(&api->keepalive);
	free(api);
}
