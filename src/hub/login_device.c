/* RFC 8628: a node without a browser shows a code; a person types it into a page of the hub, sees
 * who asks, and logs in with a provider, which lets the node in. */
#include "hub/device_grant.h"
#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/text.h"
#include "message/json.h"
#include "web/http_head.h"

extern const char hub_device_html[], hub_approve_html[];

#define DEVICE_COOKIE "dpc_device"
#define DEVICE_COOKIE_PATH "/device"

static const struct refusal no_provider = {404, "not_found",
	"this hub has no provider to log in with; the node's key will do: 'dpc login'"};
static const struct refusal bad_name = {422, "bad_name", "name is a text of at most 64 bytes"};
static const struct refusal too_many = {
	429, "limit", "too many nodes from this address wait to be let in; try again later"};
static const struct refusal bad_form = {403, "bad_form",
	"this page was not asked for in this browser, or is too old; enter the code again"};
static const struct refusal gone = {
	410, "expired_code", "the node does not wait any more; begin again there"};

/* What a device is told (RFC 8628 section 3.5). */
static const struct refusal pending_still = {
	400, "authorization_pending", "nobody has decided yet; ask again after the interval"};
static const struct refusal slow_down = {
	400, "slow_down", "asked too early; wait five seconds longer from now on"};
static const struct refusal denied = {400, "access_denied", "the person refused it"};
static const struct refusal expired = {
	400, "expired_token", "no such device code, or it was used or is over; ask for another"};

/* ---- The device ---- */

static void describe_client(struct hub *hub, struct web_request *request,
	struct device_grant *grant, char *owner, size_t capacity)
{
	struct addr addr = hub_client(hub, request);
	char text[ADDR_TEXT_MAX], hex[17];
	(void)text_copy(grant->address, sizeof grant->address, addr_ip_text(&addr, text));
	/* As for the rates, an IPv6 client is its /64. */
	hex_encode(bytes_of(addr.ip, 8), hex);
	snprintf(owner, capacity, "address:%u:%s", (unsigned)addr.family, hex);
}

static void reply_with_codes(struct hub *hub, struct web_request *request,
	const struct device_grant *grant, const char *device_code)
{
	char *uri = text_format("%s/device", hub->origins[0]);
	char *complete = text_format("%s/device?user_code=%s", hub->origins[0], grant->user_code);
	web_request_add_header(request, "Cache-Control", "no-store");
	hub_reply(request, 200,
		json_pack("{s:s, s:s, s:s?, s:s?, s:i, s:i}", "device_code", device_code,
			"user_code", grant->user_code, "verification_uri", uri,
			"verification_uri_complete", complete, "expires_in", DEVICE_LIFETIME_S,
			"interval", DEVICE_INTERVAL_S));
	free(uri);
	free(complete);
}

static void give_codes(struct hub *hub, struct web_request *request, struct device_grant *grant)
{
	char device_code[DEVICE_CODE_MAX], owner[48];
	describe_client(hub, request, grant, owner, sizeof owner);
	enum err err =
		device_grant_put(hub->store, grant, owner, &hub->rng, hub_now(), device_code);
	if (err == ERR_LIMIT)
		hub_refuse(request, &too_many);
	else if (err != ERR_OK)
		hub_fail(request, err);
	else
		reply_with_codes(hub, request, grant, device_code);
	secret_cleanse(device_code, sizeof device_code);
}

void handle_device_code(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct device_grant grant = {0};
	const char *name = "";
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	if (!hub->providers) {
		hub_refuse(request, &no_provider);
		return;
	}
	json_t *body = hub_body(request);
	if (!body)
		return;
	bool has_node = json_object_get(body, "node_id") != NULL;
	bool has_name = json_get_text_if(body, "name", NODE_NAME_MAX, &name) == ERR_OK;
	if (has_name)
		CHECK(text_copy(grant.name, sizeof grant.name, name));
	json_decref(body);
	if (!has_name)
		hub_refuse(request, &bad_name);
	else if (!has_node || login_check_node(hub, request, grant.node_id))
		give_codes(hub, request, &grant);
}

