/* What the operator may ask of a running hub. Every change is a line in the log. */
#include "hub/admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "hub/hub.h"
#include "message/json.h"

static const struct refusal bad_who = {422, "bad_who",
	"neither the number of an account, nor a node id, nor an address like 192.0.2.0/24"};
static const struct refusal bad_after = {
	422, "bad_after", "after is the 'next' of the page before, as it was given"};
static const struct refusal not_known = {404, "not_found", "there is no such account or node"};
static const struct refusal no_ban = {404, "not_found", "this one is not banned"};
static const struct refusal too_many_bans = {
	409, "limit", "10000 are banned; ban a longer list by a shorter prefix"};
static const struct refusal no_logins = {
	422, "bad_who", "an address has no logins; name an account or a node"};

/* Answers with an error of the store. */
static void fail(struct web_request *request, enum err err)
{
	if (err == ERR_NOT_FOUND)
		hub_refuse(request, &not_known);
	else
		hub_fail(request, err);
}

/* Takes both; `next` may be NULL for the last page. */
static void reply_with_page(
	struct web_request *request, const char *name, json_t *list, json_t *next)
{
	json_t *object =
		list ? json_pack("{s:o, s:o}", name, list, "next", next ? next : json_null())
		     : NULL;
	if (!list)
		json_decref(next);
	hub_reply(request, 200, object);
}

/* Appends; NULL and the list is gone when memory is out. */
static json_t *append(json_t *list, json_t *value)
{
	if (list && json_array_append_new(list, value) == 0)
		return list;
	json_decref(list);
	return NULL;
}

/* ---- Accounts ---- */

static json_t *describe_account(const struct hub *hub, const struct store_account *account)
{
	return json_pack("{s:I, s:s, s:s, s:I, s:i, s:b}", "id", (json_int_t)account->id,
		"provider", account->provider, "subject", account->subject, "created",
		(json_int_t)account->created, "nodes", (int)account->nodes, "banned",
		bans_have_account(&hub->bans, account->id));
}

static void handle_users(struct web_request *request, void *user)
{
	struct hub *hub = user;
	static struct store_account accounts[ADMIN_PAGE_MAX];
	const char *after = web_request_query(request, "after");
	uint64_t id = 0;
	size_t count = 0;
	if (after && (!text_to_u64(after, &id) || id > INT64_MAX)) {
		hub_refuse(request, &bad_after);
		return;
	}
	enum err err = store_users_list(hub->store, (int64_t)id, ADMIN_PAGE_MAX, accounts, &count);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++)
		list = append(list, describe_account(hub, &accounts[i]));
	reply_with_page(request, "users", list,
		count == ADMIN_PAGE_MAX ? json_sprintf("%lld", (long long)accounts[count - 1].id)
					: NULL);
}

/* ---- Nodes ---- */

static json_t *describe_node(struct hub *hub, const struct store_device *device, int64_t user_id)
{
	struct addr client;
	char ip[ADDR_TEXT_MAX] = "";
	bool is_here = signal_socket_client(hub, device->node_id, &client);
	bool is_connected = is_here || bus_has(hub->bus, device->node_id);
	if (is_here && client.family != ADDR_NONE)
		addr_ip_text(&client, ip);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s?, s:b}", "node_id", device->node_id,
		"name", device->name, "user", (json_int_t)user_id, "registered",
		(json_int_t)device->registered, "last_seen", (json_int_t)device->last_seen,
		"connected", is_connected, "address", ip[0] ? ip : NULL, "banned",
		bans_have_node(&hub->bans, device->node_id));
}

static void handle_nodes(struct web_request *request, void *user)
{
	struct hub *hub = user;
	static struct store_listed_node nodes[ADMIN_PAGE_MAX];
	const char *after = web_request_query(request, "after");
	const char *connected = web_request_query(request, "connected");
	size_t count = 0;
	if (after && !node_id_is_valid(after)) {
		hub_refuse(request, &bad_after);
		return;
	}
	enum err err =
		store_nodes_list(hub->store, after ? after : "", ADMIN_PAGE_MAX, nodes, &count);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++)
		if (!connected || presence_find(&hub->presence, nodes[i].device.node_id))
			list = append(list, describe_node(hub, &nodes[i].device, nodes[i].user_id));
	reply_with_page(request, "nodes", list,
		count == ADMIN_PAGE_MAX ? json_string(nodes[count - 1].device.node_id) : NULL);
}

