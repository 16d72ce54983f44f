#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "web/http_head.h"
#include "web/url.h"

/* A URL with a code, or an error with its text. */
#define ANSWER_URL_MAX 1536

static const struct refusal no_account = {
	403, "no_account", "this hub takes no new accounts; ask whoever runs it"};
static const struct refusal used_login = {
	403, "used_login", "this login was finished before; begin another"};
static const struct refusal too_many = {
	429, "limit", "too many logins of this account just now; try again in some minutes"};
static const struct refusal out_of_order = {
	500, "internal", "the hub is out of memory, or its database failed; its log says more"};
static const struct refusal no_device = {
	410, "expired_code", "the node does not wait any more; begin again there"};
static const struct refusal bad_email = {403, "email_not_allowed",
	"only people with a verified address of certain domains may log in here"};
static const struct refusal unverified_email = {403, "email_not_verified",
	"the provider has not verified your e-mail address; do that there first"};
static const struct refusal provider_down = {502, "provider",
	"the provider does not answer as it should; try again, or log in another way"};

/* ---- Life ---- */

static void flow_free(struct login_flow *flow)
{
	provider_waiter_cancel(&flow->waiter);
	http_request_cancel(flow->http);
	if (flow->token)
		secret_cleanse(flow->token, strlen(flow->token));
	free(flow->token);
	secret_cleanse(&flow->secrets, sizeof flow->secrets);
	free(flow);
}

/* The browser went away. */
static void on_cancelled(void *user)
{
	flow_free(user);
}

struct login_flow *login_flow_create(struct hub *hub, struct web_request *request,
	struct provider *provider, const struct pending *pending)
{
	struct login_flow *flow = calloc(1, sizeof *flow);
	if (!flow) {
		hub_fail(request, ERR_NOMEM);
		return NULL;
	}
	flow->hub = hub;
	flow->request = request;
	flow->provider = provider;
	flow->pending = *pending;
	web_request_on_cancel(request, on_cancelled, flow);
	return flow;
}

struct web_request *login_flow_release(struct login_flow *flow)
{
	struct web_request *request = flow->request;
	web_request_on_cancel(request, NULL, NULL);
	flow_free(flow);
	return request;
}

/* ---- Answers ---- */

/* Where the client waits, with these parameters. */
static enum err client_url(const struct pending *pending, const char *const parameters[][2],
	size_t count, struct buffer *url)
{
	enum err err = buffer_append_text(url, pending->redirect_uri);
	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		err = buffer_append_format(url, "%c%s=", i == 0 ? '?' : '&', parameters[i][0]);
		if (err == ERR_OK)
			err = url_append_encoded(url, parameters[i][1]);
	}
	return err;
}

static void send_back(struct login_flow *flow, const char *const parameters[][2], size_t count)
{
	struct buffer url = buffer_with_max(ANSWER_URL_MAX);
	enum err err = client_url(&flow->pending, parameters, count, &url);
	struct web_request *request = login_flow_release(flow);
	if (err == ERR_OK)
		login_redirect(request, buffer_text(&url));
	else
		hub_fail(request, err);
	buffer_deinit(&url);
}

void login_flow_refuse(struct login_flow *flow, const struct refusal *refusal)
{
	if (!flow->pending.redirect_uri[0]) {
		login_refuse(login_flow_release(flow), refusal);
		return;
	}
	const char *const parameters[][2] = {{"error", refusal->code},
		{"error_description", refusal->message}, {"state", flow->pending.state}};
	send_back(flow, parameters, 3);
}

void login_flow_fail(struct login_flow *flow, enum err err)
{
	login_flow_refuse(flow, err == ERR_LIMIT ? &too_many : &out_of_order);
}

/* ---- Asking the provider ---- */

void login_flow_ask(struct login_flow *flow, const struct http_ask *ask,
	void (*done)(const struct http_answer *answer, void *user))
{
	enum err err =
		http_client_start(flow->hub->providers->http, ask, NULL, done, flow, &flow->http);
	if (err == ERR_OK)
		return;
	log_warn("provider '%s' cannot be asked: %s", flow->provider->config->name, err_text(err));
	login_flow_refuse(flow, &provider_down);
}

