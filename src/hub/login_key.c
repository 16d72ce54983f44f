/* Logging in by proving possession of the node key: the account is the key's. */
#include "hub/hub.h"

#include "base/text.h"
#include "message/json.h"

static const struct refusal bad_purpose = {
	422, "bad_purpose", "purpose is neither 'login' nor 'register'"};
static const struct refusal bad_node_id = {
	422, "bad_node_id", "node_id is not 'dpc-node-' and 16 or 32 hexadecimal digits"};
static const struct refusal no_account = {
	403, "no_account", "this hub takes no new accounts; ask whoever runs it"};

static void answer_challenge(struct hub *hub, struct web_request *request, const json_t *body)
{
	const char *node_id, *purpose = PROOF_PURPOSE_LOGIN;
	char challenge[CHALLENGE_TEXT_MAX];
	enum err err = json_get_text(body, "node_id", NODE_ID_MAX - 1, &node_id);
	if (err == ERR_OK)
		err = json_get_text_if(body, "purpose", 16, &purpose);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	if (!node_id_is_valid(node_id)) {
		hub_refuse(request, &bad_node_id);
		return;
	}
	if (strcmp(purpose, PROOF_PURPOSE_LOGIN) != 0 &&
		strcmp(purpose, PROOF_PURPOSE_REGISTER) != 0) {
		hub_refuse(request, &bad_purpose);
		return;
	}
	err = challenge_issue(&hub->challenges, purpose, node_id, hub_now(), challenge);
	if (err != ERR_OK)
		hub_fail(request, err);
	else
		hub_reply(request, 200,
			json_pack("{s:s, s:i}", "challenge", challenge, "expires_in",
				CHALLENGE_LIFETIME_S));
}

void handle_challenge(struct web_request *request, void *user)
{
	struct hub *hub = user;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	json_t *body = hub_body(request);
	if (!body)
		return;
	answer_challenge(hub, request, body);
	json_decref(body);
}

/* A node that is registered belongs to an account already; else the key is the account. */
static enum err find_user(struct hub *hub, const char *node_id,
	const struct certificate *certificate, int64_t *ret_user_id)
{
	struct store_node node;
	char subject[NODE_PIN_TEXT_MAX];
	const struct node_pin *pin = &certificate_info(certificate)->pin;
	enum err err = store_node_get(hub->store, node_id, &node);
	if (err == ERR_OK && node_pin_equal(&node.pin, pin)) {
		*ret_user_id = node.user_id;
		return ERR_OK;
	}
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	return store_user_find(hub->store, "key", node_pin_text(pin, subject),
		hub->config->new_accounts, hub_now(), ret_user_id);
}

static void log_in(
	struct hub *hub, struct web_request *request, const struct possession *possession)
{
	struct certificate *certificate;
	int64_t user_id;
	const struct refusal *refusal =
		login_check_possession(hub, possession, PROOF_PURPOSE_LOGIN, &certificate);
	if (refusal) {
		hub_refuse(request, refusal);
		return;
	}
	enum err err = find_user(hub, possession->node_id, certificate, &user_id);
	certificate_destroy(certificate);
	if (err == ERR_NOT_FOUND)
		hub_refuse(request, &no_account);
	else if (err != ERR_OK)
		hub_fail(request, err);
	else
		login_succeed(hub, request, user_id, possession->node_id);
}

void handle_login_key(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct possession possession;
	if (!hub_admit(hub, request, &hub->login_rate))
		return;
	enum err err = possession_parse_login(web_request_body(request), &possession);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	log_in(hub, request, &possession);
	possession_deinit(&possession);
}
