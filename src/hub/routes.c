/* The paths of the hub. What each takes and gives is in docs/hub-api.md. */
#include "hub/login_flow.h"

/* The ways to log in here. */
static json_t *list_logins(const struct hub *hub)
{
	json_t *names = json_pack("[s]", "key");
	for (size_t i = 0; names && hub->providers && i < hub->providers->count; i++) {
		const char *name = hub->providers->list[i].config->name;
		if (json_array_append_new(names, json_string(name)) != 0) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

/* A page for browsers, which ask for one, and JSON for all others. */
static void handle_root(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	const char *accept = web_request_header(request, "accept");
	web_request_add_header(request, "Vary", "Accept");
	if (accept && strstr(accept, "text/html")) {
		page_reply(hub, request);
		return;
	}
	hub_reply(request, 200,
		json_pack("{s:s, s:s, s:s, s:o, s:b}", "name", "dpc-hub", "version", DPC_VERSION,
			"origin", hub->origins[0], "login", list_logins(hub), "new_accounts",
			hub->config->new_accounts));
}

/* What came and was not worth an answer, since the start. */
static json_t *describe_dropped(const struct hub *hub, const struct web_server_stats *web)
{
	uint64_t connections =
		web->refused_limit + web->refused_address + web->silent_evicted + web->timeouts;
	return json_pack("{s:I, s:I, s:I, s:I}", "connections", (json_int_t)connections, "requests",
		(json_int_t)web->malformed, "frames", (json_int_t)hub->stats.frames_invalid,
		"rate_limited", (json_int_t)hub->stats.rate_limited);
}

/* Whether to send it new clients, for a load balancer. */
static void handle_ready(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	enum err err = store_ping(hub->store);
	if (hub->is_draining)
		hub_refuse_draining(request);
	else if (err != ERR_OK)
		web_request_reply_error(
			request, 503, "database", "the database fails; the log says more");
	else
		hub_reply(request, 200, json_pack("{s:s}", "status", "ready"));
}

static void handle_health(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	const struct web_server_stats *web = web_server_stats(hub->server);
	hub_reply(request, 200,
		json_pack("{s:s, s:I, s:f, s:I, s:o}", "status", "ok", "nodes_connected",
			(json_int_t)hub_nodes_connected(hub), "uptime_seconds",
			(double)((net_now() - hub->started) / USEC_PER_MS) / 1000, "connections",
			(json_int_t)(web->connections_now + web->sockets_now), "dropped",
			describe_dropped(hub, web)));
}

const struct web_route hub_routes[] = {
	{"GET", "/", handle_root, 0, 0},
	{"GET", "/openapi.json", handle_openapi, 0, 0},
	{"GET", "/health", handle_health, 0, 0},
	{"GET", "/ready", handle_ready, 0, 0},
	{"GET", "/metrics", handle_metrics, 0, 0},
	{"POST", "/login/key/challenge", handle_challenge, HUB_BODY_MAX, 0},
	{"POST", "/login/key", handle_login_key, HUB_BODY_MAX, 0},
	{"GET", "/login/{provider}", handle_login_provider, 0, 0},
	{"GET", "/auth/{provider}/callback", handle_auth_callback, 0, 0},
	{"POST", "/token", handle_token, HUB_BODY_MAX, 0},
	{"POST", "/device/code", handle_device_code, HUB_BODY_MAX, 0},
	{"POST", "/device/token", handle_device_token, HUB_BODY_MAX, 0},
	{"GET", "/device", handle_device_page, 0, 0},
	{"POST", "/device", handle_device_entered, FORM_MAX, 0},
	{"GET", "/device/login/{provider}", handle_device_login, 0, 0},
	{"POST", "/device/deny", handle_device_deny, FORM_MAX, 0},
	{"GET", "/login.css", handle_login_css, 0, 0},
	{"POST", "/refresh", handle_refresh, HUB_BODY_MAX, 0},
	{"POST", "/logout", handle_logout, HUB_BODY_MAX, 0},
	{"GET", "/users/me", handle_users_me, 0, 0},
	{"GET", "/users/me/nodes", handle_devices, 0, 0},
	{"PUT", "/users/me/nodes/{node_id}", handle_device_put, HUB_BODY_MAX, 0},
	{"DELETE", "/users/me/nodes/{node_id}", handle_device_delete, 0, 0},
	{"GET", "/contacts", handle_contacts_get, 0, 0},
	{"PUT", "/contacts", handle_contacts_put, ADMISSION_BODY_MAX, 0},
	{"DELETE", "/contacts", handle_contacts_delete, 0, 0},
	{"GET", "/presence", handle_presence, 0, 0},
	{"POST", "/register-node-id", handle_register, HUB_BODY_MAX, 0},
	{"GET", "/profile", handle_profile_get, 0, 0},
	{"PUT", "/profile", handle_profile_put, HUB_BODY_MAX, 0},
	{"DELETE", "/profile", handle_profile_delete, 0, 0},
	{"GET", "/profile/{node_id}", handle_profile_of_node, 0, 0},
	{"GET", "/discovery/search", handle_search, 0, 0},
	{"GET", "/turn-credentials", handle_turn_credentials, 0, 0},
	{"GET", "/ws/signal", handle_signal_socket, 0, WEB_ROUTE_WEBSOCKET},
};

const size_t hub_route_count = sizeof hub_routes / sizeof hub_routes[0];
