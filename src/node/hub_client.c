#include "node/hub_client.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "node/attempt.h"
#include "node/events.h"
#include "node/hub_login.h"
#include "node/hub_turn.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/session.h"
#include "node/signalling.h"
#include "web/server.h"
#include "web/websocket_client.h"

/* Settings in the store. */
#define SETTING_URL "hub.url"
#define SETTING_REFRESH "hub.refresh_token"

struct hub_client {
	struct node *node;
	enum hub_state state;
	char url[CONFIG_TEXT_MAX + 1]; /* "": none */
	bool wanted;                   /* the user has logged in */
	struct hub_login login;
	struct hub_turn turn;
	struct net_timer turn_timer; /* CONNECTED: when the relays need new credentials */
	struct websocket_client *socket;
	struct net_timer timer; /* WAITING: the next try; CONNECTED: ping, or its pong is late */
	bool pong_due;
	unsigned failures;
	usec hurried_at; /* when a wait was last cut short */
	double since;
	struct failure last;
	char last_target[NODE_ID_MAX]; /* of the last signal that we sent */
	struct web_request *waiting;   /* POST /login that waits for the outcome */
	bool token_is_new;             /* since the last wait, so that another would be no better */
	bool on_trial;                 /* a hub that was named in it and has not let us in yet */
};

/* ---- State ---- */

static const char *state_name(enum hub_state state)
{
	switch (state) {
	case HUB_NONE:
		return "none";
	case HUB_LOGIN:
		return "login";
	case HUB_CONNECTING:
		return "connecting";
	case HUB_CONNECTED:
		return "connected";
	case HUB_WAITING:
		return "waiting";
	}
	UNREACHABLE();
}

enum hub_state hub_client_state(const struct hub_client *hub)
{
	return hub->state;
}

const char *hub_client_url(const struct hub_client *hub)
{
	return hub->url;
}

json_t *hub_client_describe(const struct hub_client *hub)
{
	const char *error = hub->last.code != FAILURE_NONE ? hub->last.fault.text : NULL;
	return json_pack("{s:s?, s:s, s:f, s:s?}", "url", hub->url[0] ? hub->url : NULL, "state",
		state_name(hub->state), "since", hub->since, "error", error);
}

json_t *hub_client_describe_turn(const struct hub_client *hub)
{
	return hub_turn_describe(&hub->turn);
}

void hub_client_failure(const struct hub_client *hub, struct failure *ret_failure)
{
	switch (hub->state) {
	case HUB_NONE:
		failure_set(ret_failure, FAILURE_NO_HUB,
			"no hub is configured; log in at one with 'dpc login --hub URL'");
		return;
	case HUB_LOGIN:
		failure_set(ret_failure, FAILURE_NO_HUB,
			"not logged in at hub '%s'; run 'dpc login'", hub->url);
		return;
	case HUB_CONNECTING:
	case HUB_CONNECTED:
	case HUB_WAITING:
		break;
	}
	if (hub->last.code != FAILURE_NONE)
		*ret_failure = hub->last;
	else
		failure_set(ret_failure, FAILURE_HUB,
			"hub '%s' is not connected yet; try again in a moment", hub->url);
}

static void set_state(struct hub_client *hub, enum hub_state state)
{
	if (hub->state == state)
		return;
	log_debug("hub: %s -> %s", state_name(hub->state), state_name(state));
	hub->state = state;
	hub->since = node_unix_time();
	event_emit(hub->node, "hub", json_pack("{s:o}", "hub", hub_client_describe(hub)));
}

static void answer_waiting(struct hub_client *hub)
{
	struct web_request *http = hub->waiting;
	/* Who has logged in can connect, through a relay too. */
	if (hub->state == HUB_CONNECTED && hub_turn_is_asking(&hub->turn))
		return;
	if (!http)
		return;
	hub->waiting = NULL;
	if (hub->state == HUB_CONNECTED)
		local_api_reply(http, 200, json_pack("{s:o}", "hub", hub_client_describe(hub)));
	else
		local_api_fail(http, &hub->last);
}

