/* Whom a node lets through, as its owner reads and writes it, and which of them are connected. */
#include "hub/hub.h"

#include <stdlib.h>

#include "message/json.h"

static const struct refusal not_registered = {
	403, "not_registered", "the node is not registered; ask /register-node-id first"};

/* The login's node, if it is registered; else the client is answered. */
static const char *registered_node(
	struct hub *hub, struct web_request *request, struct token_claims *claims)
{
	if (!hub_admit_user(hub, request, &hub->request_rate, claims))
		return NULL;
	enum err err = hub_check_registered(hub, &claims->session);
	if (err == ERR_OK)
		return claims->session.node_id;
	if (err == ERR_NOT_FOUND)
		hub_refuse(request, &not_registered);
	else
		hub_fail(request, err);
	return NULL;
}

enum err hub_admission_load(struct hub *hub, const char *node_id, struct admission *ret_admission)
{
	char *text;
	struct admission admission = {0};
	enum err err = store_admission_get(hub->store, node_id, &text);
	if (err == ERR_OK) {
		/* It was checked when it came. */
		if (admission_parse(bytes_of_text(text), &admission))
			err = ERR_CORRUPT;
		free(text);
	}
	if (err == ERR_OK || err == ERR_NOT_FOUND)
		*ret_admission = admission;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* The login's node with its admission, which the caller deinitialises; NULL: the client is
 * answered.
 */
static const char *own_admission(struct hub *hub, struct web_request *request,
	struct token_claims *claims, struct admission *ret_admission)
{
	const char *node_id = registered_node(hub, request, claims);
	enum err err = node_id ? hub_admission_load(hub, node_id, ret_admission) : ERR_OK;
	if (err == ERR_OK)
		return node_id;
	hub_fail(request, err);
	return NULL;
}

void handle_contacts_get(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct admission admission;
	if (!own_admission(hub, request, &claims, &admission))
		return;
	hub_reply(request, 200, admission_describe(&admission));
	admission_deinit(&admission);
}

/* Takes the admission. */
static void put(struct hub *hub, struct web_request *request, const char *node_id,
	struct admission *admission)
{
	char *text = json_take_text(admission_describe(admission));
	enum err err = text ? store_admission_put(hub->store, node_id, text) : ERR_NOMEM;
	if (err == ERR_OK) {
		web_request_reply_json(request, 200, text);
		signal_socket_set_admission(hub, node_id, admission);
	} else {
		hub_fail(request, err);
		admission_deinit(admission);
	}
	free(text);
}

void handle_contacts_put(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct admission admission;
	const char *node_id = registered_node(hub, request, &claims);
	if (!node_id)
		return;
	const struct refusal *refusal = admission_parse(web_request_body(request), &admission);
	if (refusal)
		hub_refuse(request, refusal);
	else
		put(hub, request, node_id, &admission);
}

void handle_contacts_delete(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	const char *node_id = registered_node(hub, request, &claims);
	if (!node_id)
		return;
	enum err err = store_admission_delete(hub->store, node_id);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	signal_socket_set_admission(hub, node_id, &(struct admission){0});
	web_request_reply(request, 204, NULL, (struct bytes){0});
}

/* ---- Who of them is connected ---- */

static bool append_id(json_t *list, const char *node_id)
{
	return json_array_append_new(list, json_string(node_id)) == 0;
}

/* Presence is for friends: who does not name this node is away as far as it can tell. What nodes of
 * this hub say is at hand; `others` become those who are connected elsewhere. */
static enum err list_here(struct hub *hub, const struct admission *admission,
	const struct contact_id *asker, json_t *list, json_t *others)
{
	char node_id[NODE_ID_MAX];
	bool is_whole = list && others;
	for (size_t i = 0; is_whole && i < admission->count; i++) {
		const struct admission_contact *contact = &admission->contacts[i];
		contact_id_text(&contact->id, node_id);
		if (contact->is_blocked)
			continue;
		if (signal_socket_names(hub, node_id, asker))
			is_whole = append_id(list, node_id);
		else if (bus_has(hub->bus, node_id))
			is_whole = append_id(others, node_id);
	}
	return is_whole ? ERR_OK : ERR_NOMEM;
}

/* What nodes of other hubs say is in the store. */
static enum err list_elsewhere(struct hub *hub, const char *asker, json_t *others, json_t *list)
{
	size_t max = json_array_size(others), count = 0;
	if (max == 0)
		return ERR_OK;
	char *text = json_to_text(others);
	char(*ids)[NODE_ID_MAX] = calloc(max, sizeof *ids);
	enum err err = text && ids
			       ? store_admissions_naming(hub->store, text, asker, max, ids, &count)
			       : ERR_NOMEM;
	for (size_t i = 0; err == ERR_OK && i < count; i++)
		err = append_id(list, ids[i]) ? ERR_OK : ERR_NOMEM;
	free(ids);
	free(text);
	return err;
}

void handle_presence(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct token_claims claims;
	struct admission admission;
	const char *node_id = own_admission(hub, request, &claims, &admission);
	if (!node_id)
		return;
	struct contact_id asker = contact_id_of(node_id);
	json_t *list = json_array(), *others = json_array();
	enum err err = list_here(hub, &admission, &asker, list, others);
	if (err == ERR_OK)
		err = list_elsewhere(hub, node_id, others, list);
	if (err == ERR_OK)
		hub_reply(request, 200, json_pack("{s:O}", "connected", list));
	else
		hub_fail(request, err);
	json_decref(others);
	json_decref(list);
	admission_deinit(&admission);
}
