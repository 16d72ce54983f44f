/* Who GitHub says it is: OAuth without an id token, so its interface is asked; what it calls a
 * person for ever is the number, for names change hands. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "hub/login_flow.h"
#include "message/json.h"

static const struct refusal bad_person = {
	502, "provider", "the provider does not say who you are; try again, or log in another way"};

/* GitHub refuses requests without a User-Agent. */
static const char *const headers[] = {
	"Accept: application/json", "User-Agent: dpc-hub/" DPC_VERSION, NULL};

static void ask(struct login_flow *flow, const char *path,
	void (*done)(const struct http_answer *answer, void *user))
{
	char *url = text_format("%s%s", flow->provider->user_url, path);
	struct http_ask question = {
		.url = url,
		.authorities = provider_authorities(flow->provider),
		.bearer = flow->token,
		.headers = headers,
		.timeout_ms = PROVIDER_TIMEOUT_S * 1000,
		.answer_max = PROVIDER_ANSWER_MAX,
	};
	if (url)
		login_flow_ask(flow, &question, done);
	else
		login_flow_fail(flow, ERR_NOMEM);
	free(url);
}

/* The primary one of a list, if it is verified; else "". */
static const char *primary_address(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *address = json_string_value(json_object_get(item, "email"));
		if (address && json_is_true(json_object_get(item, "primary")) &&
			json_is_true(json_object_get(item, "verified")))
			return address;
	}
	return "";
}

static void on_addresses(const struct http_answer *answer, void *user)
{
	struct login_flow *flow = user;
	flow->http = NULL;
	/* The only answer that is no object. */
	char *wrapped = answer->err == ERR_OK
				? text_format("{\"list\":%s}", (const char *)answer->body.data)
				: NULL;
	struct http_answer as_object = *answer;
	if (wrapped)
		as_object.body = bytes_of_text(wrapped);
	json_t *body = login_flow_read(flow, &as_object);
	free(wrapped);
	if (!body)
		return;
	if (login_flow_admit_email(flow, primary_address(json_object_get(body, "list")), true))
		login_flow_succeed(flow, flow->subject);
	json_decref(body);
}

static void on_person(const struct http_answer *answer, void *user)
{
	struct login_flow *flow = user;
	int64_t id;
	flow->http = NULL;
	json_t *body = login_flow_read(flow, answer);
	if (!body)
		return;
	enum err err = json_get_integer(body, "id", 1, INT64_MAX, &id);
	json_decref(body);
	if (err != ERR_OK) {
		login_flow_refuse(flow, &bad_person);
		return;
	}
	snprintf(flow->subject, sizeof flow->subject, "%lld", (long long)id);
	if (flow->provider->config->domains[0])
		ask(flow, "/emails", on_addresses);
	else
		login_flow_succeed(flow, flow->subject);
}

void login_github_start(struct login_flow *flow)
{
	ask(flow, "", on_person);
}
