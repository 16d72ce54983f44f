#include "node/hub_client.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "node/attempt.h"
#include "node/events.h"
#include "node/hub_login.h"
#include "node/hub_memory.h"
#include "node/hub_socket.h"
#include "node/hub_turn.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/login_answer.h"
#include "node/provider_login.h"
#include "node/session.h"
#include "web/server.h"

struct hub_client {
	struct node *node;
	enum hub_state state;
	char url[CONFIG_TEXT_MAX + 1]; /* "": none */
	bool wanted;                   /* the user has logged in */
	struct hub_login login;
	struct hub_turn turn;
	struct net_timer turn_timer; /* CONNECTED: when the relays need new credentials */
	struct hub_socket socket;
	struct hub_errands errands;
	struct net_timer timer; /* WAITING: the next try */
	unsigned failures;
	usec hurried_at; /* when a wait was last cut short */
	double since;
	struct failure last;
	struct login_answer waiting;     /* POST /login that waits for the outcome */
	struct provider_login *provided; /* by a browser or a code; its outcome is awaited too */
	char provided_url[CONFIG_TEXT_MAX + 1];
	struct login_answer leaving; /* POST /logout that waits for the hub */
	bool token_is_new;           /* since the last wait, so that another would be no better */
	bool on_trial;               /* a hub that was named in it and has not let us in yet */
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
	/* Who has logged in can connect, through a relay too. */
	if (hub->state == HUB_CONNECTED && hub_turn_is_asking(&hub->turn))
		return;
	/* A person who is at a browser waits for that. */
	if (hub->provided)
		return;
	if (hub->state == HUB_CONNECTED)
		login_answer_done(
			&hub->waiting, json_pack("{s:o}", "hub", hub_client_describe(hub)));
	else
		login_answer_fail(&hub->waiting, &hub->last);
}

static void stop_all(struct hub_client *hub)
{
	hub_login_cancel(&hub->login);
	hub_turn_cancel(&hub->turn);
	net_timer_cancel(&hub->turn_timer);
	hub_socket_close(&hub->socket);
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

static void retry_after(struct hub_client *hub, const struct failure *failure, usec wait)
{
	stop_all(hub);
	hub_errands_fail(&hub->errands, failure);
	hub->last = *failure;
	log_warn("%s", failure->fault.text);
	if (hub->on_trial) {
		give_up_trial(hub);
		return;
	}
	set_state(hub, HUB_WAITING);
	net_timer_set(&hub->timer, net_now() + wait);
	answer_waiting(hub);
}

/* Tries again after a growing wait. */
static void retry_later(struct hub_client *hub, const struct failure *failure)
{
	hub->failures++;
	retry_after(hub, failure,
		attempt_spread(hub->failures, NODE_HUB_BACKOFF_FIRST, NODE_HUB_BACKOFF_MAX,
			&hub->node->rng));
}

/* ---- The socket ---- */

static void remember(struct hub_client *hub)
{
	hub_memory_keep(hub->node->store, hub->url, hub->login.refresh_token);
}

static void on_ready(void *user)
{
	struct hub_client *hub = user;
	if (hub->on_trial)
		remember(hub);
	hub->failures = 0;
	hub->on_trial = false;
	hub->last = (struct failure){0};
	log_info("connected to hub '%s'", hub->url);
	set_state(hub, HUB_CONNECTED);
	net_timer_set(&hub->turn_timer, hub->turn.due_at);
	answer_waiting(hub);
	session_hub_ready(hub->node);
}

static void on_ended(const struct hub_socket_end *end, void *user)
{
	struct hub_client *hub = user;
	struct failure failure;
	if (end->is_unauthorised) {
		hub_login_expire(&hub->login);
		/* The hub may have forgotten it, or was told to. That is no reason to wait. */
		if (!hub->token_is_new) {
			stop_all(hub);
			begin(hub);
			return;
		}
	}
	if (end->says_when) {
		failure_set(&failure, FAILURE_HUB,
			"hub '%s' ends, and is to be tried again in %.1f s", hub->url,
			(double)end->wait / USEC_PER_SEC);
		retry_after(hub, &failure, end->wait);
		return;
	}
	if (end->is_silent)
		failure_set(&failure, FAILURE_HUB,
			"hub '%s' does not answer; it is tried again by itself", hub->url);
	else
		failure_set(&failure, FAILURE_HUB, "lost hub '%s': %s; it is tried again by itself",
			hub->url, end->reason[0] ? end->reason : "closed");
	retry_later(hub, &failure);
}

/* Opens the socket, and asks for the relays at the same time. */
static void open_socket(struct hub_client *hub)
{
	struct failure failure;
	enum err err = hub_socket_open(&hub->socket, hub->url, hub->login.access_token);
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
		hub_errands_fail(&hub->errands, failure);
	}
	hub_errands_go(&hub->errands);
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
	hub_errands_go(&hub->errands);
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
	if (hub->state == HUB_WAITING)
		begin(hub);
}

