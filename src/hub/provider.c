#include "hub/provider.h"

#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "message/json.h"
#include "net/loop.h"

/* ---- What is known beforehand ---- */

static bool set_algorithms(struct provider *provider)
{
	static const char *const names[] = {"RS256", "PS256", "ES256"};
	char list[sizeof provider->config->algorithms];
	CHECK(text_copy(list, sizeof list, provider->config->algorithms));
	for (const char *at = list; *at;) {
		size_t size = strcspn(at, " ,");
		bool is_named = size == 0;
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			enum jws_algorithm algorithm;
			if (!bytes_equal_text(bytes_of(at, size), names[i]))
				continue;
			CHECK(jws_algorithm_parse(names[i], &algorithm));
			provider->algorithms |= algorithm;
			is_named = true;
		}
		if (!is_named)
			return false;
		at += size + (at[size] != 0);
	}
	return provider->algorithms != 0;
}

static bool set_url(char url[PROVIDER_URL_MAX], const char *base, const char *path)
{
	size_t size = strlen(base);
	while (size > 0 && base[size - 1] == '/')
		size--;
	int length = snprintf(url, PROVIDER_URL_MAX, "%.*s%s", (int)size, base, path);
	return length > 0 && length < PROVIDER_URL_MAX;
}

/* GitHub's own interface has a host of its own; that of an installation of one's own has not. */
static bool set_github(struct provider *provider)
{
	const char *base = provider->config->issuer;
	bool is_public = strcmp(base, "https://github.com") == 0;
	provider->is_known = true;
	provider->secret_in_body = true;
	return set_url(provider->authorization_url, base, "/login/oauth/authorize") &&
	       set_url(provider->token_url, base, "/login/oauth/access_token") &&
	       set_url(provider->user_url, is_public ? "https://api.github.com" : base,
		       is_public ? "/user" : "/api/v3/user");
}

enum err provider_init(
	struct provider *provider, const struct config_provider *config, struct http_client *http)
{
	*provider = (struct provider){
		.config = config, .http = http, .failed_at = USEC_NEVER, .renewed_at = USEC_NEVER};
	list_init(&provider->waiters);
	if (!set_algorithms(provider))
		return ERR_MALFORMED;
	switch (config->type) {
	case PROVIDER_OIDC:
		return ERR_OK;
	case PROVIDER_GITHUB:
		return set_github(provider) ? ERR_OK : ERR_TOO_LARGE;
	}
	UNREACHABLE();
}

void provider_deinit(struct provider *provider)
{
	http_request_cancel(provider->request);
	provider->request = NULL;
	jwks_deinit(&provider->keys);
}

/* ---- Fetching ---- */

static void wake(struct provider *provider, enum err err)
{
	while (!list_is_empty(&provider->waiters)) {
		struct provider_waiter *waiter =
			CONTAINER_OF(provider->waiters.next, struct provider_waiter, node);
		list_remove(&waiter->node);
		waiter->done(err, waiter->user);
	}
}

static void fail(struct provider *provider, const char *what, const char *why)
{
	log_warn("provider '%s': %s: %s", provider->config->name, what, why);
	provider->failed_at = net_now();
	/* What is known may be old, and is better than nothing. */
	wake(provider, provider->is_known ? ERR_OK : ERR_UNREACHABLE);
}

const char *provider_authorities(const struct provider *provider)
{
	const char *file = provider->config->authorities;
	return file[0] ? file : NULL;
}

static enum err ask(struct provider *provider, const char *url,
	void (*done)(const struct http_answer *answer, void *user))
{
	struct http_ask question = {
		.url = url,
		.authorities = provider_authorities(provider),
		.timeout_ms = PROVIDER_TIMEOUT_S * 1000,
		.answer_max = PROVIDER_ANSWER_MAX,
	};
	return http_client_start(
		provider->http, &question, NULL, done, provider, &provider->request);
}

/* NULL: it is a good one. */
static const char *problem_of(const struct http_answer *answer)
{
	if (answer->err != ERR_OK)
		return answer->reason[0] ? answer->reason : err_text(answer->err);
	return answer->status == 200 ? NULL : "its status is not 200";
}

static void on_keys(const struct http_answer *answer, void *user)
{
	static const char what[] = "cannot fetch its keys";
	struct provider *provider = user;
	struct jwks keys;
	provider->request = NULL;
	const char *problem = problem_of(answer);
	if (problem) {
		fail(provider, what, problem);
		return;
	}
	enum err err = jwks_parse(answer->body, &keys);
	if (err != ERR_OK) {
		fail(provider, what, err_text(err));
		return;
	}
	jwks_deinit(&provider->keys);
	provider->keys = keys;
	provider->is_known = true;
	provider->known_at = net_now();
	provider->failed_at = USEC_NEVER;
	wake(provider, ERR_OK);
}

