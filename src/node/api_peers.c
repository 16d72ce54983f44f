/* The local API: status, contacts and strangers. */
#include "node/api.h"

#include <stdlib.h>

#include "base/text.h"
#include "message/uri.h"
#include "node/describe.h"
#include "node/describe_quality.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/local_api.h"

#define LIST_PAGE 16

void api_status(struct web_request *http, void *user)
{
	local_api_reply(http, 200, describe_status(api_node(user)));
}

void api_peers_list(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact page[LIST_PAGE];
	char after[STORE_NAME_MAX + 1] = "";
	size_t count = LIST_PAGE;
	json_t *peers = json_array(), *strangers = json_array();
	while (count == LIST_PAGE) {
		if (store_contact_list(node->store, after, page, LIST_PAGE, &count) != ERR_OK) {
			json_decref(peers);
			json_decref(strangers);
			api_fail_store(node, http);
			return;
		}
		for (size_t i = 0; i < count; i++) {
			json_array_append_new(peers, describe_contact(node, &page[i]));
			CHECK(text_copy(after, sizeof(after), page[i].name));
		}
	}
	LIST_FOREACH (item, &node->strangers.list)
		json_array_append_new(strangers,
			describe_stranger(node, CONTAINER_OF(item, struct stranger, node)));
	local_api_reply(http, 200, json_pack("{s:o, s:o}", "peers", peers, "strangers", strangers));
}

void api_peers_get(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	if (api_contact(node, http, web_request_param(http, "peer"), &contact))
		local_api_reply(http, 200, describe_contact(node, &contact));
}

void api_peers_quality(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	if (api_contact(node, http, web_request_param(http, "peer"), &contact))
		local_api_reply(http, 200, describe_quality(node, &contact));
}

/* ---- Adding ---- */

/* What a text says about a node: an address, or an id alone. */
static bool parse_peer(struct node *node, struct web_request *http, const char *text,
	struct uri *ret_uri, bool *ret_has_address)
{
	*ret_has_address = uri_is(text);
	*ret_uri = (struct uri){0};
	if (*ret_has_address ? uri_parse(text, ret_uri) != ERR_OK : !node_id_is_valid(text)) {
		api_fail(http, FAILURE_MALFORMED,
			"'%s' is no node id and no dpc:// address; ask for the line that 'dpc id' "
			"prints",
			text);
		return false;
	}
	if (!*ret_has_address)
		CHECK(text_copy(ret_uri->node_id, sizeof(ret_uri->node_id), text));
	if (strcmp(ret_uri->node_id, node->id) != 0)
		return true;
	api_fail(http, FAILURE_MALFORMED, "'%s' is this node itself", node->id);
	return false;
}

static void fail_name(struct web_request *http, const char *name, enum err err)
{
	if (err == ERR_EXISTS)
		api_fail(http, FAILURE_EXISTS,
			"another contact is named '%s' already; choose another with --name", name);
	else
		api_fail(http, FAILURE_MALFORMED, "'%s' cannot be a name; choose another", name);
}

static bool complete(
	struct node *node, struct web_request *http, const struct uri *uri, bool has_address)
{
	struct store *store = node->store;
	enum err err = uri->key[0] ? store_contact_pin(store, uri->node_id, uri->key) : ERR_OK;
	if (err == ERR_MISMATCH) {
		api_fail(http, FAILURE_KEY_CHANGED,
			"'%s' is known with another key; compare it with them, then remove and add "
			"the contact",
			uri->node_id);
		return false;
	}
	if (!err && has_address) {
		char *address = text_format(
			strchr(uri->host, ':') ? "[%s]:%u" : "%s:%u", uri->host, uri->port);
		err = address ? store_contact_add_address(store, uri->node_id, address) : ERR_NOMEM;
		free(address);
	}
	if (err)
		api_fail_store(node, http);
	return !err;
}

