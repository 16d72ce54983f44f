/* The nodes of an account: its devices, as their owner sees, names and removes them. */
#include "hub/hub.h"

#include "base/text.h"
#include "message/json.h"

static const struct refusal no_node = {404, "not_found", "your account has no such node"};
static const struct refusal bad_name = {422, "bad_name", "name is a text of at most 64 bytes"};

static json_t *describe(struct hub *hub, const struct store_device *device)
{
	bool is_connected = signal_socket_is_connected(hub, device->node_id);
	return json_pack("{s:s, s:s, s:I, s:I, s:b}", "node_id", device->node_id, "name",
		device->name, "registered", (json_int_t)device->registered, "last_seen",
		(json_int_t)device->last_seen, "connected", is_connected);
}

void handle_devices(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct store_device devices[NODES_PER_USER_MAX];
	size_t count = 0;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return;
	enum err err = store_nodes_of_user(
		hub->store, claims.session.user_id, NODES_PER_USER_MAX, devices, &count);
	json_t *nodes = err == ERR_OK ? json_array() : NULL;
	for (size_t i = 0; nodes && i < count; i++)
		if (json_array_append_new(nodes, describe(hub, &devices[i])) != 0)
			err = ERR_NOMEM;
	if (err == ERR_OK) {
		hub_reply(request, 200, json_pack("{s:o}", "nodes", nodes));
		return;
	}
	json_decref(nodes);
	hub_fail(request, err);
}

/* The node in the path, if it is the account's; else the client is answered. */
static const char *own_node(struct hub *hub, struct web_request *request)
{
	struct token_claims claims;
	struct store_node node;
	if (!hub_admit_user(hub, request, &hub->request_rate, &claims))
		return NULL;
	const char *node_id = web_request_param(request, "node_id");
	enum err err = node_id_is_valid(node_id) ? store_node_get(hub->store, node_id, &node)
						 : ERR_NOT_FOUND;
	if (err == ERR_OK && node.user_id == claims.session.user_id)
		return node_id;
	/* Whether another account has it is nobody's business. */
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		hub_refuse(request, &no_node);
	else
		hub_fail(request, err);
	return NULL;
}

void handle_device_put(struct web_request *request, void *user)
{
	struct hub *hub = user;
	const char *name, *node_id = own_node(hub, request);
	if (!node_id)
		return;
	json_t *body = hub_body(request);
	if (!body)
		return;
	if (json_get_text(body, "name", NODE_NAME_MAX, &name) != ERR_OK) {
		hub_refuse(request, &bad_name);
	} else {
		enum err err = store_node_rename(hub->store, node_id, name);
		if (err == ERR_OK)
			web_request_reply(request, 204, NULL, (struct bytes){0});
		else
			hub_fail(request, err);
	}
	json_decref(body);
}

void handle_device_delete(struct web_request *request, void *user)
{
	struct hub *hub = user;
	const char *node_id = own_node(hub, request);
	if (!node_id)
		return;
	enum err err = store_node_delete(hub->store, node_id);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	signal_socket_remove(hub, node_id);
	web_request_reply(request, 204, NULL, (struct bytes){0});
}
