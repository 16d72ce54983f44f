/* What all kinds of login share: tokens, their renewal, and their end. */
#include "hub/hub.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

/* 32 bytes in base64url. */
#define REFRESH_TOKEN_SIZE 32
#define REFRESH_TOKEN_TEXT_MAX 64

static const struct refusal bad_refresh = {
	401, "bad_refresh_token", "no such refresh token, or it has expired; log in"};
static const struct refusal used_refresh = {401, "used_refresh_token",
	"this refresh token was used before; the login has been ended for safety, log in"};

static const struct refusal used_challenge = {
	403, "used_challenge", "the challenge was answered already; ask for another"};
static const struct refusal no_database = {
	503, "database", "the hub's database does not answer; try again"};
static const struct refusal failure = {500, "internal", "the hub failed; its log says more"};

/* A new refresh token and its hash; NULL when memory is out. */
static char *make_refresh_token(struct hub *hub, uint8_t hash[SHA256_SIZE])
{
	uint8_t bytes[REFRESH_TOKEN_SIZE];
	rng_fill(&hub->rng, bytes, sizeof bytes);
	char *token = base64url_encode(bytes_of(bytes, sizeof bytes));
	if (token)
		hash_sha256(bytes_of_text(token), hash);
	return token;
}

const struct refusal *login_check_possession(struct hub *hub, const struct possession *possession,
	const char *purpose, struct certificate **ret_certificate)
{
	struct certificate *certificate;
	int64_t now = hub_now();
	const struct refusal *refusal = possession_check(possession, purpose, &hub->challenges,
		hub->origins, hub->origin_count, now, &certificate);
	if (refusal)
		return refusal;
	enum err err = store_challenge_spend(
		hub->store, possession->challenge, now + CHALLENGE_LIFETIME_S, now);
	if (err == ERR_OK) {
		*ret_certificate = certificate;
		return NULL;
	}
	certificate_destroy(certificate);
	return err == ERR_EXISTS        ? &used_challenge
	       : err == ERR_UNREACHABLE ? &no_database
					: &failure;
}

static void reply_with_tokens(struct hub *hub, struct web_request *request,
	const struct store_session *session, const char *refresh_token)
{
	char *access_token = token_issue(&hub->keys, session, hub_now());
	bool is_registered = hub_check_registered(hub, session) == ERR_OK;
	if (!access_token) {
		hub_fail(request, ERR_NOMEM);
		return;
	}
	/* RFC 6749 section 5.1: "MUST include the HTTP Cache-Control response header field with a
	 * value of no-store". */
	web_request_add_header(request, "Cache-Control", "no-store");
	hub_reply(request, 200,
		json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "access_token", access_token,
			"token_type", "bearer", "expires_in", ACCESS_TOKEN_LIFETIME_S,
			"refresh_token", refresh_token, "node_id", session->node_id, "registered",
			is_registered));
	secret_cleanse(access_token, strlen(access_token));
	free(access_token);
}

void login_succeed(
	struct hub *hub, struct web_request *request, int64_t user_id, const char *node_id)
{
	struct store_session session = {.user_id = user_id};
	uint8_t id[(SESSION_ID_MAX - 1) / 2], hash[SHA256_SIZE];
	rng_fill(&hub->rng, id, sizeof id);
	hex_encode(bytes_of(id, sizeof id), session.id);
	CHECK(text_copy(session.node_id, sizeof session.node_id, node_id));
	if (hub_is_banned(hub, &session)) {
		hub_refuse_banned(hub, request);
		return;
	}
	char *refresh_token = make_refresh_token(hub, hash);
	enum err err = refresh_token ? store_session_create(hub->store, &session, hash, hub_now())
				     : ERR_NOMEM;
	hub->stats.logins += err == ERR_OK;
	/* The account may have had too many logins, and lost its oldest. */
	if (err == ERR_OK)
		signal_sockets_recheck(hub, user_id);
	if (err == ERR_OK)
		reply_with_tokens(hub, request, &session, refresh_token);
	else
		hub_fail(request, err);
	free(refresh_token);
}

/* The hash of `refresh_token` in a body. ERR_MALFORMED, ERR_NOT_FOUND (no such field), ERR_NOMEM.
 */
static enum err parse_refresh(struct bytes text, uint8_t hash[SHA256_SIZE])
{
	json_t *body;
	const char *token = NULL;
	enum err err = json_parse_object(text, HUB_BODY_MAX, &body);
	if (err != ERR_OK)
		return err;
	err = json_get_text_if(body, "refresh_token", REFRESH_TOKEN_TEXT_MAX, &token);
	if (err == ERR_OK && !token)
		err = ERR_NOT_FOUND;
	if (err == ERR_OK)
		hash_sha256(bytes_of_text(token), hash);
	json_decref(body);
	return err;
}

/* Before the token is spent: a ban may end. False: the client was answered. */
static bool admit_refresh(
	struct hub *hub, struct web_request *request, const uint8_t hash[SHA256_SIZE])
{
	struct store_session session;
	if (bans_count(&hub->bans) == 0 ||
		store_session_of_refresh(hub->store, hash, hub_now(), &session) != ERR_OK ||
		!hub_is_banned(hub, &session))
		return true;
	hub_refuse_banned(hub, request);
	return false;
}

void handle_refresh(struct web_request *request, void *user)
{
	struct hub *hub = user;
	uint8_t old_hash[SHA256_SIZE], new_hash[SHA256_SIZE];
	struct store_session session;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	enum err err = parse_refresh(web_request_body(request), old_hash);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	if (!admit_refresh(hub, request, old_hash))
		return;
	char *token = make_refresh_token(hub, new_hash);
	err = token ? store_session_refresh(hub->store, old_hash, new_hash, hub_now(), &session)
		    : ERR_NOMEM;
	if (err == ERR_OK) {
		reply_with_tokens(hub, request, &session, token);
	} else if (err == ERR_UNTRUSTED) {
		signal_socket_log_out(hub, &session);
		hub_refuse(request, &used_refresh);
	} else if (err == ERR_NOT_FOUND || err == ERR_EXPIRED) {
		hub_refuse(request, &bad_refresh);
	} else {
		hub_fail(request, err);
	}
	free(token);
}

/* `all` of a body, which need not be there. ERR_MALFORMED, ERR_NOMEM. */
static enum err parse_all(struct bytes text, bool *ret_all)
{
	json_t *body;
	if (text.size == 0)
		return ERR_OK;
	enum err err = json_parse_object(text, HUB_BODY_MAX, &body);
	if (err != ERR_OK)
		return err;
	err = json_get_bool_if(body, "all", ret_all);
	json_decref(body);
	return err;
}

/* Either token says which login it is. */
void handle_logout(struct web_request *request, void *user)
{
	struct hub *hub = user;
	uint8_t hash[SHA256_SIZE];
	struct token_claims claims;
	bool all = false;
	struct bytes body = web_request_body(request);
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	enum err err = parse_all(body, &all);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	bool is_known =
		body.size > 0 && parse_refresh(body, hash) == ERR_OK &&
		store_session_of_refresh(hub->store, hash, hub_now(), &claims.session) == ERR_OK;
	if (!is_known && !hub_authorize(hub, request, &claims))
		return;
	const struct store_session *session = &claims.session;
	err = all ? store_sessions_revoke_user(hub->store, session->user_id)
		  : store_session_revoke(hub->store, session->id);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	if (all)
		signal_sockets_recheck(hub, session->user_id);
	else
		signal_socket_log_out(hub, session);
	web_request_reply(request, 204, NULL, (struct bytes){0});
}