static bool rename_contact(struct node *node, struct web_request *http, const char *name,
	struct store_contact *contact)
{
	if (!name || strcmp(contact->name, name) == 0)
		return true;
	struct store_contact renamed = *contact;
	enum err err = text_copy(renamed.name, sizeof(renamed.name), name)
			       ? store_contact_update(node->store, &renamed)
			       : ERR_MALFORMED;
	if (err) {
		fail_name(http, name, err);
		return false;
	}
	struct session *session = session_find(node, contact->node_id);
	if (session)
		session_rename(session, name);
	*contact = renamed;
	return true;
}

/* A stranger who asked may go on now. */
static void welcome(struct node *node, const char *node_id)
{
	struct stranger *stranger = strangers_find(&node->strangers, node_id);
	if (stranger)
		strangers_accept(node, stranger);
}

bool api_add_contact(struct node *node, struct web_request *http, const char *text,
	const char *name, struct store_contact *ret_contact, bool *ret_new)
{
	struct uri uri;
	bool has_address;
	struct store_contact contact = {0};
	if (!parse_peer(node, http, text, &uri, &has_address))
		return false;
	enum err err = store_contact_get(node->store, uri.node_id, &contact);
	*ret_new = err == ERR_NOT_FOUND;
	if (*ret_new) {
		CHECK(text_copy(contact.node_id, sizeof(contact.node_id), uri.node_id));
		if (name && !text_copy(contact.name, sizeof(contact.name), name))
			err = ERR_MALFORMED;
		else
			err = store_contact_add(node->store, &contact);
		if (err == ERR_EXISTS || err == ERR_MALFORMED) {
			fail_name(http, name ? name : uri.node_id, err);
			return false;
		}
	}
	if (err) {
		api_fail_store(node, http);
		return false;
	}
	if (!*ret_new && !rename_contact(node, http, name, &contact))
		return false;
	if (!complete(node, http, &uri, has_address)) {
		if (*ret_new && store_contact_remove(node->store, uri.node_id) != ERR_OK)
			return false;
		return false;
	}
	if (store_contact_get(node->store, uri.node_id, ret_contact) == ERR_OK)
		return true;
	api_fail_store(node, http);
	return false;
}

void api_peers_add(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer, *name;
	json_t *body;
	struct store_contact contact;
	bool is_new;
	if (!api_body(http, &body))
		return;
	if (!api_text(http, body, "peer", URI_TEXT_MAX, &peer) ||
		!api_text_if(http, body, "name", STORE_NAME_MAX, &name) ||
		!api_add_contact(node, http, peer, name, &contact, &is_new))
		goto done;
	if (is_new)
		event_of_peer(node, "peer_added", contact.node_id, contact.name, NULL);
	local_api_reply(http, is_new ? 201 : 200, describe_contact(node, &contact));
	welcome(node, contact.node_id);

done:
	json_decref(body);
}

