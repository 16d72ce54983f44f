#include "node/provider_login.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/proof.h"
#include "message/json.h"
#include "node/hub_ask.h"
#include "node/internal.h"
#include "node/limits.h"
#include "web/server.h"
#include "web/url.h"

/* 32 random bytes in base64url, and a final zero. */
#define SECRET_SIZE 32
#define SECRET_TEXT_MAX 44
#define CALLBACK_PATH "/done"
/* What a hub gives us: codes and URLs. */
#define TEXT_MAX 512

enum step {
	STEP_DESCRIBE,    /* which providers has the hub? */
	STEP_BROWSER,     /* the person is at it */
	STEP_BACK,        /* the browser was here */
	STEP_CHALLENGE,   /* for the proof of our key, with a code or to get one */
	STEP_TOKEN,       /* code for tokens */
	STEP_DEVICE_CODE, /* a code for the person */
	STEP_POLL,        /* whether the person has typed it; and between two questions */
};

struct provider_login {
	struct node *node;
	struct provider_login_wish wish;
	char hub[CONFIG_TEXT_MAX + 1];
	char *provider; /* NULL: by a code */
	enum step step;
	struct http_request *request;
	struct web_server *listener;
	struct net_defer back; /* goes on when the browser was here */
	bool is_refused;       /* by the hub, for this reason */
	char problem[TEXT_MAX + 1];
	struct net_timer timer; /* the end, or the next question */
	usec end;
	usec interval; /* between two questions */
	char state[SECRET_TEXT_MAX], verifier[SECRET_TEXT_MAX];
	char redirect_uri[64];
	char code[TEXT_MAX + 1]; /* of the callback, or of the device */
};

static void on_answer(const struct http_answer *answer, void *user);

/* ---- The end ---- */

static void fail(struct provider_login *login, const struct failure *failure)
{
	http_request_cancel(login->request);
	login->request = NULL;
	net_timer_cancel(&login->timer);
	login->wish.done(NULL, failure, login->wish.user);
}

static void fail_error(struct provider_login *login, enum err err)
{
	struct failure failure;
	failure_set(&failure, FAILURE_HUB,
		"hub '%s' answers in a way that is not understood: %s; is it a dpc-hub?",
		login->hub, err_text(err));
	fail(login, &failure);
}

/* ---- Asking the hub ---- */

/* Takes the body. */
static enum err ask(struct provider_login *login, enum step step, const char *path, json_t *body)
{
	struct hub_question question = {.hub = login->hub, .path = path, .body = body};
	login->step = step;
	return hub_ask(login->node, &question, on_answer, login, &login->request);
}

static enum err ask_challenge(struct provider_login *login)
{
	return ask(login, STEP_CHALLENGE, "/login/key/challenge",
		hub_ask_challenge_body(login->node, PROOF_PURPOSE_LOGIN));
}

/* With a code: the tokens for it. Without: a code for the person. */
static enum err ask_with_proof(struct provider_login *login, const char *challenge)
{
	json_t *body = hub_ask_proof(login->node, login->hub, challenge);
	if (!body)
		return ERR_NOMEM;
	json_t *more = login->provider
			       ? json_pack("{s:s, s:s, s:s}", "code", login->code, "code_verifier",
					 login->verifier, "redirect_uri", login->redirect_uri)
			       : json_pack("{s:s}", "name", login->node->config.name);
	bool is_whole = more && json_object_update(body, more) == 0;
	json_decref(more);
	if (is_whole)
		return login->provider ? ask(login, STEP_TOKEN, "/token", body)
				       : ask(login, STEP_DEVICE_CODE, "/device/code", body);
	json_decref(body);
	return ERR_NOMEM;
}

static enum err ask_poll(struct provider_login *login)
{
	return ask(
		login, STEP_POLL, "/device/token", json_pack("{s:s}", "device_code", login->code));
}