/* ---- One of them ---- */

/* The account that is meant by its number or by one of its nodes. ERR_NOT_FOUND. */
static enum err find_account(struct hub *hub, const char *who, int64_t *ret_user_id)
{
	struct store_node node;
	uint64_t id;
	if (text_to_u64(who, &id) && id > 0 && id <= INT64_MAX) {
		*ret_user_id = (int64_t)id;
		return ERR_OK;
	}
	if (!node_id_is_valid(who))
		return ERR_NOT_FOUND;
	enum err err = store_node_get(hub->store, who, &node);
	if (err == ERR_OK)
		*ret_user_id = node.user_id;
	return err;
}

static void handle_show(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct store_account account;
	struct store_device devices[NODES_PER_USER_MAX];
	int64_t user_id = 0;
	size_t count = 0;
	enum err err = find_account(hub, web_request_param(request, "who"), &user_id);
	if (err == ERR_OK)
		err = store_users_list(hub->store, user_id - 1, 1, &account, &count);
	if (err == ERR_OK && (count == 0 || account.id != user_id))
		err = ERR_NOT_FOUND;
	if (err == ERR_OK)
		err = store_nodes_of_user(hub->store, user_id, NODES_PER_USER_MAX, devices, &count);
	if (err != ERR_OK) {
		fail(request, err);
		return;
	}
	json_t *nodes = json_array();
	for (size_t i = 0; nodes && i < count; i++)
		nodes = append(nodes, describe_node(hub, &devices[i], user_id));
	json_t *object = nodes ? describe_account(hub, &account) : NULL;
	if (object && json_object_set(object, "nodes", nodes) != 0) {
		json_decref(object);
		object = NULL;
	}
	json_decref(nodes);
	hub_reply(request, 200, object);
}

/* Ends all logins of an account or of a node, and closes their sockets. */
static void handle_revoke(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct store_ban named;
	const char *who = web_request_param(request, "who");
	int64_t user_id = 0;
	if (!ban_parse(who, &named)) {
		hub_refuse(request, &bad_who);
		return;
	}
	if (strcmp(named.kind, "address") == 0) {
		hub_refuse(request, &no_logins);
		return;
	}
	int64_t created;
	enum err err = find_account(hub, who, &user_id);
	if (err == ERR_OK)
		err = store_user_get(hub->store, user_id, &created);
	if (err == ERR_OK)
		err = strcmp(named.kind, "node") == 0
			      ? store_sessions_revoke_node(hub->store, who)
			      : store_sessions_revoke_user(hub->store, user_id);
	if (err != ERR_OK) {
		fail(request, err);
		return;
	}
	signal_sockets_recheck(hub, user_id);
	log_info("admin: the logins of %s '%s' have ended", named.kind, named.subject);
	hub_reply(request, 200,
		json_pack("{s:s, s:s}", "kind", named.kind, "revoked", named.subject));
}

/* ---- Bans ---- */

static json_t *describe_ban(const struct store_ban *ban)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "kind", ban->kind, "subject", ban->subject,
		"reason", ban->reason, "created", (json_int_t)ban->created);
}

static void handle_bans(struct web_request *request, void *user)
{
	struct hub *hub = user;
	static struct store_ban bans[ADMIN_PAGE_MAX];
	struct store_ban last;
	const char *after = web_request_query(request, "after");
	size_t count = 0;
	if (after && !ban_parse(after, &last)) {
		hub_refuse(request, &bad_after);
		return;
	}
	enum err err =
		store_bans_list(hub->store, after ? &last : NULL, ADMIN_PAGE_MAX, bans, &count);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; list && i < count; i++)
		list = append(list, describe_ban(&bans[i]));
	reply_with_page(request, "bans", list,
		count == ADMIN_PAGE_MAX ? json_string(bans[count - 1].subject) : NULL);
}

/* The ban that the path names; the reason is the body's. False: the client was answered. */
static bool parse_ban(struct web_request *request, struct store_ban *ban)
{
	json_t *body = NULL;
	const char *reason = "";
	if (!ban_parse(web_request_param(request, "who"), ban)) {
		hub_refuse(request, &bad_who);
		return false;
	}
	if (web_request_body(request).size == 0)
		return true;
	enum err err = json_parse_object(web_request_body(request), HUB_BODY_MAX, &body);
	if (err == ERR_OK)
		err = json_get_text_if(body, "reason", BAN_REASON_MAX, &reason);
	if (err == ERR_OK)
		CHECK(text_copy(ban->reason, sizeof ban->reason, reason));
	json_decref(body);
	if (err != ERR_OK)
		hub_refuse_body(request, err);
	return err == ERR_OK;
}