void api_peers_remove(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	if (!api_contact(node, http, web_request_param(http, "peer"), &contact))
		return;
	struct session *session = session_find(node, contact.node_id);
	if (store_contact_remove(node->store, contact.node_id) != ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	if (session)
		session_forget(session);
	event_of_peer(node, "peer_removed", contact.node_id, contact.name, NULL);
	web_request_reply(http, 204, NULL, (struct bytes){0});
}

/* ---- Consent ---- */

static bool set_blocked(
	struct node *node, struct web_request *http, struct store_contact *contact, bool blocked)
{
	contact->blocked = blocked;
	if (blocked)
		contact->keep_connected = false;
	if (store_contact_update(node->store, contact) == ERR_OK)
		return true;
	api_fail_store(node, http);
	return false;
}

static void accept_stranger(
	struct node *node, struct web_request *http, struct stranger *stranger, const char *name)
{
	struct store_contact contact;
	char pin[NODE_PIN_TEXT_MAX];
	bool is_new;
	if (!api_add_contact(node, http, stranger->id, name, &contact, &is_new))
		return;
	/* The key that asked is the one that was accepted. */
	if (store_contact_pin(node->store, contact.node_id, node_pin_text(&stranger->pin, pin)) !=
		ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	event_of_peer(node, "peer_added", contact.node_id, contact.name, NULL);
	strangers_accept(node, stranger);
	if (store_contact_get(node->store, contact.node_id, &contact) == ERR_OK)
		local_api_reply(http, 200, describe_contact(node, &contact));
	else
		api_fail_store(node, http);
}

/* A stranger (not NULL) or a contact, whom the text means. Ids are chosen by those who have them,
 * so the whole name of a contact comes before the beginning of a stranger's id. */
static bool find_stranger_or_contact(struct node *node, struct web_request *http, const char *text,
	struct stranger **ret_stranger, struct store_contact *ret_contact)
{
	*ret_stranger = strangers_find(&node->strangers, text);
	if (*ret_stranger)
		return true;
	size_t count = strangers_match(&node->strangers, text, ret_stranger);
	enum err err = store_contact_find(node->store, text, ret_contact);
	bool is_whole = !err && (strcmp(ret_contact->name, text) == 0 ||
					strcmp(ret_contact->node_id, text) == 0);
	if (count == 0 || is_whole) {
		*ret_stranger = NULL;
		return is_whole || api_contact(node, http, text, ret_contact);
	}
	if (count == 1 && err == ERR_NOT_FOUND)
		return true;
	api_fail(http, FAILURE_AMBIGUOUS_PEER,
		"'%s' fits several contacts or strangers; write more of the name or id", text);
	return false;
}

void api_peers_accept(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer = web_request_param(http, "peer"), *name;
	json_t *body;
	struct stranger *stranger;
	struct store_contact contact;
	if (!api_body(http, &body))
		return;
	if (!api_text_if(http, body, "name", STORE_NAME_MAX, &name) ||
		!find_stranger_or_contact(node, http, peer, &stranger, &contact))
		goto done;
	if (stranger) {
		accept_stranger(node, http, stranger, name);
	} else if (rename_contact(node, http, name, &contact) &&
		   set_blocked(node, http, &contact, false)) {
		local_api_reply(http, 200, describe_contact(node, &contact));
	}

done:
	json_decref(body);
}

static void block_stranger(struct node *node, struct web_request *http, struct stranger *stranger)
{
	struct store_contact contact;
	bool is_new;
	if (!api_add_contact(node, http, stranger->id, NULL, &contact, &is_new) ||
		!set_blocked(node, http, &contact, true))
		return;
	strangers_drop(stranger, "blocked");
	local_api_reply(http, 200, describe_contact(node, &contact));
}

void api_peers_block(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	struct stranger *stranger;
	json_t *body;
	/* It has no fields yet. */
	if (!api_body(http, &body))
		return;
	json_decref(body);
	if (!find_stranger_or_contact(
		    node, http, web_request_param(http, "peer"), &stranger, &contact))
		return;
	if (stranger) {
		block_stranger(node, http, stranger);
		return;
	}
	if (!set_blocked(node, http, &contact, true))
		return;
	questions_drop_peer(&node->questions, contact.node_id);
	struct session *session = session_find(node, contact.node_id);
	if (session)
		session_disconnect(session);
	local_api_reply(http, 200, describe_contact(node, &contact));
}

/* ---- Policy ---- */

/* Links were made under the old one: they end, and what is kept connected comes back under the new
 * one. */
static void set_policy(struct node *node, struct web_request *http, struct store_contact *contact,
	enum store_policy policy)
{
	bool changed = contact->policy != policy;
	contact->policy = policy;
	if (store_contact_update(node->store, contact) != ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	struct session *session = session_find(node, contact->node_id);
	if (changed && session) {
		session_disconnect(session);
		if (contact->keep_connected)
			session_connect(session, VIA_AUTO);
	}
	local_api_reply(http, 200, describe_contact(node, contact));
}

void api_peers_policy(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	enum store_policy policy;
	const char *name;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (!api_text(http, body, "policy", STORE_NAME_MAX, &name) ||
		!api_contact(node, http, web_request_param(http, "peer"), &contact))
		goto done;
	if (store_policy_parse(name, &policy))
		set_policy(node, http, &contact, policy);
	else
		api_fail(http, FAILURE_MALFORMED,
			"'%s' is no policy; choose auto, direct-only, relay-only or lan-only",
			name);

done:
	json_decref(body);
}
