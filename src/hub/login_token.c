/* The second half of the code flow (RFC 6749 section 4.1.3): from the provider's code to its
 * tokens, with our PKCE verifier. */
#include "hub/login_flow.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"
#include "web/url.h"

#define BODY_MAX 8192

static const struct refusal no_token = {502, "provider",
	"the provider does not answer as it should; try again, or log in another way"};

static void on_token(const struct http_answer *answer, void *user)
{
	struct login_flow *flow = user;
	const char *token, *name = flow->provider->config->type == PROVIDER_GITHUB ? "access_token"
										   : "id_token";
	flow->http = NULL;
	json_t *body = login_flow_read(flow, answer);
	if (!body)
		return;
	enum err err = json_get_text(body, name, ID_TOKEN_SIZE_MAX, &token);
	if (err == ERR_OK)
		flow->token = text_duplicate(token);
	json_decref(body);
	if (err != ERR_OK || !flow->token) {
		login_flow_refuse(flow, &no_token);
		return;
	}
	switch (flow->provider->config->type) {
	case PROVIDER_OIDC:
		login_oidc_check(flow);
		return;
	case PROVIDER_GITHUB:
		login_github_start(flow);
		return;
	}
	UNREACHABLE();
}

static enum err append(struct buffer *body, const char *name, const char *value)
{
	enum err err = buffer_append_format(body, "%s%s=", body->size > 0 ? "&" : "", name);
	return err == ERR_OK ? url_append_encoded(body, value) : err;
}

static enum err write_body(const struct login_flow *flow, const char *code, struct buffer *body)
{
	const struct config_provider *config = flow->provider->config;
	char *callback = login_callback_url(flow->hub, flow->provider);
	enum err err = callback ? append(body, "grant_type", "authorization_code") : ERR_NOMEM;
	if (err == ERR_OK)
		err = append(body, "code", code);
	if (err == ERR_OK)
		err = append(body, "redirect_uri", callback);
	if (err == ERR_OK)
		err = append(body, "code_verifier", flow->secrets.verifier);
	bool is_in_body = flow->provider->secret_in_body || !config->client_secret[0];
	if (err == ERR_OK && is_in_body)
		err = append(body, "client_id", config->client_id);
	if (err == ERR_OK && is_in_body && config->client_secret[0])
		err = append(body, "client_secret", config->client_secret);
	free(callback);
	return err;
}

/* RFC 6749 section 2.3.1: both are form-encoded, and then as in RFC 7617. */
static enum err write_authorization(const struct config_provider *config, struct buffer *header)
{
	struct buffer pair = buffer_with_max(BODY_MAX);
	enum err err = url_append_encoded(&pair, config->client_id);
	if (err == ERR_OK)
		err = buffer_append_text(&pair, ":");
	if (err == ERR_OK)
		err = url_append_encoded(&pair, config->client_secret);
	char *encoded = err == ERR_OK ? base64_encode(buffer_bytes(&pair)) : NULL;
	if (err == ERR_OK)
		err = encoded ? buffer_append_format(header, "Authorization: Basic %s", encoded)
			      : ERR_NOMEM;
	if (encoded)
		secret_cleanse(encoded, strlen(encoded));
	free(encoded);
	if (pair.data)
		secret_cleanse(pair.data, pair.size);
	buffer_deinit(&pair);
	return err;
}

void login_token_start(struct login_flow *flow, const char *code)
{
	const struct config_provider *config = flow->provider->config;
	struct buffer body = buffer_with_max(BODY_MAX), header = buffer_with_max(BODY_MAX);
	bool is_in_header = config->client_secret[0] && !flow->provider->secret_in_body;
	enum err err = write_body(flow, code, &body);
	if (err == ERR_OK && is_in_header)
		err = write_authorization(config, &header);
	const char *const headers[] = {
		"Accept: application/json", is_in_header ? buffer_text(&header) : NULL, NULL};
	struct http_ask ask = {
		.url = flow->provider->token_url,
		.authorities = provider_authorities(flow->provider),
		.content_type = "application/x-www-form-urlencoded",
		.headers = headers,
		.body = buffer_bytes(&body),
		.timeout_ms = PROVIDER_TIMEOUT_S * 1000,
		.answer_max = PROVIDER_ANSWER_MAX,
	};
	if (err == ERR_OK)
		login_flow_ask(flow, &ask, on_token);
	else
		login_flow_fail(flow, err);
	if (header.data)
		secret_cleanse(header.data, header.size);
	if (body.data)
		secret_cleanse(body.data, body.size);
	buffer_deinit(&header);
	buffer_deinit(&body);
}
