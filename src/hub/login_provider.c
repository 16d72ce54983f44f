/* GET /login/{provider} and GET /auth/{provider}/callback: the code flow of OAuth 2.0 (RFC 6749 and
 * 9700) with PKCE, state and nonce, on the way to the provider and back.
 *
 * A client (RFC 8252) is called back on its loopback address with a code of ours, which it
 * exchanges at /token: no token is ever part of a URL. */
#include "hub/login_flow.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "net/loop.h"
#include "web/url.h"

/* A URL at the provider, with our parameters. */
#define AWAY_URL_MAX 2048
/* What the provider gives us. */
#define CODE_MAX 2048

#define LOGIN_COOKIE "dpc_login"
#define LOGIN_COOKIE_PATH "/auth"

static const struct refusal no_provider = {
	404, "not_found", "this hub has no such provider; GET / lists them"};
static const struct refusal bad_redirect = {422, "bad_redirect_uri",
	"redirect_uri is not http://127.0.0.1:PORT/PATH or http://[::1]:PORT/PATH"};
static const struct refusal bad_challenge = {422, "bad_code_challenge",
	"code_challenge is not that of a verifier, with code_challenge_method S256"};
static const struct refusal bad_client_state = {
	422, "bad_state", "state has at most 128 letters, digits, '-', '.', '_' and '~'"};
static const struct refusal bad_state = {403, "bad_state",
	"this login was not begun in this browser, or it took too long; begin another"};
static const struct refusal refused = {
	403, "access_denied", "the login was refused, by you or by the provider"};
static const struct refusal provider_failed = {
	502, "provider", "the provider says that it failed; try again, or log in another way"};
static const struct refusal provider_down = {502, "provider",
	"the provider cannot be reached, or is none; try again, or log in another way"};

struct provider *login_find_provider(struct hub *hub, struct web_request *request)
{
	const char *name = web_request_param(request, "provider");
	for (size_t i = 0; hub->providers && i < hub->providers->count; i++)
		if (strcmp(hub->providers->list[i].config->name, name) == 0)
			return &hub->providers->list[i];
	login_refuse(request, &no_provider);
	return NULL;
}

char *login_callback_url(const struct hub *hub, const struct provider *provider)
{
	return text_format("%s/auth/%s/callback", hub->origins[0], provider->config->name);
}

/* ---- On the way there ---- */

static enum err append(struct buffer *url, const char *name, const char *value)
{
	const char *divider = strchr(buffer_text(url), '?') ? "&" : "?";
	enum err err = buffer_append_format(url, "%s%s=", divider, name);
	return err == ERR_OK ? url_append_encoded(url, value) : err;
}

static enum err write_url(const struct login_flow *flow, struct buffer *url)
{
	const struct config_provider *config = flow->provider->config;
	char *callback = login_callback_url(flow->hub, flow->provider);
	const char *const parameters[][2] = {
		{"response_type", "code"},
		{"client_id", config->client_id},
		{"redirect_uri", callback},
		{"scope", config->scopes},
		{"state", flow->secrets.state},
		{"code_challenge", flow->secrets.challenge},
		{"code_challenge_method", "S256"},
		{"nonce", config->type == PROVIDER_OIDC ? flow->secrets.nonce : NULL},
	};
	enum err err =
		callback ? buffer_append_text(url, flow->provider->authorization_url) : ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < sizeof parameters / sizeof parameters[0]; i++)
		if (parameters[i][1])
			err = append(url, parameters[i][0], parameters[i][1]);
	free(callback);
	return err;
}

static void go_away(struct login_flow *flow)
{
	struct hub *hub = flow->hub;
	struct buffer url = buffer_with_max(AWAY_URL_MAX);
	char *cookie = pending_seal(&flow->pending, hub->providers->key, &hub->rng, hub_now());
	pending_secrets(&flow->pending, hub->providers->key, &flow->secrets);
	enum err err = cookie ? write_url(flow, &url) : ERR_NOMEM;
	if (err == ERR_OK) {
		struct web_request *request = login_flow_release(flow);
		login_cookie_set(
			hub, request, LOGIN_COOKIE, cookie, LOGIN_COOKIE_PATH, PENDING_LIFETIME_S);
		login_redirect(request, buffer_text(&url));
	} else {
		login_flow_fail(flow, err);
	}
	free(cookie);
	buffer_deinit(&url);
}

/* Goes on when the provider's description is there. */
static void on_loaded(enum err err, void *user)
{
	struct login_flow *flow = user;
	if (err == ERR_OK)
		go_away(flow);
	else
		login_flow_refuse(flow, &provider_down);
}

