/* A login with a provider, while one request of a browser waits for it: it lives as long as that
 * request, and is gone when the browser goes away. */
#ifndef HUB_LOGIN_FLOW_H
#define HUB_LOGIN_FLOW_H

#include "hub/html.h"
#include "hub/hub.h"
#include "hub/pending.h"
#include "hub/provider.h"

/* What the hub needs for all of them. */
struct login_providers {
	struct http_client *http;
	struct provider list[PROVIDERS_MAX];
	size_t count;
	uint8_t key[PENDING_KEY_SIZE]; /* of pending logins; the same for every hub at the store */
};

struct login_flow {
	struct hub *hub;
	struct web_request *request;
	struct provider *provider;
	struct pending pending;
	struct pending_secrets secrets;
	struct provider_waiter waiter;
	struct http_request *http;
	char *token; /* the id token, or GitHub's access token */
	char subject[SUBJECT_MAX + 1];
	bool has_fetched_keys; /* for this login */
};

/* Copies `pending`. When memory is out the request is answered, and NULL is returned. */
struct login_flow *login_flow_create(struct hub *hub, struct web_request *request,
	struct provider *provider, const struct pending *pending);
/* The request, to be answered; the flow is gone. */
struct web_request *login_flow_release(struct login_flow *flow);
/* The request is answered, and the flow gone: the client is told on its loopback address, or the
 * browser shows it. */
void login_flow_refuse(struct login_flow *flow, const struct refusal *refusal);
/* The same for an error of memory or the store. */
void login_flow_fail(struct login_flow *flow, enum err err);
/* It is this person: gives the client its code, or lets the device in. */
void login_flow_succeed(struct login_flow *flow, const char *subject);
/* Whether the address is one of the domains that the configuration names; refuses otherwise. */
bool login_flow_admit_email(struct login_flow *flow, const char *email, bool is_verified);

/* Asks the provider; on failure it is refused. Borrows nothing. */
void login_flow_ask(struct login_flow *flow, const struct http_ask *ask,
	void (*done)(const struct http_answer *answer, void *user));
/* The answer as an object, which the caller releases; NULL, and it was refused, when it is none. */
json_t *login_flow_read(struct login_flow *flow, const struct http_answer *answer);

/* ---- Steps, one file each ---- */

/* From the code to the tokens, and who it is. */
void login_token_start(struct login_flow *flow, const char *code);
/* Who it is, by the id token in `token`. */
void login_oidc_check(struct login_flow *flow);
/* Who it is, by GitHub's interface. */
void login_github_start(struct login_flow *flow);

/* A code for the client to be exchanged at /token, once. */
MUST_CHECK enum err login_code_issue(struct hub *hub, const struct pending *pending,
	int64_t user_id, char code[PENDING_SECRET_MAX]);
/* Lets the device with this code in. ERR_NOT_FOUND: it does not wait any more. */
MUST_CHECK enum err login_device_approve(struct hub *hub, const char *user_code, int64_t user_id);

/* ---- For the handlers ---- */

/* Where the provider sends browsers back to, to be freed; NULL when memory is out. */
char *login_callback_url(const struct hub *hub, const struct provider *provider);

/* The one in the path; NULL, and the request was answered. */
struct provider *login_find_provider(struct hub *hub, struct web_request *request);
/* Sends the browser to the provider, in whose pages the person logs in; answers, now or later. */
void login_send_away(struct hub *hub, struct web_request *request, struct provider *provider,
	const struct pending *pending);

/* A value of the request's cookies into `text`; false: it is not there, or does not fit. */
bool login_cookie_get(struct web_request *request, const char *name, char *text, size_t capacity);
/* Sets a cookie for a path; `seconds` 0 deletes it. */
void login_cookie_set(struct hub *hub, struct web_request *request, const char *name,
	const char *value, const char *path, unsigned seconds);

/* A page for a browser, JSON for all others. */
void login_refuse(struct web_request *request, const struct refusal *refusal);
void login_notice(struct web_request *request, int status, const char *title, const char *text);
void login_page(struct web_request *request, int status, const char *page,
	const struct html_field *fields, size_t count);
void login_redirect(struct web_request *request, const char *url);

#endif