static enum err parse_device_code(struct bytes text, char device_code[DEVICE_CODE_MAX])
{
	json_t *body;
	const char *code;
	enum err err = json_parse_object(text, HUB_BODY_MAX, &body);
	if (err != ERR_OK)
		return err;
	err = json_get_text(body, "device_code", DEVICE_CODE_MAX - 1, &code);
	if (err == ERR_OK)
		CHECK(text_copy(device_code, DEVICE_CODE_MAX, code));
	json_decref(body);
	return err;
}

void handle_device_token(struct web_request *request, void *user)
{
	struct hub *hub = user;
	char device_code[DEVICE_CODE_MAX];
	struct device_grant grant;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	enum err err = parse_device_code(web_request_body(request), device_code);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	err = device_grant_poll(hub->store, device_code, hub_now(), &grant);
	if (err == ERR_OK)
		login_succeed(hub, request, grant.user_id, grant.node_id);
	else if (err == ERR_AGAIN)
		hub_refuse(request, &pending_still);
	else if (err == ERR_LIMIT)
		hub_refuse(request, &slow_down);
	else if (err == ERR_DENIED)
		hub_refuse(request, &denied);
	else if (err == ERR_NOT_FOUND)
		hub_refuse(request, &expired);
	else
		hub_fail(request, err);
}

/* ---- The person ---- */

static void ask_code(struct web_request *request, int status, const char *code, const char *text)
{
	struct html_field fields[] = {
		{.name = "user_code", .value = code}, {.name = "text", .value = text}};
	login_page(request, status, hub_device_html, fields, sizeof fields / sizeof fields[0]);
}

void handle_device_page(struct web_request *request, void *user)
{
	struct hub *hub = user;
	char code[USER_CODE_MAX + 1] = "";
	if (!hub_admit(hub, request, &hub->request_rate))
		return;
	const char *typed = web_request_query(request, "user_code");
	if (typed && !user_code_parse(typed, code))
		code[0] = 0;
	ask_code(request, 200, code, "Enter the code that your node shows.");
}

/* A field of a form; to be freed, NULL when it is not there. */
static char *form_field(struct web_request *request, const char *name)
{
	struct bytes value;
	/* Never NULL, and it ends in zero. */
	const char *body = (const char *)web_request_body(request).data;
	return http_query_find(body, name, &value) ? http_percent_decode(value, true) : NULL;
}

/* The providers as links, which a person follows to let the node in. */
static enum err write_links(struct hub *hub, const char *form, struct buffer *html)
{
	enum err err = ERR_OK;
	for (size_t i = 0; i < hub->providers->count && err == ERR_OK; i++) {
		const struct config_provider *config = hub->providers->list[i].config;
		struct html_field fields[] = {{.name = "name", .value = config->name},
			{.name = "form", .value = form}, {.name = "label", .value = config->label}};
		err = html_fill(html,
			"<a href=\"/device/login/{name}?form={form}\">Yes, log in with "
			"{label}</a>\n",
			fields, sizeof fields / sizeof fields[0]);
	}
	return err;
}

/* The page belongs to this browser: what it leads to needs both the cookie and what only the page
 * knows, so that no other site can press its buttons. */
