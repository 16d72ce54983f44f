#include "node/hub_login.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "crypto/proof.h"
#include "message/json.h"
#include "node/hub_ask.h"
#include "node/internal.h"
#include "node/limits.h"

/* A token as the hub gives it out, and a challenge. */
#define TOKEN_MAX 4096

void hub_login_init(struct hub_login *login, struct node *node,
	void (*done)(const struct failure *failure, void *user),
	void (*revoked)(const struct failure *failure, void *user), void *user)
{
	*login = (struct hub_login){.node = node, .done = done, .revoked = revoked, .user = user};
}

void hub_login_cancel(struct hub_login *login)
{
	http_request_cancel(login->request);
	login->request = NULL;
	login->step = HUB_LOGIN_IDLE;
}

static void forget_text(char **text)
{
	if (*text)
		secret_cleanse(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

void hub_login_forget(struct hub_login *login)
{
	forget_text(&login->access_token);
	forget_text(&login->refresh_token);
	login->valid_until = 0;
}

void hub_login_deinit(struct hub_login *login)
{
	hub_login_cancel(login);
	http_request_cancel(login->revoking);
	hub_login_forget(login);
}

bool hub_login_is_valid(const struct hub_login *login)
{
	return login->access_token && net_now() + NODE_HUB_REFRESH_EARLY < login->valid_until;
}

void hub_login_expire(struct hub_login *login)
{
	forget_text(&login->access_token);
	login->valid_until = 0;
}

void hub_login_recall(struct hub_login *login, const char *refresh_token)
{
	forget_text(&login->refresh_token);
	login->refresh_token = text_duplicate(refresh_token);
}

static void finish(struct hub_login *login, const struct failure *failure)
{
	login->step = HUB_LOGIN_IDLE;
	login->done(failure, login->user);
}

/* ---- Asking ---- */

static void on_answer(const struct http_answer *answer, void *user);

/* Takes the body. */
static enum err ask(
	struct hub_login *login, enum hub_login_step step, const char *path, json_t *body)
{
	struct hub_question question = {.hub = login->url,
		.path = path,
		.bearer = step == HUB_LOGIN_REGISTER || step == HUB_LOGIN_REGISTER_CHALLENGE
				  ? login->access_token
				  : NULL,
		.body = body};
	login->step = step;
	return body ? hub_ask(login->node, &question, on_answer, login, &login->request)
		    : ERR_NOMEM;
}

static enum err ask_refresh(struct hub_login *login)
{
	return ask(login, HUB_LOGIN_REFRESH, "/refresh",
		json_pack("{s:s}", "refresh_token", login->refresh_token));
}

static enum err ask_challenge(struct hub_login *login, enum hub_login_step step)
{
	return ask(login, step, "/login/key/challenge",
		hub_ask_challenge_body(login->node, step == HUB_LOGIN_CHALLENGE
							    ? PROOF_PURPOSE_LOGIN
							    : PROOF_PURPOSE_REGISTER));
}

static enum err ask_key(struct hub_login *login, const char *challenge)
{
	return ask(login, HUB_LOGIN_KEY, "/login/key",
		hub_ask_proof(login->node, login->url, challenge));
}

static enum err ask_register(struct hub_login *login, const char *challenge)
{
	struct node *node = login->node;
	char *signature = hub_ask_prove(node, login->url, PROOF_PURPOSE_REGISTER, challenge);
	const struct certificate *certificate = identity_certificate(node->identity);
	json_t *body = json_pack("{s:s, s:s, s:s, s:{s:s, s:s?}}", "node_id", node->id,
		"public_key", certificate_public_key_pem(certificate), "certificate",
		certificate_pem(certificate), "proof", "challenge", challenge, "signature",
		signature);
	free(signature);
	return ask(login, HUB_LOGIN_REGISTER, "/register-node-id", body);
}

/* ---- Answers ---- */

static enum err take_tokens(struct hub_login *login, const json_t *body, bool *ret_registered)
{
	const char *access, *refresh = NULL;
	int64_t seconds = 0;
	*ret_registered = false;
	enum err err = json_get_text(body, "access_token", TOKEN_MAX, &access);
	if (!err)
		err = json_get_text_if(body, "refresh_token", TOKEN_MAX, &refresh);
	if (!err)
		err = json_get_integer(body, "expires_in", 1, INT32_MAX, &seconds);
	if (!err)
		err = json_get_bool_if(body, "registered", ret_registered);
	if (err)
		return err;
	forget_text(&login->access_token);
	login->access_token = text_duplicate(access);
	if (refresh)
		hub_login_recall(login, refresh);
	login->valid_until = net_now() + seconds * USEC_PER_SEC;
	return login->access_token ? ERR_OK : ERR_NOMEM;
}

/* What the hub's good answer to a step leads to. */
static enum err go_on(struct hub_login *login, const json_t *body)
{
	const char *challenge;
	bool registered;
	enum err err;
	switch (login->step) {
	case HUB_LOGIN_REFRESH:
	case HUB_LOGIN_KEY:
		err = take_tokens(login, body, &registered);
		if (err)
			return err;
		if (!registered)
			return ask_challenge(login, HUB_LOGIN_REGISTER_CHALLENGE);
		finish(login, &(struct failure){0});
		return ERR_OK;
	case HUB_LOGIN_CHALLENGE:
		err = hub_ask_challenge_read(body, &challenge);
		return err ? err : ask_key(login, challenge);
	case HUB_LOGIN_REGISTER_CHALLENGE:
		err = hub_ask_challenge_read(body, &challenge);
		return err ? err : ask_register(login, challenge);
	case HUB_LOGIN_REGISTER:
		finish(login, &(struct failure){0});
		return ERR_OK;
	case HUB_LOGIN_IDLE:
		break;
	}
	UNREACHABLE();
}

static void on_answer(const struct http_answer *answer, void *user)
{
	struct hub_login *login = user;
	struct failure failure;
	json_t *body = NULL;
	login->request = NULL;
	bool good = !answer->err && answer->status < 300;
	enum err err = ERR_OK;
	if (good) {
		err = json_parse_object(answer->body, NODE_HUB_ANSWER_MAX, &body);
		if (!err)
			err = go_on(login, body);
		json_decref(body);
	} else if (login->step == HUB_LOGIN_REFRESH && !answer->err && answer->status < 500) {
		/* The refresh token has had its day; the key has not. */
		forget_text(&login->refresh_token);
		err = ask_challenge(login, HUB_LOGIN_CHALLENGE);
	} else {
		hub_ask_explain(login->url, answer, &failure);
		finish(login, &failure);
		return;
	}
	if (err) {
		failure_set(&failure, FAILURE_HUB,
			"hub '%s' answers in a way that is not understood: %s; is it a dpc-hub?",
			login->url, err_text(err));
		finish(login, &failure);
	}
}

enum err hub_login_start(struct hub_login *login, const char *url)
{
	hub_login_cancel(login);
	CHECK(text_copy(login->url, sizeof(login->url), url));
	return login->refresh_token ? ask_refresh(login)
				    : ask_challenge(login, HUB_LOGIN_CHALLENGE);
}

enum err hub_login_adopt(struct hub_login *login, const char *url, const json_t *tokens)
{
	hub_login_cancel(login);
	CHECK(text_copy(login->url, sizeof(login->url), url));
	login->step = HUB_LOGIN_KEY;
	return go_on(login, tokens);
}

/* ---- Logging out ---- */

static void on_revoked(const struct http_answer *answer, void *user)
{
	struct hub_login *login = user;
	struct failure failure = {0};
	login->revoking = NULL;
	if (answer->err || answer->status >= 300)
		hub_ask_explain(login->revoked_url, answer, &failure);
	if (answer->err)
		log_info("the hub could not be told to revoke the login: %s", answer->reason);
	login->revoked(&failure, login->user);
}

bool hub_login_revoke(struct hub_login *login, const char *url, bool all)
{
	bool is_known = login->access_token || login->refresh_token;
	struct hub_question question = {.hub = url,
		.path = "/logout",
		.bearer = login->access_token,
		.body = json_pack(
			"{s:s*, s:b}", "refresh_token", login->refresh_token, "all", all)};
	http_request_cancel(login->revoking);
	login->revoking = NULL;
	CHECK(text_copy(login->revoked_url, sizeof(login->revoked_url), url));
	bool is_asked = false;
	if (is_known && question.body)
		is_asked = hub_ask(login->node, &question, on_revoked, login, &login->revoking) ==
			   ERR_OK;
	else
		json_decref(question.body);
	if (is_known && !is_asked)
		log_info("the hub could not be told to revoke the login");
	hub_login_forget(login);
	return is_asked;
}