static bool take_url(const json_t *document, const char *name, char url[PROVIDER_URL_MAX])
{
	const char *text;
	return json_get_text(document, name, PROVIDER_URL_MAX - 1, &text) == ERR_OK &&
	       provider_url_is_safe(text) && text_copy(url, PROVIDER_URL_MAX, text);
}

/* OpenID Connect Discovery 1.0 section 3: without a list it is client_secret_basic. */
static bool wants_secret_in_body(const json_t *document)
{
	const json_t *methods = json_object_get(document, "token_endpoint_auth_methods_supported");
	bool takes_basic = !json_is_array(methods), takes_post = false;
	for (size_t i = 0; i < json_array_size(methods); i++) {
		const char *method = json_string_value(json_array_get(methods, i));
		takes_basic = takes_basic || (method && strcmp(method, "client_secret_basic") == 0);
		takes_post = takes_post || (method && strcmp(method, "client_secret_post") == 0);
	}
	return takes_post && !takes_basic;
}

/* NULL: it is good, and taken. */
static const char *read_document(struct provider *provider, const json_t *document)
{
	const char *issuer;
	char authorization[PROVIDER_URL_MAX], token[PROVIDER_URL_MAX], keys[PROVIDER_URL_MAX];
	/* Section 4.3: "MUST be identical to the Issuer URL that was used as the prefix". */
	if (json_get_text(document, "issuer", PROVIDER_URL_MAX, &issuer) != ERR_OK ||
		strcmp(issuer, provider->config->issuer) != 0)
		return "its issuer is not that of the configuration";
	if (!take_url(document, "authorization_endpoint", authorization) ||
		!take_url(document, "token_endpoint", token) ||
		!take_url(document, "jwks_uri", keys))
		return "it lacks an endpoint with https";
	CHECK(text_copy(provider->authorization_url, PROVIDER_URL_MAX, authorization));
	CHECK(text_copy(provider->token_url, PROVIDER_URL_MAX, token));
	CHECK(text_copy(provider->keys_url, PROVIDER_URL_MAX, keys));
	provider->secret_in_body = wants_secret_in_body(document);
	return NULL;
}

static void on_document(const struct http_answer *answer, void *user)
{
	static const char what[] = "cannot use its description";
	struct provider *provider = user;
	json_t *document = NULL;
	provider->request = NULL;
	const char *problem = problem_of(answer);
	if (!problem) {
		enum err err = json_parse_object(answer->body, PROVIDER_ANSWER_MAX, &document);
		problem = err == ERR_OK ? read_document(provider, document) : err_text(err);
		json_decref(document);
	}
	if (problem) {
		fail(provider, what, problem);
		return;
	}
	enum err err = ask(provider, provider->keys_url, on_keys);
	if (err != ERR_OK)
		fail(provider, "cannot ask for its keys", err_text(err));
}

enum err provider_load(
	struct provider *provider, bool anew, usec now, struct provider_waiter *waiter)
{
	char url[PROVIDER_URL_MAX + 64];
	size_t size = strlen(provider->config->issuer);
	if (provider->config->type == PROVIDER_GITHUB)
		return ERR_OK;
	usec age = now - provider->known_at;
	if (provider->is_known && !anew && age < PROVIDER_FRESH_S * USEC_PER_SEC)
		return ERR_OK;
	if (anew && provider->renewed_at != USEC_NEVER &&
		now - provider->renewed_at < PROVIDER_KEYS_INTERVAL_S * USEC_PER_SEC)
		return ERR_NOT_FOUND;
	if (!provider->request && provider->failed_at != USEC_NEVER &&
		now - provider->failed_at < PROVIDER_RETRY_S * USEC_PER_SEC)
		return provider->is_known && !anew ? ERR_OK : ERR_UNREACHABLE;
	while (size > 0 && provider->config->issuer[size - 1] == '/')
		size--;
	snprintf(url, sizeof url, "%.*s/.well-known/openid-configuration", (int)size,
		provider->config->issuer);
	enum err err = provider->request ? ERR_OK : ask(provider, url, on_document);
	if (err != ERR_OK)
		return ERR_UNREACHABLE;
	if (anew)
		provider->renewed_at = now;
	list_push_back(&provider->waiters, &waiter->node);
	return ERR_AGAIN;
}

void provider_waiter_cancel(struct provider_waiter *waiter)
{
	if (list_is_linked(&waiter->node))
		list_remove(&waiter->node);
}
