/* POST /token: a client exchanges the code that it was given on its loopback address, with its PKCE
 * verifier, for tokens; a node proves its key at the same time. */
#include "hub/login_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "message/json.h"

static const struct refusal bad_code = {400, "bad_code",
	"no such code, or it was used, or is over, or is another client's; log in again"};

static void key_of(const char *code, char *key, size_t capacity)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	hash_sha256(bytes_of_text(code), digest);
	hex_encode(bytes_of(digest, sizeof digest), hex);
	snprintf(key, capacity, "code:%s", hex);
}

#define KEY_MAX (8 + 2 * SHA256_SIZE)

enum err login_code_issue(struct hub *hub, const struct pending *pending, int64_t user_id,
	char code[PENDING_SECRET_MAX])
{
	uint8_t bytes[32];
	char key[KEY_MAX], owner[32];
	rng_fill(&hub->rng, bytes, sizeof bytes);
	base64url_write(bytes_of(bytes, sizeof bytes), code);
	key_of(code, key, sizeof key);
	snprintf(owner, sizeof owner, "user:%lld", (long long)user_id);
	char *text = json_take_text(json_pack("{s:I, s:s, s:s}", "user", (json_int_t)user_id,
		"challenge", pending->challenge, "redirect_uri", pending->redirect_uri));
	if (!text)
		return ERR_NOMEM;
	struct store_ticket ticket = {.key = key,
		.owner = owner,
		.text = text,
		.expires = hub_now() + LOGIN_CODE_LIFETIME_S};
	enum err err = store_ticket_put(hub->store, &ticket, LOGIN_TICKETS_PER_USER_MAX, hub_now());
	free(text);
	return err;
}

/* What a client says. */
struct exchange {
	const char *code, *verifier, *redirect_uri;
	bool has_node;
};

static enum err parse(const json_t *body, struct exchange *exchange)
{
	enum err err = json_get_text(body, "code", 128, &exchange->code);
	if (err == ERR_OK)
		err = json_get_text(body, "code_verifier", 128, &exchange->verifier);
	if (err == ERR_OK)
		err = json_get_text(
			body, "redirect_uri", REDIRECT_URI_MAX, &exchange->redirect_uri);
	exchange->has_node = json_object_get(body, "node_id") != NULL;
	return err;
}

/* Whose code it is. ERR_NOT_FOUND, ERR_MISMATCH; it is spent in any case. */
static enum err redeem(struct hub *hub, const struct exchange *exchange, int64_t *ret_user_id)
{
	char key[KEY_MAX], *text;
	const char *challenge, *redirect_uri;
	json_t *ticket;
	key_of(exchange->code, key, sizeof key);
	enum err err = store_ticket_take(hub->store, key, hub_now(), &text);
	if (err != ERR_OK)
		return err;
	err = json_parse_object(bytes_of_text(text), HUB_BODY_MAX, &ticket);
	free(text);
	if (err != ERR_OK)
		return err;
	if (json_get_integer(ticket, "user", 1, INT64_MAX, ret_user_id) != ERR_OK ||
		json_get_text(ticket, "challenge", PENDING_SECRET_MAX, &challenge) != ERR_OK ||
		json_get_text(ticket, "redirect_uri", REDIRECT_URI_MAX, &redirect_uri) != ERR_OK ||
		strcmp(redirect_uri, exchange->redirect_uri) != 0 ||
		!pkce_verify(exchange->verifier, challenge))
		err = ERR_MISMATCH;
	json_decref(ticket);
	return err;
}

bool login_check_node(struct hub *hub, struct web_request *request, char node_id[NODE_ID_MAX])
{
	struct possession possession;
	struct certificate *certificate;
	enum err err = possession_parse_login(web_request_body(request), &possession);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return false;
	}
	const struct refusal *refusal =
		login_check_possession(hub, &possession, PROOF_PURPOSE_LOGIN, &certificate);
	if (refusal) {
		hub_refuse(request, refusal);
	} else {
		certificate_destroy(certificate);
		CHECK(text_copy(node_id, NODE_ID_MAX, possession.node_id));
	}
	possession_deinit(&possession);
	return !refusal;
}

static void exchange(struct hub *hub, struct web_request *request, const struct exchange *wish)
{
	char node_id[NODE_ID_MAX] = "";
	int64_t user_id = 0;
	if (wish->has_node && !login_check_node(hub, request, node_id))
		return;
	enum err err = redeem(hub, wish, &user_id);
	if (err == ERR_OK)
		login_succeed(hub, request, user_id, node_id);
	else if (err == ERR_NOT_FOUND || err == ERR_MISMATCH)
		hub_refuse(request, &bad_code);
	else
		hub_fail(request, err);
}

void handle_token(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct exchange wish = {0};
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	json_t *body = hub_body(request);
	if (!body)
		return;
	enum err err = parse(body, &wish);
	if (err == ERR_OK)
		exchange(hub, request, &wish);
	else
		hub_refuse_body(request, err);
	json_decref(body);
}