static void handle_ban(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct store_ban ban;
	if (!parse_ban(request, &ban))
		return;
	ban.created = hub_now();
	enum err err = store_ban_put(hub->store, &ban);
	if (err == ERR_OK)
		err = bans_add(&hub->bans, &ban);
	if (err == ERR_LIMIT)
		hub_refuse(request, &too_many_bans);
	else if (err != ERR_OK)
		hub_fail(request, err);
	if (err != ERR_OK)
		return;
	signal_sockets_close_banned(hub);
	bus_shared_changed(hub->bus);
	log_info("admin: %s '%s' is banned: %s", ban.kind, ban.subject,
		ban.reason[0] ? ban.reason : "no reason given");
	hub_reply(request, 200, describe_ban(&ban));
}

static void handle_unban(struct web_request *request, void *user)
{
	struct hub *hub = user;
	struct store_ban ban;
	if (!parse_ban(request, &ban))
		return;
	enum err err = store_ban_delete(hub->store, ban.kind, ban.subject);
	if (err == ERR_NOT_FOUND)
		hub_refuse(request, &no_ban);
	else if (err != ERR_OK)
		hub_fail(request, err);
	if (err != ERR_OK)
		return;
	bans_remove(&hub->bans, &ban);
	bus_shared_changed(hub->bus);
	log_info("admin: %s '%s' is banned no more", ban.kind, ban.subject);
	hub_reply(request, 200, json_pack("{s:s, s:s}", "kind", ban.kind, "unbanned", ban.subject));
}

/* ---- Keys ---- */

/* Never what is secret in them. */
static json_t *describe_key(const struct store_key *key)
{
	return json_pack("{s:s, s:I, s:o}", "id", key->id, "created", (json_int_t)key->created,
		"retires", key->retires ? json_integer((json_int_t)key->retires) : json_null());
}

static void reply_with_keys(struct hub *hub, struct web_request *request)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < hub->keys.count; i++)
		list = append(list, describe_key(&hub->keys.keys[i]));
	reply_with_page(request, "keys", list, NULL);
}

static void handle_keys(struct web_request *request, void *user)
{
	reply_with_keys(user, request);
}

static void handle_rotate(struct web_request *request, void *user)
{
	struct hub *hub = user;
	bool at_once = web_request_query(request, "now") != NULL;
	enum err err = token_keys_rotate(&hub->keys, hub->store, hub_now(), at_once);
	if (err != ERR_OK) {
		hub_fail(request, err);
		return;
	}
	bus_shared_changed(hub->bus);
	log_info("admin: tokens are signed with a new key, '%s'%s",
		token_keys_newest(&hub->keys)->id, at_once ? "; the old ones count no more" : "");
	reply_with_keys(hub, request);
}

/* ---- The socket ---- */

static const struct web_route routes[] = {
	{"GET", "/users", handle_users, 0, 0},
	{"GET", "/nodes", handle_nodes, 0, 0},
	{"GET", "/show/{who}", handle_show, 0, 0},
	{"POST", "/revoke/{who}", handle_revoke, 0, 0},
	{"GET", "/bans", handle_bans, 0, 0},
	{"PUT", "/bans/{who}", handle_ban, HUB_BODY_MAX, 0},
	{"DELETE", "/bans/{who}", handle_unban, 0, 0},
	{"GET", "/keys", handle_keys, 0, 0},
	{"POST", "/keys", handle_rotate, 0, 0},
};

enum err admin_open(struct hub *hub, char *problem)
{
	char *path = text_format("%s/" ADMIN_SOCKET_NAME, hub->config->data);
	if (!path)
		return ERR_NOMEM;
	enum err err = web_server_create(hub->web,
		&(struct web_server_options){.unix_path = path,
			.routes = routes,
			.route_count = sizeof routes / sizeof routes[0],
			.user = hub},
		&hub->admin);
	if (err == ERR_TOO_LARGE) {
		log_warn("'%s' is too long for a socket: 'dpc-hub admin' will not work", path);
		err = ERR_OK;
	}
	if (err != ERR_OK)
		snprintf(
			problem, HUB_PROBLEM_MAX, "cannot listen on '%s': %s", path, err_text(err));
	free(path);
	return err;
}
