#include "node/hub_turn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "node/attempt.h"
#include "node/hub_ask.h"
#include "node/internal.h"
#include "node/limits.h"

void hub_turn_init(struct hub_turn *turn, struct node *node,
	void (*done)(bool unauthorised, void *user), void *user)
{
	*turn = (struct hub_turn){.node = node, .due_at = USEC_NEVER, .done = done, .user = user};
}

void hub_turn_cancel(struct hub_turn *turn)
{
	http_request_cancel(turn->request);
	turn->request = NULL;
}

void hub_turn_deinit(struct hub_turn *turn)
{
	hub_turn_cancel(turn);
}

bool hub_turn_is_asking(const struct hub_turn *turn)
{
	return turn->request != NULL;
}

/* ---- Into use ---- */

static enum err set_relays(
	struct hub_turn *turn, const struct peer_io_relay_config *relays, size_t count)
{
	return peer_io_set_hub_relays(turn->node->io, relays, count);
}

void hub_turn_forget(struct hub_turn *turn)
{
	hub_turn_cancel(turn);
	CHECK(set_relays(turn, NULL, 0) == ERR_OK);
	turn->expires_at = 0;
	turn->due_at = USEC_NEVER;
	turn->failures = 0;
	turn->problem.text[0] = 0;
}

void hub_turn_failed(struct hub_turn *turn, const char *reason)
{
	fault_set(&turn->problem, "the hub gives no credentials for its relays: %s", reason);
	turn->due_at = net_now() + attempt_backoff(++turn->failures, NODE_HUB_TURN_BACKOFF_FIRST,
					   NODE_HUB_TURN_BACKOFF_MAX, &turn->node->rng);
}

/* ---- The answer ---- */

/* URIs that we do not understand, as of a later hub, are left out. */
static size_t take_uris(const json_t *uris, struct turn_uri *servers)
{
	size_t count = 0;
	for (size_t i = 0; i < json_array_size(uris) && count < NODE_HUB_RELAYS_MAX; i++) {
		const char *text = json_string_value(json_array_get(uris, i));
		if (text && turn_uri_parse(text, &servers[count]) == ERR_OK)
			count++;
	}
	return count;
}

static enum err take(struct hub_turn *turn, const json_t *body)
{
	const char *username, *password;
	const char *authorities = turn->node->config.turn_authorities;
	json_t *uris;
	int64_t ttl = 0;
	struct turn_uri servers[NODE_HUB_RELAYS_MAX];
	struct peer_io_relay_config relays[NODE_HUB_RELAYS_MAX];
	enum err err = json_get_text(body, "username", NODE_HUB_TURN_TEXT_MAX, &username);
	if (!err)
		err = json_get_text(body, "password", NODE_HUB_TURN_TEXT_MAX, &password);
	if (!err)
		err = json_get_integer(body, "ttl", 1, NODE_HUB_TURN_TTL_MAX_S, &ttl);
	if (!err)
		err = json_get_array(body, "uris", &uris);
	if (err)
		return err;
	size_t count = take_uris(uris, servers);
	if (count == 0)
		return ERR_UNSUPPORTED;
	for (size_t i = 0; i < count; i++)
		relays[i] = (struct peer_io_relay_config){.server = servers[i],
			.username = username,
			.password = password,
			.authorities = authorities[0] ? authorities : NULL};
	turn->is_first = peer_io_relay_count(turn->node->io) == 0;
	err = set_relays(turn, relays, count);
	if (err && err != ERR_LIMIT)
		return err;
	usec life = ttl * USEC_PER_SEC, now = net_now();
	turn->expires_at = now + life;
	/* Nodes that logged in together do not come back together. */
	usec wait = life / 2 + (usec)rng_below(&turn->node->rng, (uint64_t)life / 4);
	turn->due_at = now + usec_max(wait, NODE_HUB_TURN_INTERVAL_MIN);
	log_debug("the hub names %zu relays", count);
	return ERR_OK;
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct hub_turn *turn = user;
	char reason[sizeof turn->problem.text / 2];
	json_t *body = NULL;
	turn->request = NULL;
	turn->is_first = false;
	if (!answer->err && answer->status == 404) {
		/* It has no relays, or is older than they are. */
		hub_turn_forget(turn);
	} else if (answer->err || answer->status >= 300) {
		hub_ask_reason(answer, reason, sizeof reason);
		hub_turn_failed(turn, reason);
		log_warn("%s", turn->problem.text);
	} else {
		enum err err = json_parse_object(answer->body, NODE_HUB_ANSWER_MAX, &body);
		if (!err)
			err = take(turn, body);
		if (err) {
			hub_turn_failed(turn, err_text(err));
			log_warn("%s", turn->problem.text);
		} else {
			turn->failures = 0;
			turn->problem.text[0] = 0;
		}
		json_decref(body);
	}
	turn->done(!answer->err && answer->status == 401, turn->user);
}

void hub_turn_ask(struct hub_turn *turn, const char *url, const char *access_token)
{
	struct hub_question question = {.hub = url,
		.path = "/turn-credentials",
		.bearer = access_token,
		.timeout = NODE_HUB_TURN_TIMEOUT};
	hub_turn_cancel(turn);
	turn->due_at = USEC_NEVER;
	enum err err = hub_ask(turn->node, &question, on_answer, turn, &turn->request);
	if (err)
		hub_turn_failed(turn, err_text(err));
}

json_t *hub_turn_describe(const struct hub_turn *turn)
{
	usec left = turn->expires_at - net_now();
	json_t *seconds = turn->expires_at == 0
				  ? json_null()
				  : json_integer((json_int_t)(usec_max(left, 0) / USEC_PER_SEC));
	return json_pack("{s:o, s:s?}", "expires_in_seconds", seconds, "error",
		turn->problem.text[0] ? turn->problem.text : NULL);
}