static void stop_all(struct hub_client *hub)
{
	hub_login_cancel(&hub->login);
	hub_turn_cancel(&hub->turn);
	net_timer_cancel(&hub->turn_timer);
	websocket_client_destroy(hub->socket);
	hub->socket = NULL;
	hub->pong_due = false;
	net_timer_cancel(&hub->timer);
}

static void recall(struct hub_client *hub);
static void begin(struct hub_client *hub);

/* The hub that a login named does not let us in: back to the one before, if there was one. */
static void give_up_trial(struct hub_client *hub)
{
	answer_waiting(hub);
	hub->on_trial = hub->wanted = false;
	hub->last = (struct failure){0};
	hub_login_forget(&hub->login);
	hub_turn_forget(&hub->turn);
	recall(hub);
	set_state(hub, hub->url[0] ? HUB_LOGIN : HUB_NONE);
	if (hub->wanted)
		begin(hub);
}

/* Tries again after a growing wait. */
static void retry_later(struct hub_client *hub, const struct failure *failure)
{
	stop_all(hub);
	hub->failures++;
	hub->last = *failure;
	log_warn("%s", failure->fault.text);
	if (hub->on_trial) {
		give_up_trial(hub);
		return;
	}
	set_state(hub, HUB_WAITING);
	net_timer_set(&hub->timer, net_now() + attempt_spread(hub->failures, NODE_HUB_BACKOFF_FIRST,
						       NODE_HUB_BACKOFF_MAX, &hub->node->rng));
	answer_waiting(hub);
}

/* ---- The socket ---- */

static void remember(struct hub_client *hub)
{
	struct store *store = hub->node->store;
	const char *token = hub->login.refresh_token;
	if (store_setting_set(store, SETTING_URL, hub->url) != ERR_OK ||
		store_setting_set(store, SETTING_REFRESH, token ? token : "") != ERR_OK)
		log_warn("the login cannot be kept: %s", store_fault_text(store));
}

static enum err send_json(struct hub_client *hub, json_t *object)
{
	char *text = json_take_text(object);
	if (!text)
		return ERR_NOMEM;
	enum err err = websocket_client_send(hub->socket, bytes_of_text(text));
	free(text);
	return err;
}

static void on_opened(struct websocket_client *client, void *user)
{
	(void)client;
	(void)user;
}

static void on_auth_ok(struct hub_client *hub)
{
	if (hub->on_trial)
		remember(hub);
	hub->failures = 0;
	hub->on_trial = false;
	hub->last = (struct failure){0};
	log_info("connected to hub '%s'", hub->url);
	set_state(hub, HUB_CONNECTED);
	net_timer_set(&hub->timer, net_now() + NODE_HUB_PING_INTERVAL);
	net_timer_set(&hub->turn_timer, hub->turn.due_at);
	answer_waiting(hub);
	session_hub_ready(hub->node);
}

static void on_signal(struct hub_client *hub, const json_t *message)
{
	const char *sender;
	json_t *payload;
	if (json_get_text(message, "sender_node_id", NODE_ID_MAX - 1, &sender) != ERR_OK ||
		json_get_object(message, "payload", &payload) != ERR_OK) {
		hub->node->counters.malformed++;
		return;
	}
	json_incref(payload);
	signalling_receive(hub->node, sender, payload);
	json_decref(payload);
}

static void on_error(struct hub_client *hub, const json_t *message)
{
	const char *code = "", *text = "", *target = hub->last_target;
	struct failure failure;
	if (json_get_text_if(message, "code", MESSAGE_CODE_MAX, &code) != ERR_OK ||
		json_get_text_if(message, "message", MESSAGE_ERROR_TEXT_MAX, &text) != ERR_OK ||
		json_get_text_if(message, "target_node_id", NODE_ID_MAX - 1, &target) != ERR_OK) {
		hub->node->counters.malformed++;
		return;
	}
	struct session *session = session_find(hub->node, target);
	const char *name = session ? session->name : target;
	if (strcmp(code, "target_offline") == 0)
		failure_set(&failure, FAILURE_OFFLINE,
			"'%s' is not at the hub now; ask them to run 'dpc up' and 'dpc login'",
			name);
	else
		failure_set(&failure, FAILURE_HUB, "the hub does not pass messages to '%s' on: %s",
			name, text[0] ? text : code);
	signalling_undeliverable(hub->node, target, &failure);
}