json_t *login_flow_read(struct login_flow *flow, const struct http_answer *answer)
{
	json_t *object = NULL;
	const char *name = flow->provider->config->name;
	enum err err = answer->err;
	if (err == ERR_OK)
		err = json_parse_object(answer->body, PROVIDER_ANSWER_MAX, &object);
	if (err == ERR_OK && answer->status == 200)
		return object;
	/* What it says of the reason is for our log; that of OAuth is a word. */
	const char *reason = answer->err != ERR_OK ? answer->reason : "";
	const char *error = json_string_value(json_object_get(object, "error"));
	log_warn("provider '%s' answers %d: %s%.64s", name, answer->status,
		reason[0] ? reason : err_text(err), error ? error : "");
	json_decref(object);
	login_flow_refuse(flow, &provider_down);
	return NULL;
}

/* ---- The end ---- */

bool login_flow_admit_email(struct login_flow *flow, const char *email, bool is_verified)
{
	const char *domains = flow->provider->config->domains;
	const char *at = strrchr(email, '@');
	if (email[0] && !is_verified) {
		login_flow_refuse(flow, &unverified_email);
		return false;
	}
	if (!domains[0] || (at && at[1] && http_list_has(domains, at + 1)))
		return true;
	login_flow_refuse(flow, &bad_email);
	return false;
}

/* From now on the state is spent. ERR_EXISTS: it was before; ERR_LIMIT. */
static enum err spend(struct hub *hub, const struct pending *pending, int64_t user_id)
{
	char key[16 + 2 * PENDING_ID_SIZE], id[2 * PENDING_ID_SIZE + 1], owner[32];
	hex_encode(bytes_of(pending->id, sizeof pending->id), id);
	snprintf(key, sizeof key, "spent:%s", id);
	snprintf(owner, sizeof owner, "user:%lld", (long long)user_id);
	struct store_ticket ticket = {
		.key = key, .owner = owner, .text = "", .expires = pending->expires};
	return store_ticket_put(hub->store, &ticket, LOGIN_TICKETS_PER_USER_MAX, hub_now());
}

static void give_code(struct login_flow *flow, int64_t user_id)
{
	char code[PENDING_SECRET_MAX];
	enum err err = login_code_issue(flow->hub, &flow->pending, user_id, code);
	if (err != ERR_OK) {
		login_flow_fail(flow, err);
		return;
	}
	const char *const parameters[][2] = {{"code", code}, {"state", flow->pending.state}};
	send_back(flow, parameters, 2);
	secret_cleanse(code, sizeof code);
}

static void let_device_in(struct login_flow *flow, int64_t user_id)
{
	enum err err = login_device_approve(flow->hub, flow->pending.user_code, user_id);
	if (err == ERR_NOT_FOUND)
		login_flow_refuse(flow, &no_device);
	else if (err != ERR_OK)
		login_flow_fail(flow, err);
	else
		login_notice(login_flow_release(flow), 200, "Your node is logged in",
			"It says so itself in a moment. You can close this page.");
}

void login_flow_succeed(struct login_flow *flow, const char *subject)
{
	struct hub *hub = flow->hub;
	int64_t user_id;
	/* The issuer and what it calls the person are who it is; an address may change hands. */
	enum err err = store_user_find(hub->store, flow->provider->config->issuer, subject,
		hub->config->new_accounts, hub_now(), &user_id);
	if (err == ERR_OK)
		err = spend(hub, &flow->pending, user_id);
	if (err == ERR_NOT_FOUND)
		login_flow_refuse(flow, &no_account);
	else if (err == ERR_EXISTS)
		login_flow_refuse(flow, &used_login);
	else if (err != ERR_OK)
		login_flow_fail(flow, err);
	else if (flow->pending.user_code[0])
		let_device_in(flow, user_id);
	else
		give_code(flow, user_id);
}