void hub_client_check(struct hub_client *hub)
{
	usec now = net_now();
	switch (hub->state) {
	case HUB_CONNECTED:
		hub_socket_check(&hub->socket);
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
		hub_socket_check(&hub->socket);
		return;
	}
	/* What was connected from the former address is gone, and the wait was for another network.
	 */
	stop_all(hub);
	hub->failures = 0;
	begin(hub);
}

/* ---- Questions ---- */

/* A question of the user's waits for a token. While the node is being let in one is on its way. */
static void need_token(void *user)
{
	struct hub_client *hub = user;
	struct failure failure;
	bool is_on_its_way = hub->login.step != HUB_LOGIN_IDLE &&
			     (hub->state == HUB_CONNECTED || hub->state == HUB_CONNECTING);
	if (is_on_its_way)
		return;
	if (hub->state != HUB_CONNECTED) {
		hub_client_failure(hub, &failure);
		hub_errands_fail(&hub->errands, &failure);
		return;
	}
	enum err err = hub_login_start(&hub->login, hub->url);
	if (!err)
		return;
	failure_set(
		&failure, FAILURE_HUB, "cannot log in at hub '%s': %s", hub->url, err_text(err));
	hub_errands_fail(&hub->errands, &failure);
}

void hub_client_errand(
	struct hub_client *hub, const struct hub_errand *errand, struct web_request *http)
{
	struct failure failure;
	if (hub->wanted) {
		hub_errands_add(&hub->errands, errand, http);
		return;
	}
	json_decref(errand->body);
	hub_client_failure(hub, &failure);
	local_api_fail(http, &failure);
}

static void abandoned(void *user)
{
	struct hub_client *hub = user;
	hub->waiting = (struct login_answer){0};
	provider_login_destroy(hub->provided);
	hub->provided = NULL;
}

/* Where to log in, into CONFIG_TEXT_MAX + 1 characters; false, and it was answered. */
static bool choose_url(
	const struct hub_client *hub, const char *url, char *chosen, struct web_request *http)
{
	struct failure failure = {0};
	if (hub->waiting.http)
		failure_set(&failure, FAILURE_LIMIT, "a login is under way; wait for it");
	else if (!text_copy(chosen, CONFIG_TEXT_MAX + 1, url ? url : hub->url) || !chosen[0])
		failure_set(&failure, FAILURE_NO_HUB,
			"no hub is configured; name one with 'dpc login --hub URL'");
	if (failure.code != FAILURE_NONE)
		local_api_fail(http, &failure);
	return failure.code == FAILURE_NONE;
}