static void on_message(struct websocket_client *client, struct bytes text, void *user)
{
	struct hub_client *hub = user;
	json_t *message;
	const char *type;
	(void)client;
	if (json_parse_object(text, NODE_SIGNAL_MAX, &message) != ERR_OK) {
		hub->node->counters.malformed++;
		return;
	}
	hub->pong_due = false;
	if (hub->state == HUB_CONNECTED)
		net_timer_set(&hub->timer, net_now() + NODE_HUB_PING_INTERVAL);
	if (json_get_text(message, "type", MESSAGE_CODE_MAX, &type) != ERR_OK)
		hub->node->counters.malformed++;
	else if (strcmp(type, "auth_ok") == 0)
		on_auth_ok(hub);
	else if (strcmp(type, "signal") == 0)
		on_signal(hub, message);
	else if (strcmp(type, "error") == 0)
		on_error(hub, message);
	json_decref(message);
}

static void on_closed(struct websocket_client *client, int http_status, unsigned code,
	const char *reason, void *user)
{
	struct hub_client *hub = user;
	struct failure failure;
	(void)client;
	if (http_status == 401) {
		hub_login_expire(&hub->login);
		/* The hub may have forgotten it, or was told to. That is no reason to wait. */
		if (!hub->token_is_new) {
			stop_all(hub);
			begin(hub);
			return;
		}
	}
	failure_set(&failure, FAILURE_HUB, "lost hub '%s': %s; it is tried again by itself",
		hub->url, reason[0] ? reason : "closed");
	log_debug("hub socket closed: status %d, code %u", http_status, code);
	retry_later(hub, &failure);
}

static const struct websocket_client_handler handler = {
	.opened = on_opened, .message = on_message, .closed = on_closed};

/* Opens the socket, and asks for the relays at the same time. */
static void open_socket(struct hub_client *hub)
{
	struct failure failure;
	char *url = text_format("%s/ws/signal", hub->url);
	struct websocket_client_options options = {.url = url,
		.authorities = config_hub_authorities(&hub->node->config),
		.bearer = hub->login.access_token,
		.handler = &handler,
		.user = hub,
		.message_max = NODE_SIGNAL_MAX};
	enum err err = url ? websocket_client_create(
				     hub->node->web, hub->node->loop, &options, &hub->socket)
			   : ERR_NOMEM;
	free(url);
	if (!err) {
		hub_turn_ask(&hub->turn, hub->url, hub->login.access_token);
		return;
	}
	failure_set(&failure, FAILURE_HUB,
		"cannot open a socket to hub '%s': %s; check its address", hub->url, err_text(err));
	retry_later(hub, &failure);
}

/* ---- Relays ---- */

static void on_turn_done(bool unauthorised, void *user)
{
	struct hub_client *hub = user;
	if (unauthorised)
		hub_login_expire(&hub->login);
	if (hub->state != HUB_CONNECTED)
		return;
	net_timer_set(&hub->turn_timer, hub->turn.due_at);
	answer_waiting(hub);
	/* Those that may only be reached through a relay need not wait on. */
	if (hub->turn.is_first)
		session_hub_ready(hub->node);
}

static void on_turn_timer(void *user)
{
	struct hub_client *hub = user;
	if (hub->state != HUB_CONNECTED)
		return;
	if (hub_login_is_valid(&hub->login)) {
		hub_turn_ask(&hub->turn, hub->url, hub->login.access_token);
		net_timer_set(&hub->turn_timer, hub->turn.due_at);
		return;
	}
	/* The socket has outlived the token. */
	enum err err = hub_login_start(&hub->login, hub->url);
	if (!err)
		return;
	hub_turn_failed(&hub->turn, err_text(err));
	net_timer_set(&hub->turn_timer, hub->turn.due_at);
}

/* A token for the relays, while the socket is open. */
static void on_login_again(struct hub_client *hub, const struct failure *failure)
{
	if (failure->code == FAILURE_NONE) {
		remember(hub);
		hub_turn_ask(&hub->turn, hub->url, hub->login.access_token);
	} else {
		hub_turn_failed(&hub->turn, failure->fault.text);
	}
	net_timer_set(&hub->turn_timer, hub->turn.due_at);
}

