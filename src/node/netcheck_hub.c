/* The hub: whether it answers, and whether it is the hub that answers. A network that wants a login
 * first answers plain HTTP in everybody's place: with a page of its own, with the way to one, or as
 * RFC 6585 section 6 says. */
#include "node/netcheck_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "web/url.h"

#define ANSWER_MAX (64 * 1024)
#define TIMEOUT_MS ((unsigned)(NETCHECK_SERVERS_TIME / USEC_PER_MS))
#define NETWORK_LOGIN_REQUIRED 511

static void set(struct netcheck_hub *hub, enum netcheck_state state, const char *why)
{
	hub->state = state;
	snprintf(hub->error, sizeof hub->error, "%s", why);
}

/* Also an error of the hub's own, as when it is asked too often. */
static bool is_of_hub(const struct http_answer *answer)
{
	json_t *body = NULL;
	if (json_parse_object(answer->body, ANSWER_MAX, &body) != ERR_OK)
		return false;
	bool is_hub = json_object_get(body, "status") || json_object_get(body, "error");
	json_decref(body);
	return is_hub;
}

/* To https of the same host, as many servers do, or away from it. */
static bool leads_away(const struct http_answer *answer, const char *hub_url)
{
	struct url to, hub;
	return answer->redirect[0] && url_parse(hub_url, &hub) == ERR_OK &&
	       (url_parse(answer->redirect, &to) != ERR_OK ||
		       !text_equal_ignoring_case(to.host, hub.host));
}

static bool is_captive(const struct http_answer *answer, const char *hub_url)
{
	if (answer->err || is_of_hub(answer))
		return false;
	return answer->status == NETWORK_LOGIN_REQUIRED || leads_away(answer, hub_url) ||
	       (answer->status >= 200 && answer->status < 300);
}

static void on_plain_answer(const struct http_answer *answer, void *user)
{
	struct netcheck *check = user;
	struct netcheck_hub *hub = &check->facts.hub;
	check->plain_request = NULL;
	hub->captive = hub->state != NETCHECK_OK && is_captive(answer, hub->url);
	net_defer_post(&check->settle);
}

static enum err ask(struct netcheck *check, const char *format, const char *where,
	void (*done)(const struct http_answer *answer, void *user), struct http_request **ret)
{
	char url[CONFIG_TEXT_MAX + 32];
	snprintf(url, sizeof url, "%s%s/health", format, where);
	struct http_ask question = {.url = url,
		.authorities = check->hub_authorities[0] ? check->hub_authorities : NULL,
		.connect_timeout_ms = TIMEOUT_MS,
		.timeout_ms = TIMEOUT_MS,
		.answer_max = ANSWER_MAX};
	return http_client_start(check->config.http, &question, NULL, done, check, ret);
}

/* What is secure can only be kept from us; whether by a login page, plain HTTP says. */
static void ask_plainly(struct netcheck *check)
{
	struct url url;
	if (url_parse(check->facts.hub.url, &url) != ERR_OK || !url.is_secure)
		return;
	const char *format = strchr(url.host, ':') ? "http://[" : "http://";
	char host[URL_HOST_MAX + 2];
	snprintf(host, sizeof host, "%s%s", url.host, strchr(url.host, ':') ? "]" : "");
	if (ask(check, format, host, on_plain_answer, &check->plain_request) != ERR_OK)
		check->plain_request = NULL;
}

static void judge(struct netcheck_hub *hub, const struct http_answer *answer)
{
	char why[NETCHECK_ERROR_MAX];
	if (answer->err == ERR_TIMEOUT) {
		set(hub, NETCHECK_SILENT, answer->reason);
	} else if (answer->err) {
		bool is_wrong = answer->err == ERR_UNTRUSTED || answer->err == ERR_MALFORMED;
		set(hub, is_wrong ? NETCHECK_WRONG : NETCHECK_FAILED,
			answer->reason[0] ? answer->reason : err_text(answer->err));
	} else if (is_of_hub(answer)) {
		set(hub, NETCHECK_OK, "");
	} else {
		snprintf(why, sizeof why, "what answers is no hub: status %d%s%.150s",
			answer->status, answer->redirect[0] ? ", and leads to " : "",
			answer->redirect);
		set(hub, NETCHECK_WRONG, why);
		hub->captive = is_captive(answer, hub->url);
	}
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct netcheck *check = user;
	struct netcheck_hub *hub = &check->facts.hub;
	check->hub_request = NULL;
	hub->round_trip = net_now() - check->hub_asked_at;
	judge(hub, answer);
	if (hub->state != NETCHECK_OK && !hub->captive && check->phase != NETCHECK_DONE)
		ask_plainly(check);
	net_defer_post(&check->settle);
}

void netcheck_start_hub(struct netcheck *check)
{
	struct netcheck_hub *hub = &check->facts.hub;
	if (!hub->url[0])
		return;
	check->hub_asked_at = net_now();
	set(hub, NETCHECK_SILENT, "no answer in time");
	enum err err = ask(check, "", hub->url, on_answer, &check->hub_request);
	if (err)
		set(hub, NETCHECK_FAILED, err_text(err));
}

bool netcheck_is_hub_settled(const struct netcheck *check)
{
	return !check->hub_request && !check->plain_request;
}

void netcheck_stop_hub(struct netcheck *check)
{
	http_request_cancel(check->hub_request);
	http_request_cancel(check->plain_request);
	check->hub_request = check->plain_request = NULL;
}