void hub_client_login(struct hub_client *hub, const char *url, struct web_request *http)
{
	char chosen[CONFIG_TEXT_MAX + 1];
	if (!choose_url(hub, url, chosen, http))
		return;
	bool other = strcmp(chosen, hub->url) != 0;
	CHECK(text_copy(hub->url, sizeof(hub->url), chosen));
	login_answer_begin(&hub->waiting, http, abandoned, hub);
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

/* ---- With a provider ---- */

static void on_say(json_t *line, void *user)
{
	struct hub_client *hub = user;
	login_answer_say(&hub->waiting, line);
}

/* The tokens are those of a new login: what was before is kept until it has let us in altogether.
 */
static void on_provided(const json_t *tokens, const struct failure *failure, void *user)
{
	struct hub_client *hub = user;
	struct provider_login *provided = hub->provided;
	struct failure problem;
	hub->provided = NULL;
	if (!tokens) {
		login_answer_fail(&hub->waiting, failure);
		provider_login_destroy(provided);
		return;
	}
	stop_all(hub);
	hub_turn_forget(&hub->turn);
	hub_login_forget(&hub->login);
	CHECK(text_copy(hub->url, sizeof(hub->url), hub->provided_url));
	hub->on_trial = hub->wanted = true;
	hub->failures = 0;
	set_state(hub, HUB_CONNECTING);
	enum err err = hub_login_adopt(&hub->login, hub->url, tokens);
	if (err) {
		failure_set(&problem, FAILURE_HUB,
			"hub '%s' answers in a way that is not understood: %s; is it a dpc-hub?",
			hub->url, err_text(err));
		retry_later(hub, &problem);
	}
	provider_login_destroy(provided);
}

void hub_client_login_provided(
	struct hub_client *hub, const char *url, const char *provider, struct web_request *http)
{
	struct failure failure;
	if (!choose_url(hub, url, hub->provided_url, http))
		return;
	struct provider_login_wish wish = {.hub = hub->provided_url,
		.provider = provider,
		.say = on_say,
		.done = on_provided,
		.user = hub};
	login_answer_begin(&hub->waiting, http, abandoned, hub);
	enum err err = provider_login_create(hub->node, &wish, &hub->provided);
	if (!err)
		return;
	failure_set(&failure, FAILURE_HUB, "cannot ask hub '%s': %s; is the address right?",
		hub->provided_url, err_text(err));
	login_answer_fail(&hub->waiting, &failure);
}

/* ---- Leaving ---- */

static void left(void *user)
{
	struct hub_client *hub = user;
	hub->leaving = (struct login_answer){0};
}

static void on_revoked(const struct failure *failure, void *user)
{
	struct hub_client *hub = user;
	if (failure->code == FAILURE_NONE)
		login_answer_done(&hub->leaving, json_object());
	else
		login_answer_fail(&hub->leaving, failure);
}

/* Here it is over in any case. */
static void leave(struct hub_client *hub)
{
	struct failure failure;
	hub_memory_forget(hub->node->store);
	failure_set(&failure, FAILURE_NO_HUB, "logged out meanwhile");
	hub_errands_fail(&hub->errands, &failure);
	provider_login_destroy(hub->provided);
	hub->provided = NULL;
	hub->wanted = false;
	hub->last = (struct failure){0};
	set_state(hub, hub->url[0] ? HUB_LOGIN : HUB_NONE);
	failure_set(&failure, FAILURE_HUB, "logged out meanwhile");
	login_answer_fail(&hub->waiting, &failure);
}

void hub_client_logout(struct hub_client *hub, bool all, struct web_request *http)
{
	struct failure failure;
	if (hub->leaving.http) {
		failure_set(&failure, FAILURE_LIMIT, "a logout is under way; wait for it");
		local_api_fail(http, &failure);
		return;
	}
	stop_all(hub);
	hub_turn_forget(&hub->turn);
	bool is_asked = hub_login_revoke(&hub->login, hub->url, all);
	leave(hub);
	if (!all) {
		web_request_reply(http, 204, NULL, (struct bytes){0});
		return;
	}
	/* Whoever ends all logins has a reason, and wants to know that they have ended. */
	login_answer_begin(&hub->leaving, http, left, hub);
	if (is_asked)
		return;
	failure_set(&failure, FAILURE_NO_HUB,
		"not logged in at a hub, so it cannot be told; log in, and then out of all");
	login_answer_fail(&hub->leaving, &failure);
}

/* ---- Life ---- */

/* What an earlier run kept: the hub if the configuration names none, and whether the user logged in
 * there. */
static void recall(struct hub_client *hub)
{
	char *token;
	if (hub_memory_recall(hub->node->store, &hub->node->config, hub->url, &token))
		hub->wanted = true;
	if (token)
		hub_login_recall(&hub->login, token);
	free(token);
}

enum err hub_client_create(struct node *node, struct hub_client **ret_hub)
{
	struct hub_client *hub = calloc(1, sizeof(*hub));
	if (!hub)
		return ERR_NOMEM;
	hub->node = node;
	hub->since = node_unix_time();
	hub_login_init(&hub->login, node, on_login, on_revoked, hub);
	hub_errands_init(&hub->errands, node, &hub->login, hub->url, need_token, hub);
	hub_turn_init(&hub->turn, node, on_turn_done, hub);
	enum err err = net_timer_init(&hub->timer, node->loop, on_timer, hub);
	if (err)
		goto fail_hub;
	err = net_timer_init(&hub->turn_timer, node->loop, on_turn_timer, hub);
	if (err)
		goto fail_timer;
	err = hub_socket_init(&hub->socket, node, on_ready, on_ended, hub);
	if (err)
		goto fail_turn_timer;
	recall(hub);
	if (hub->url[0])
		hub->state = HUB_LOGIN;
	*ret_hub = hub;
	return ERR_OK;

fail_turn_timer:
	net_timer_deinit(&hub->turn_timer);
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
	provider_login_destroy(hub->provided);
	hub_errands_deinit(&hub->errands);
	hub_socket_deinit(&hub->socket);
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
	return hub_socket_signal(&hub->socket, target, payload);
}