/* ---- Logging in ---- */

static void on_login(const struct failure *failure, void *user)
{
	struct hub_client *hub = user;
	if (hub->state == HUB_CONNECTED) {
		on_login_again(hub, failure);
		return;
	}
	if (failure->code != FAILURE_NONE) {
		retry_later(hub, failure);
		return;
	}
	/* One on trial is kept when it has let us in altogether. */
	if (!hub->on_trial)
		remember(hub);
	hub->token_is_new = true;
	open_socket(hub);
}

static void begin(struct hub_client *hub)
{
	struct failure failure;
	set_state(hub, HUB_CONNECTING);
	if (hub_login_is_valid(&hub->login)) {
		hub->token_is_new = false;
		open_socket(hub);
		return;
	}
	enum err err = hub_login_start(&hub->login, hub->url);
	if (err) {
		failure_set(&failure, FAILURE_HUB, "cannot ask hub '%s': %s; is the address right?",
			hub->url, err_text(err));
		retry_later(hub, &failure);
	}
}

static void on_timer(void *user)
{
	struct hub_client *hub = user;
	struct failure failure;
	if (hub->state == HUB_WAITING) {
		begin(hub);
		return;
	}
	if (hub->state != HUB_CONNECTED)
		return;
	json_t *ping = json_pack("{s:s, s:f}", "type", "ping", "timestamp", node_unix_time());
	if (!hub->pong_due && send_json(hub, ping) == ERR_OK) {
		hub->pong_due = true;
		net_timer_set(&hub->timer, net_now() + NODE_HUB_PONG_TIMEOUT);
		return;
	}
	failure_set(&failure, FAILURE_HUB, "hub '%s' does not answer; it is tried again by itself",
		hub->url);
	retry_later(hub, &failure);
}

static void ping_soon(struct hub_client *hub)
{
	if (hub->pong_due)
		return;
	json_t *ping = json_pack("{s:s, s:f}", "type", "ping", "timestamp", node_unix_time());
	if (send_json(hub, ping) != ERR_OK)
		return;
	hub->pong_due = true;
	net_timer_set(&hub->timer, net_now() + NODE_HUB_CHECK_TIMEOUT);
}

void hub_client_check(struct hub_client *hub)
{
	usec now = net_now();
	switch (hub->state) {
	case HUB_CONNECTED:
		ping_soon(hub);
		return;
	case HUB_WAITING:
		/* Who lost its links as well as its hub lost its network, and not alone. */
		if (now - hub->hurried_at < NODE_HUB_HURRY_INTERVAL)
			return;
		hub->hurried_at = now;
		net_timer_set(
			&hub->timer, now + (usec)rng_below(&hub->node->rng, NODE_HUB_HURRY_SPREAD));
		return;
	case HUB_NONE:
	case HUB_LOGIN:
	case HUB_CONNECTING:
		return;
	}
	UNREACHABLE();
}

void hub_client_network_changed(struct hub_client *hub, bool lost)
{
	if (!hub->wanted || hub->state == HUB_NONE || hub->state == HUB_LOGIN)
		return;
	if (hub->state == HUB_CONNECTED && !lost) {
		ping_soon(hub);
		return;
	}
	/* What was connected from the former address is gone, and the wait was for another network.
	 */
	stop_all(hub);
	hub->failures = 0;
	begin(hub);
}

static void abandoned(void *user)
{
	struct hub_client *hub = user;
	hub->waiting = NULL;
}

void hub_client_login(struct hub_client *hub, const char *url, struct web_request *http)
{
	struct failure failure;
	bool other = url && strcmp(url, hub->url) != 0;
	if (hub->waiting) {
		failure_set(&failure, FAILURE_LIMIT, "a login is under way; wait for it");
		local_api_fail(http, &failure);
		return;
	}
	if ((url && !text_copy(hub->url, sizeof(hub->url), url)) || !hub->url[0]) {
		failure_set(&failure, FAILURE_NO_HUB,
			"no hub is configured; name one with 'dpc login --hub URL'");
		local_api_fail(http, &failure);
		return;
	}
	hub->waiting = http;
	web_request_on_cancel(http, abandoned, hub);
	if (!other && hub->state == HUB_CONNECTED) {
		answer_waiting(hub);
		return;
	}
	stop_all(hub);
	/* The hub may have forgotten the token we have: who asks for a login gets a new one. */
	if (other) {
		hub_login_forget(&hub->login);
		hub_turn_forget(&hub->turn);
	} else {
		hub_login_expire(&hub->login);
	}
	hub->on_trial = other;
	hub->wanted = true;
	hub->failures = 0;
	begin(hub);
}

