/* Registering a node id: from then on signals for it go to this account's node alone. */
#include "hub/hub.h"

static const struct refusal not_yours = {
	409, "node_id_taken", "this node id is registered by another account, or with another key"};
static const struct refusal too_many = {
	409, "limit", "the account has 64 nodes; remove one with DELETE /users/me/nodes/{node_id}"};
static const struct refusal other_node = {
	403, "other_node", "the login was made by another node; log in with this one's key"};

static enum err put(struct hub *hub, const struct possession *possession,
	const struct certificate *certificate, int64_t user_id)
{
	struct store_node node = {.user_id = user_id,
		.pin = certificate_info(certificate)->pin,
		.registered = hub_now()};
	return store_node_register(
		hub->store, possession->node_id, &node, certificate_pem(certificate));
}

static void register_node(struct hub *hub, struct web_request *request,
	const struct store_session *session, const struct possession *possession)
{
	struct certificate *certificate;
	if (session->node_id[0] && strcmp(session->node_id, possession->node_id) != 0) {
		hub_refuse(request, &other_node);
		return;
	}
	const struct refusal *refusal =
		login_check_possession(hub, possession, PROOF_PURPOSE_REGISTER, &certificate);
	if (refusal) {
		hub_refuse(request, refusal);
		return;
	}
	enum err err = put(hub, possession, certificate, session->user_id);
	certificate_destroy(certificate);
	if (err == ERR_EXISTS)
		hub_refuse(request, &not_yours);
	else if (err == ERR_LIMIT)
		hub_refuse(request, &too_many);
	else if (err != ERR_OK)
		hub_fail(request, err);
	else
		hub_reply(request, 200,
			json_pack("{s:s, s:b}", "node_id", possession->node_id, "registered", 1));
	/* It may have left another account, and that one's login behind. */
	if (err == ERR_OK)
		signal_sockets_recheck(hub, session->user_id);
}

void handle_register(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct possession possession;
	if (!hub_admit_user(hub, request, &hub->login_rate, &claims))
		return;
	enum err err = possession_parse_registration(web_request_body(request), &possession);
	if (err != ERR_OK) {
		hub_refuse_body(request, err);
		return;
	}
	register_node(hub, request, &claims.session, &possession);
	possession_deinit(&possession);
}
