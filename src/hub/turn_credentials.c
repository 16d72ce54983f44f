/* GET /turn-credentials: how a node gets through the relays of this hub, for a while. */
#include "hub/hub.h"

#include <stdio.h>

#include "base/text.h"
#include "hub/turn_secret.h"
#include "message/turn_uri.h"

static const struct refusal no_relay = {404, "not_found",
	"this hub has no relay; its operator names one under [turn] in its configuration"};
static const struct refusal not_registered = {
	403, "not_registered", "the node is not registered; ask /register-node-id first"};

/* ---- Configuration ---- */

static bool add_uri(struct hub *hub, const char *text, size_t size, char *problem)
{
	char uri[CONFIG_TEXT_MAX];
	struct turn_uri parsed;
	CHECK(text_copy_bytes(uri, sizeof uri, bytes_of(text, size)));
	if (turn_uri_parse(uri, &parsed) != ERR_OK) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"bad relay '%s' in servers of [turn]: expected turn:host:port, "
			"turn:host:port?transport=tcp or turns:host:port",
			uri);
		return false;
	}
	if (json_array_size(hub->turn_uris) == TURN_URIS_MAX) {
		snprintf(problem, HUB_PROBLEM_MAX, "more than %d relays in servers of [turn]",
			TURN_URIS_MAX);
		return false;
	}
	return json_array_append_new(hub->turn_uris, json_string(uri)) == 0;
}

enum err turn_credentials_init(struct hub *hub, char *problem)
{
	const char *list = hub->config->turn_servers;
	size_t secret_size = strlen(hub->config->turn_secret);
	hub->turn_uris = json_array();
	while (hub->turn_uris && *list) {
		list += strspn(list, " ,");
		size_t size = strcspn(list, " ,");
		if (size > 0 && !add_uri(hub, list, size, problem))
			return ERR_MALFORMED;
		list += size;
	}
	if (!hub->turn_uris)
		return ERR_NOMEM;
	bool has_relay = json_array_size(hub->turn_uris) > 0;
	if (!has_relay && secret_size == 0)
		return ERR_OK;
	if (has_relay && secret_size >= TURN_SECRET_MIN)
		return ERR_OK;
	/* The secret itself is never part of a message. */
	snprintf(problem, HUB_PROBLEM_MAX,
		has_relay ? "[turn] needs a secret of at least %d characters, the one that the "
			    "relay has as static-auth-secret; 'openssl rand -hex 32' makes one"
			  : "[turn] has a secret and no servers",
		TURN_SECRET_MIN);
	return ERR_MALFORMED;
}

/* ---- Requests ---- */

static bool admit_node(struct hub *hub, struct web_request *request, const char *node_id)
{
	if (ratelimit_take(&hub->turn_rate, bytes_of_text(node_id), net_now()))
		return true;
	hub->stats.rate_limited++;
	web_request_add_header(request, "Retry-After", "1");
	web_request_reply_error(request, 429, "rate_limited",
		"this node asked too often; what it has is good for a while");
	return false;
}

void handle_turn_credentials(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct turn_credentials credentials;
	unsigned ttl = hub->config->turn_ttl;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	if (json_array_size(hub->turn_uris) == 0) {
		hub_refuse(request, &no_relay);
		return;
	}
	enum err err = hub_check_registered(hub, &claims.session);
	if (err == ERR_NOT_FOUND)
		hub_refuse(request, &not_registered);
	else if (err != ERR_OK)
		hub_fail(request, err);
	if (err != ERR_OK)
		return;
	if (!admit_node(hub, request, claims.session.node_id))
		return;
	err = turn_secret_make(
		hub->config->turn_secret, hub_now() + ttl, claims.session.node_id, &credentials);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	hub_reply(request, 200,
		json_pack("{s:s, s:s, s:I, s:O}", "username", credentials.username, "password",
			credentials.password, "ttl", (json_int_t)ttl, "uris", hub->turn_uris));
	secret_cleanse(&credentials, sizeof credentials);
}