static void on_timer(void *user)
{
	struct provider_login *login = user;
	struct failure failure;
	if (net_now() < login->end) {
		enum err err = login->request ? ERR_OK : ask_poll(login);
		if (err != ERR_OK)
			fail_error(login, err);
		return;
	}
	failure_set(&failure, FAILURE_TIMEOUT,
		"nobody has finished the login in time; run 'dpc login' again");
	fail(login, &failure);
}

/* ---- The browser ---- */

static void make_secret(struct node *node, char text[SECRET_TEXT_MAX])
{
	uint8_t bytes[SECRET_SIZE];
	rng_fill(&node->rng, bytes, sizeof bytes);
	base64url_write(bytes_of(bytes, sizeof bytes), text);
	secret_cleanse(bytes, sizeof bytes);
}

static void show(struct web_request *request, int status, const char *text)
{
	char *page = text_format("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
				 "<title>dpc login</title><p>%s</p></html>",
		text);
	web_request_add_header(request, "Content-Security-Policy",
		"default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
	web_request_add_header(request, "Referrer-Policy", "no-referrer");
	web_request_add_header(request, "Cache-Control", "no-store");
	web_request_reply(
		request, status, "text/html; charset=utf-8", bytes_of_text(page ? page : "done"));
	free(page);
}

/* The browser is back, with a code or with the reason why there is none. What follows may destroy
 * the listener, so it comes from the loop. */
static void on_callback(struct web_request *request, void *user)
{
	struct provider_login *login = user;
	const char *state = web_request_query(request, "state");
	const char *code = web_request_query(request, "code");
	const char *problem = web_request_query(request, "error_description");
	if (login->step != STEP_BROWSER || !state ||
		!secret_equal(bytes_of_text(state), bytes_of_text(login->state))) {
		show(request, 403, "This is not the login that your node waits for.");
		return;
	}
	login->step = STEP_BACK;
	login->is_refused = !code || !text_copy(login->code, sizeof(login->code), code);
	if (login->is_refused) {
		if (!problem || !text_copy(login->problem, sizeof(login->problem), problem))
			(void)text_copy(login->problem, sizeof(login->problem), "it gave no code");
		show(request, 200, "This login did not work. Your node says why.");
	} else {
		show(request, 200,
			"Thank you. Your node goes on by itself and says how it went; you can "
			"close this page.");
	}
	net_defer_post(&login->back);
}

static void on_back(void *user)
{
	struct provider_login *login = user;
	struct failure failure;
	if (login->is_refused) {
		failure_set(&failure, FAILURE_REFUSED, "hub '%s' does not log you in: %s",
			login->hub, login->problem);
		fail(login, &failure);
		return;
	}
	enum err err = ask_challenge(login);
	if (err != ERR_OK)
		fail_error(login, err);
}

static const struct web_route callback_routes[] = {{"GET", CALLBACK_PATH, on_callback, 0, 0}};

/* RFC 8252 section 7.3: any free port, and an address rather than a name. */
static enum err listen_on_loopback(struct provider_login *login)
{
	enum err err = web_server_create(login->node->web,
		&(struct web_server_options){.listen = "127.0.0.1:0",
			.routes = callback_routes,
			.route_count = sizeof(callback_routes) / sizeof(callback_routes[0]),
			.user = login,
			.limits = {.connections = NODE_LOGIN_CONNECTIONS_MAX}},
		&login->listener);
	if (err != ERR_OK)
		return err;
	int size = snprintf(login->redirect_uri, sizeof(login->redirect_uri), "http://%s%s",
		web_server_address(login->listener), CALLBACK_PATH);
	CHECK(size > 0 && (size_t)size < sizeof(login->redirect_uri));
	return ERR_OK;
}

/* Where the person's browser begins. */
static enum err write_url(const struct provider_login *login, struct buffer *url)
{
	uint8_t digest[SHA256_SIZE];
	char challenge[SECRET_TEXT_MAX];
	hash_sha256(bytes_of_text(login->verifier), digest);
	base64url_write(bytes_of(digest, sizeof(digest)), challenge);
	enum err err = buffer_append_format(url, "%s/login/", login->hub);
	if (!err)
		err = url_append_encoded(url, login->provider);
	if (!err)
		err = buffer_append_text(url, "?redirect_uri=");
	if (!err)
		err = url_append_encoded(url, login->redirect_uri);
	if (!err)
		err = buffer_append_format(url,
			"&state=%s&code_challenge=%s&code_challenge_method=S256", login->state,
			challenge);
	return err;
}

static enum err begin_browser(struct provider_login *login)
{
	struct buffer url = buffer_with_max(URL_PATH_MAX);
	make_secret(login->node, login->state);
	make_secret(login->node, login->verifier);
	enum err err = listen_on_loopback(login);
	if (!err)
		err = write_url(login, &url);
	if (!err) {
		login->step = STEP_BROWSER;
		login->wish.say(json_pack("{s:s}", "url", buffer_text(&url)), login->wish.user);
	}
	buffer_deinit(&url);
	return err;
}

/* ---- Answers ---- */

/* The names of the providers, with commas between; "" when it has none. */
static void list_providers(const json_t *list, char *text, size_t capacity)
{
	size_t used = 0;
	text[0] = 0;
	for (size_t i = 0; i < json_array_size(list) && used < capacity; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (name)
			used += (size_t)snprintf(
				text + used, capacity - used, "%s'%.40s'", used ? ", " : "", name);
	}
}

static bool has_provider(const json_t *list, const char *wanted)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (name && strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

static enum err take_description(struct provider_login *login, const json_t *body)
{
	struct failure failure;
	char names[256];
	const json_t *list = json_object_get(body, "login");
	if (has_provider(list, login->provider))
		return begin_browser(login);
	list_providers(list, names, sizeof(names));
	failure_set(&failure, FAILURE_UNSUPPORTED,
		"hub '%s' has no provider '%s'; take one of %s with --provider", login->hub,
		login->provider, names[0] ? names : "'key'");
	fail(login, &failure);
	return ERR_OK;
}

/* Only what a person may open goes on to the command line. */
static bool is_web_address(const char *url)
{
	return text_starts_with(url, "https://") || text_starts_with(url, "http://");
}

static enum err take_device_code(struct provider_login *login, const json_t *body)
{
	const char *device_code, *user_code, *uri, *complete = NULL;
	int64_t seconds, interval = 5;
	if (json_get_text(body, "device_code", TEXT_MAX, &device_code) != ERR_OK ||
		json_get_text(body, "user_code", 64, &user_code) != ERR_OK ||
		json_get_text(body, "verification_uri", TEXT_MAX, &uri) != ERR_OK ||
		json_get_text_if(body, "verification_uri_complete", TEXT_MAX, &complete) !=
			ERR_OK ||
		json_get_integer(body, "expires_in", 1, INT32_MAX, &seconds) != ERR_OK ||
		json_get_integer_if(body, "interval", 1, 300, &interval) != ERR_OK ||
		!is_web_address(uri) || (complete && !is_web_address(complete)))
		return ERR_MALFORMED;
	CHECK(text_copy(login->code, sizeof(login->code), device_code));
	login->interval = interval * USEC_PER_SEC;
	usec end = net_now() + seconds * USEC_PER_SEC;
	if (end < login->end)
		login->end = end;
	login->step = STEP_POLL;
	net_timer_set(&login->timer, net_now() + login->interval);
	login->wish.say(
		json_pack("{s:{s:s, s:s, s:s, s:I}}", "device", "user_code", user_code,
			"verification_uri", uri, "verification_uri_complete",
			complete ? complete : uri, "expires_in_seconds", (json_int_t)seconds),
		login->wish.user);
	return ERR_OK;
}

/* What the hub's good answer to a step leads to. */
static enum err go_on(struct provider_login *login, const json_t *body)
{
	const char *challenge;
	enum err err;
	switch (login->step) {
	case STEP_DESCRIBE:
		return take_description(login, body);
	case STEP_CHALLENGE:
		err = hub_ask_challenge_read(body, &challenge);
		return err ? err : ask_with_proof(login, challenge);
	case STEP_DEVICE_CODE:
		return take_device_code(login, body);
	case STEP_TOKEN:
	case STEP_POLL:
		login->wish.done(body, NULL, login->wish.user);
		return ERR_OK;
	case STEP_BROWSER:
	case STEP_BACK:
		break;
	}
	UNREACHABLE();
}

/* The device is to ask again (RFC 8628 section 3.5); false: the answer is another. */
static bool poll_again(struct provider_login *login, const struct http_answer *answer)
{
	json_t *body = NULL, *error = NULL;
	const char *code = "";
	if (login->step != STEP_POLL)
		return false;
	/* "on encountering a connection timeout, clients MUST unilaterally reduce their polling
	 * frequency" */
	bool is_lost = answer->err == ERR_TIMEOUT || answer->err == ERR_UNREACHABLE ||
		       (answer->err == ERR_OK && answer->status >= 500);
	if (answer->err == ERR_OK &&
		json_parse_object(answer->body, NODE_HUB_ANSWER_MAX, &body) == ERR_OK &&
		json_get_object(body, "error", &error) == ERR_OK &&
		json_get_text(error, "code", MESSAGE_CODE_MAX, &code) != ERR_OK)
		code = "";
	bool is_slow = is_lost || strcmp(code, "slow_down") == 0 || answer->status == 429;
	bool goes_on = is_slow || strcmp(code, "authorization_pending") == 0;
	json_decref(body);
	if (!goes_on)
		return false;
	if (is_slow)
		login->interval += NODE_LOGIN_SLOWER;
	usec next = net_now() + login->interval;
	net_timer_set(&login->timer, next < login->end ? next : login->end);
	return true;
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct provider_login *login = user;
	struct failure failure;
	json_t *body = NULL;
	login->request = NULL;
	if (answer->err || answer->status >= 300) {
		if (poll_again(login, answer))
			return;
		hub_ask_explain(login->hub, answer, &failure);
		fail(login, &failure);
		return;
	}
	enum err err = json_parse_object(answer->body, NODE_HUB_ANSWER_MAX, &body);
	if (!err)
		err = go_on(login, body);
	json_decref(body);
	/* A step that succeeds may have ended it all; one that fails has not. */
	if (err)
		fail_error(login, err);
}

/* ---- Life ---- */

enum err provider_login_create(struct node *node, const struct provider_login_wish *wish,
	struct provider_login **ret_login)
{
	struct provider_login *login = calloc(1, sizeof(*login));
	if (!login)
		return ERR_NOMEM;
	login->node = node;
	login->wish = *wish;
	net_defer_init(&login->back, node->loop, on_back, login);
	enum err err = net_timer_init(&login->timer, node->loop, on_timer, login);
	if (err) {
		free(login);
		return err;
	}
	login->end = net_now() + NODE_LOGIN_TIMEOUT;
	net_timer_set(&login->timer, login->end);
	login->provider = wish->provider ? text_duplicate(wish->provider) : NULL;
	if (!text_copy(login->hub, sizeof(login->hub), wish->hub))
		err = ERR_MALFORMED;
	else if (wish->provider && !login->provider)
		err = ERR_NOMEM;
	else
		err = wish->provider ? ask(login, STEP_DESCRIBE, "/", NULL) : ask_challenge(login);
	if (err) {
		provider_login_destroy(login);
		return err;
	}
	*ret_login = login;
	return ERR_OK;
}

void provider_login_destroy(struct provider_login *login)
{
	if (!login)
		return;
	http_request_cancel(login->request);
	net_defer_cancel(&login->back);
	net_timer_deinit(&login->timer);
	web_server_destroy(login->listener);
	secret_cleanse(login->verifier, sizeof(login->verifier));
	secret_cleanse(login->code, sizeof(login->code));
	free(login->provider);
	free(login);
}
