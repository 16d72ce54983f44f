/* Accounts, as their owners see them. */
#include "hub/hub.h"

void handle_users_me(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	int64_t created;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	const struct store_session *session = &claims.session;
	enum err err = store_user_get(hub->store, session->user_id, &created);
	enum err registered = err == ERR_OK ? hub_check_registered(hub, session) : err;
	if (err != ERR_OK || hub_is_failure(registered)) {
		hub_fail(request, registered);
		return;
	}
	const char *node_id = session->node_id[0] ? session->node_id : NULL;
	bool is_registered = registered == ERR_OK;
	bool is_connected = is_registered && signal_socket_is_connected(hub, node_id);
	hub_reply(request, 200,
		json_pack("{s:I, s:I, s:s?, s:b, s:b}", "id", (json_int_t)session->user_id,
			"created", (json_int_t)created, "node_id", node_id, "registered",
			is_registered, "connected", is_connected));
}