void login_send_away(struct hub *hub, struct web_request *request, struct provider *provider,
	const struct pending *pending)
{
	struct login_flow *flow = login_flow_create(hub, request, provider, pending);
	if (!flow)
		return;
	CHECK(text_copy(
		flow->pending.provider, sizeof flow->pending.provider, provider->config->name));
	flow->waiter = (struct provider_waiter){.done = on_loaded, .user = flow};
	enum err err = provider_load(provider, false, net_now(), &flow->waiter);
	if (err != ERR_AGAIN)
		on_loaded(err, flow);
}

static const struct refusal *read_client(struct web_request *request, struct pending *pending)
{
	const char *redirect_uri = web_request_query(request, "redirect_uri");
	const char *challenge = web_request_query(request, "code_challenge");
	const char *method = web_request_query(request, "code_challenge_method");
	const char *state = web_request_query(request, "state");
	if (!redirect_uri || !redirect_uri_is_loopback(redirect_uri) ||
		!text_copy(pending->redirect_uri, sizeof pending->redirect_uri, redirect_uri))
		return &bad_redirect;
	if (!challenge || !pkce_challenge_is_valid(challenge) || !method ||
		strcmp(method, "S256") != 0 ||
		!text_copy(pending->challenge, sizeof pending->challenge, challenge))
		return &bad_challenge;
	if (state && (!client_state_is_valid(state) ||
			     !text_copy(pending->state, sizeof pending->state, state)))
		return &bad_client_state;
	return NULL;
}

void handle_login_provider(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct pending pending = {0};
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	struct provider *provider = login_find_provider(hub, request);
	if (!provider)
		return;
	const struct refusal *refusal = read_client(request, &pending);
	if (refusal)
		login_refuse(request, refusal);
	else
		login_send_away(hub, request, provider, &pending);
}

/* ---- On the way back ---- */

/* What this browser began, if it is this that comes back. */
static enum err find_pending(struct hub *hub, struct web_request *request,
	const struct provider *provider, struct pending *ret_pending)
{
	char cookie[PENDING_TEXT_MAX];
	struct pending_secrets secrets;
	const char *state = web_request_query(request, "state");
	if (!state || !login_cookie_get(request, LOGIN_COOKIE, cookie, sizeof cookie))
		return ERR_NOT_FOUND;
	struct pending pending;
	enum err err = pending_open(cookie, hub->providers->key, hub_now(), &pending);
	if (err != ERR_OK)
		return err;
	pending_secrets(&pending, hub->providers->key, &secrets);
	/* RFC 9700 section 4.4: what one provider answers is never taken for another's. */
	if (!secret_equal(bytes_of_text(secrets.state), bytes_of_text(state)) ||
		strcmp(pending.provider, provider->config->name) != 0)
		return ERR_MISMATCH;
	*ret_pending = pending;
	return ERR_OK;
}

/* RFC 9207: where it says who it is, it is to be the one that was asked. */
static bool issuer_fits(struct web_request *request, const struct provider *provider)
{
	const char *issuer = web_request_query(request, "iss");
	return !issuer || strcmp(issuer, provider->config->issuer) == 0;
}

static void on_ready(enum err err, void *user)
{
	struct login_flow *flow = user;
	const char *code = web_request_query(flow->request, "code");
	if (err == ERR_OK && code)
		login_token_start(flow, code);
	else
		login_flow_refuse(flow, &provider_down);
}

static void go_on(struct login_flow *flow)
{
	struct web_request *request = flow->request;
	const char *error = web_request_query(request, "error");
	const char *code = web_request_query(request, "code");
	if (error || !code || strlen(code) > CODE_MAX || !issuer_fits(request, flow->provider)) {
		bool is_denied = error && strcmp(error, "access_denied") == 0;
		log_info("provider '%s' sends a browser back without a code: %.64s",
			flow->provider->config->name, error ? error : "");
		login_flow_refuse(flow, is_denied ? &refused : &provider_failed);
		return;
	}
	/* Another hub at the same store may have sent the browser there. */
	flow->waiter = (struct provider_waiter){.done = on_ready, .user = flow};
	enum err err = provider_load(flow->provider, false, net_now(), &flow->waiter);
	if (err != ERR_AGAIN)
		on_ready(err, flow);
}

void handle_auth_callback(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct pending pending;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	struct provider *provider = login_find_provider(hub, request);
	if (!provider)
		return;
	if (find_pending(hub, request, provider, &pending) != ERR_OK) {
		login_refuse(request, &bad_state);
		return;
	}
	struct login_flow *flow = login_flow_create(hub, request, provider, &pending);
	if (!flow)
		return;
	login_cookie_set(hub, request, LOGIN_COOKIE, "", LOGIN_COOKIE_PATH, 0);
	pending_secrets(&pending, hub->providers->key, &flow->secrets);
	go_on(flow);
}
