#include "node/local_api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "message/json.h"
#include "message/uri.h"
#include "node/api.h"
#include "node/api_events.h"
#include "node/api_token.h"
#include "node/describe.h"
#include "node/guard.h"
#include "node/internal.h"
#include "node/limits.h"
#include "node/rate.h"

struct local_api {
	struct node *node;
	struct web_server *server;
	/* On loopback, by IPv4 and IPv6: NULL where it is not served. */
	struct web_server *port, *port6;
	char token[API_TOKEN_SIZE]; /* of those */
	struct rate wrong_tokens;
	struct api_events events;
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

void local_api_publish(struct local_api *api, json_t *event)
{
	api_events_publish(&api->events, event);
}

static void read_events(struct web_request *http, void *user)
{
	struct local_api *api = user;
	api_events_read(&api->events, http);
}

/* ---- The server ---- */

#define BODY NODE_API_BODY_MAX

static const struct web_route routes[] = {
	{"GET", "/api/v1/status", api_status, 0, 0},
	{"POST", "/api/v1/netcheck", api_netcheck, BODY, 0},
	{"GET", "/api/v1/events", read_events, 0, 0},
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

/* How long somebody may read nothing is the same for both kinds of streams. */
#define LIMITS(count)                                                                              \
	{                                                                                          \
		.connections = (count), .stall_s = WEB_SEND_TIMEOUT_S                              \
	}

enum err local_api_create(struct node *node, struct local_api **ret_api)
{
	struct local_api *api = calloc(1, sizeof(*api));
	char *path = text_format("%s/control.sock", node->home);
	enum err err = ERR_NOMEM;
	if (!api || !path)
		goto fail;
	api->node = node;
	err = api_events_init(&api->events, node);
	if (err)
		goto fail;
	struct web_server_options options = {.unix_path = path,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.user = api,
		.limits = LIMITS(NODE_API_CALLS_MAX)};
	err = web_server_create(node->web, &options, &api->server);
	if (err)
		goto fail_events;
	free(path);
	*ret_api = api;
	return ERR_OK;

fail_events:
	api_events_deinit(&api->events);
fail:
	free(path);
	free(api);
	return err;
}

void local_api_destroy(struct local_api *api)
{
	if (!api)
		return;
	web_server_destroy(api->port6);
	web_server_destroy(api->port);
	web_server_destroy(api->server);
	api_events_deinit(&api->events);
	secret_cleanse(api->token, sizeof api->token);
	free(api);
}

/* ---- On loopback ---- */

/* The token, in one of its two places: a page cannot add headers to a websocket. It has no third in
 * the query, which ends in histories and logs. */
static struct guard_headers headers_of(struct web_request *http)
{
	static const char prefix[] = "dpc-token.";
	struct guard_headers headers = guard_headers_of(http);
	const char *subprotocol = web_request_subprotocol(http, prefix);
	if (!headers.token && subprotocol)
		headers.token = subprotocol + sizeof prefix - 1;
	return headers;
}

/* A right token is taken at any time: who guesses keeps nobody out. */
static void refuse_token(struct local_api *api, struct web_request *http, bool is_wrong)
{
	if (is_wrong &&
		!rate_take(&api->wrong_tokens, net_now(), NODE_API_WRONG_TOKENS_PER_MINUTE)) {
		api_fail(http, FAILURE_LIMIT, "too many wrong tokens; wait a minute");
		return;
	}
	if (is_wrong)
		log_warn("a program showed a wrong token at the local API on loopback");
	web_request_add_header(http, "WWW-Authenticate", "Bearer");
	api_fail(http, FAILURE_TOKEN,
		is_wrong ? "this is not the token; 'api.token' in the node's home has it"
			 : "a bearer token is needed; 'api.token' in the node's home has it");
}

static void refuse(struct local_api *api, struct web_request *http, enum guard_verdict verdict,
	const struct guard_headers *headers)
{
	switch (verdict) {
	case GUARD_FINE:
		break;
	case GUARD_HOST:
		api_fail(http, FAILURE_HOST, "this is for programs on this machine: ask http://%s",
			web_server_address(api->port));
		break;
	case GUARD_ORIGIN:
		api_fail(http, FAILURE_ORIGIN,
			"pages of this origin may not ask; 'api.origin' in config.ini names those "
			"that may");
		break;
	case GUARD_TOKEN:
		refuse_token(api, http, headers->token != NULL);
		break;
	}
}

/* Of every request on loopback, before anything is looked up or begun for it. */
static bool admit(struct web_request *http, void *user)
{
	struct local_api *api = user;
	const struct config *config = &api->node->config;
	struct guard_rules rules = {.port = config->api_port,
		.token = api->token,
		.origins = config->api_origins,
		.origin_count = config->api_origin_count};
	struct guard_headers headers = headers_of(http);
	enum guard_verdict verdict = guard_check(&rules, &headers);
	if (verdict == GUARD_FINE || verdict == GUARD_TOKEN)
		guard_allow_origin(http, &headers, "GET, POST, PUT, DELETE");
	if (verdict != GUARD_FINE)
		refuse(api, http, verdict, &headers);
	else if (headers.is_preflight)
		web_request_reply(http, 204, NULL, (struct bytes){0});
	return verdict != GUARD_FINE || headers.is_preflight;
}

static enum err listen_at(struct local_api *api, const char *ip, struct web_server **ret_server,
	struct fault *ret_fault)
{
	char listen[32];
	snprintf(listen, sizeof listen, "%s:%u", ip, (unsigned)api->node->config.api_port);
	struct web_server_options options = {.listen = listen,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.user = api,
		.prepare = admit,
		.limits = LIMITS(NODE_API_PORT_CONNECTIONS_MAX)};
	enum err err = web_server_create(api->node->web, &options, ret_server);
	if (err)
		fault_set(ret_fault,
			"cannot serve the local api at %s: %s; take another --api-port", listen,
			err_text(err));
	return err;
}

enum err local_api_listen(struct local_api *api, struct fault *ret_fault)
{
	struct node *node = api->node;
	struct fault ignored;
	enum err err = api_token_load(node->home, &node->rng, api->token, ret_fault);
	if (!err)
		err = listen_at(api, "127.0.0.1", &api->port, ret_fault);
	if (err)
		return err;
	/* A browser that is sent to "localhost" tries this first: nobody else is to sit there and
	 * be shown the token. A machine without IPv6 has nobody there. */
	err = listen_at(api, "[::1]", &api->port6, &ignored);
	if (err == ERR_ADDRESS_IN_USE) {
		*ret_fault = ignored;
		return err;
	}
	return ERR_OK;
}

const char *local_api_address(const struct local_api *api)
{
	return api->port ? web_server_address(api->port) : NULL;
}