void hub_client_logout(struct hub_client *hub)
{
	struct failure failure;
	stop_all(hub);
	hub_turn_forget(&hub->turn);
	hub_login_revoke(&hub->login, hub->url);
	if (store_setting_remove(hub->node->store, SETTING_REFRESH) != ERR_OK)
		log_warn("%s", store_fault_text(hub->node->store));
	hub->wanted = false;
	hub->last = (struct failure){0};
	set_state(hub, hub->url[0] ? HUB_LOGIN : HUB_NONE);
	if (hub->waiting) {
		failure_set(&failure, FAILURE_HUB, "logged out meanwhile");
		hub->last = failure;
		answer_waiting(hub);
		hub->last = (struct failure){0};
	}
}

/* ---- Life ---- */

void hub_client_known_url(struct store *store, const struct config *config, char *url)
{
	char *kept = NULL;
	CHECK(text_copy(url, CONFIG_TEXT_MAX + 1, config->hub_url));
	if (!url[0] && store && store_setting_get(store, SETTING_URL, &kept) == ERR_OK)
		(void)text_copy(url, CONFIG_TEXT_MAX + 1, kept);
	free(kept);
}

/* What an earlier run kept: the hub if the configuration names none, and whether the user logged in
 * there. */
static void recall(struct hub_client *hub)
{
	struct store *store = hub->node->store;
	const struct config *config = &hub->node->config;
	char *url = NULL, *token = NULL;
	bool known = store_setting_get(store, SETTING_URL, &url) == ERR_OK && url[0];
	bool logged_in = store_setting_get(store, SETTING_REFRESH, &token) == ERR_OK;
	hub_client_known_url(store, config, hub->url);
	if (known && logged_in && strcmp(hub->url, url) == 0) {
		hub->wanted = true;
		if (token[0])
			hub_login_recall(&hub->login, token);
	}
	free(url);
	free(token);
}

enum err hub_client_create(struct node *node, struct hub_client **ret_hub)
{
	struct hub_client *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return ERR_NOMEM;
	hub->node = node;
	hub->since = node_unix_time();
	hub_login_init(&hub->login, node, on_login, hub);
	hub_turn_init(&hub->turn, node, on_turn_done, hub);
	enum err err = net_timer_init(&hub->timer, node->loop, on_timer, hub);
	if (err)
		goto fail_hub;
	err = net_timer_init(&hub->turn_timer, node->loop, on_turn_timer, hub);
	if (err)
		goto fail_timer;
	recall(hub);
	if (hub->url[0])
		hub->state = HUB_LOGIN;
	*ret_hub = hub;
	return ERR_OK;

fail_timer:
	net_timer_deinit(&hub->timer);
fail_hub:
	free(hub);
	return err;
}

void hub_client_destroy(struct hub_client *hub)
{
	if (!hub)
		return;
	stop_all(hub);
	hub_login_deinit(&hub->login);
	hub_turn_deinit(&hub->turn);
	net_timer_deinit(&hub->turn_timer);
	net_timer_deinit(&hub->timer);
	free(hub);
}

void hub_client_start(struct hub_client *hub)
{
	if (hub->wanted)
		begin(hub);
}

enum err hub_client_signal(struct hub_client *hub, const char *target, json_t *payload)
{
	if (hub->state != HUB_CONNECTED) {
		json_decref(payload);
		return ERR_STATE;
	}
	(void)text_copy(hub->last_target, sizeof(hub->last_target), target);
	return send_json(hub, json_pack("{s:s, s:s, s:o}", "type", "signal", "target_node_id",
				      target, "payload", payload));
}