static void ask_consent(
	struct hub *hub, struct web_request *request, const struct device_grant *grant)
{
	struct pending pending = {0};
	struct pending_secrets secrets;
	struct buffer links = buffer_with_max(HTML_PAGE_MAX);
	CHECK(text_copy(pending.user_code, sizeof pending.user_code, grant->user_code));
	char *cookie = pending_seal(&pending, hub->providers->key, &hub->rng, hub_now());
	pending_secrets(&pending, hub->providers->key, &secrets);
	enum err err = cookie ? write_links(hub, secrets.state, &links) : ERR_NOMEM;
	if (err == ERR_OK) {
		struct html_field fields[] = {{.name = "user_code", .value = grant->user_code},
			{.name = "name", .value = grant->name[0] ? grant->name : "(nothing)"},
			{.name = "node_id",
				.value = grant->node_id[0] ? grant->node_id : "(not shown)"},
			{.name = "address", .value = grant->address},
			{.name = "form", .value = secrets.state},
			{.name = "providers", .value = buffer_text(&links), .is_html = true}};
		login_cookie_set(hub, request, DEVICE_COOKIE, cookie, DEVICE_COOKIE_PATH,
			PENDING_LIFETIME_S);
		login_page(
			request, 200, hub_approve_html, fields, sizeof fields / sizeof fields[0]);
	} else {
		hub_fail(request, err);
	}
	free(cookie);
	buffer_deinit(&links);
}

/* False, and the request was answered: too many guesses, or there is nothing to guess. */
static bool admit_guess(struct hub *hub, struct web_request *request)
{
	if (!hub_admit(hub, request, &hub->guess_rate))
		return false;
	if (!hub->providers)
		login_refuse(request, &no_provider);
	return hub->providers != NULL;
}

void handle_device_entered(struct web_request *request, void *user)
{
	struct hub *hub = user;
	char code[USER_CODE_MAX + 1];
	struct device_grant grant;
	if (!admit_guess(hub, request))
		return;
	char *typed = form_field(request, "user_code");
	enum err err = typed && user_code_parse(typed, code)
			       ? device_grant_get(hub->store, code, hub_now(), &grant)
			       : ERR_NOT_FOUND;
	free(typed);
	if (err == ERR_OK && grant.state == DEVICE_PENDING)
		ask_consent(hub, request, &grant);
	else if (err == ERR_OK || err == ERR_NOT_FOUND)
		ask_code(request, 404, "",
			"No node waits with that code. Look again, or begin again there: a code is "
			"good for fifteen minutes.");
	else
		hub_fail(request, err);
}

/* The code that this browser's page is about, if it is that page that asks; else it was answered.
 */
static bool check_form(
	struct hub *hub, struct web_request *request, const char *form, struct pending *ret_pending)
{
	char cookie[PENDING_TEXT_MAX];
	struct pending pending;
	struct pending_secrets secrets;
	bool is_good = form && login_cookie_get(request, DEVICE_COOKIE, cookie, sizeof cookie) &&
		       pending_open(cookie, hub->providers->key, hub_now(), &pending) == ERR_OK &&
		       pending.user_code[0];
	if (is_good) {
		pending_secrets(&pending, hub->providers->key, &secrets);
		is_good = secret_equal(bytes_of_text(secrets.state), bytes_of_text(form));
	}
	if (is_good)
		*ret_pending = pending;
	else
		login_refuse(request, &bad_form);
	return is_good;
}

void handle_device_login(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct pending page;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	struct provider *provider = login_find_provider(hub, request);
	if (!provider || !check_form(hub, request, web_request_query(request, "form"), &page))
		return;
	struct pending pending = {0};
	CHECK(text_copy(pending.user_code, sizeof pending.user_code, page.user_code));
	login_send_away(hub, request, provider, &pending);
}

void handle_device_deny(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct pending page;
	if (!admit_guess(hub, request))
		return;
	char *form = form_field(request, "form");
	bool is_good = check_form(hub, request, form, &page);
	free(form);
	if (!is_good)
		return;
	enum err err = device_grant_decide(hub->store, page.user_code, 0, hub_now());
	if (err == ERR_NOT_FOUND)
		login_refuse(request, &gone);
	else if (err != ERR_OK)
		hub_fail(request, err);
	else
		login_notice(request, 200, "Refused", "The node was not let in.");
}

enum err login_device_approve(struct hub *hub, const char *user_code, int64_t user_id)
{
	return device_grant_decide(hub->store, user_code, user_id, hub_now());
}
