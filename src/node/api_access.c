/* The local API: what the rules of access say. */
#include "node/api.h"

#include "base/text.h"
#include "crypto/node_id.h"
#include "node/internal.h"
#include "node/local_api.h"

/* Who is meant: a contact, or the id of anybody else. */
static bool read_peer(struct node *node, struct web_request *http, const json_t *body,
	struct store_contact *ret_contact)
{
	const char *text;
	if (!api_text(http, body, "peer", STORE_NAME_MAX, &text))
		return false;
	bool is_stranger = node_id_is_valid(text) &&
			   store_contact_find(node->store, text, ret_contact) == ERR_NOT_FOUND;
	if (!is_stranger)
		return api_contact(node, http, text, ret_contact);
	*ret_contact = (struct store_contact){0};
	CHECK(text_copy(ret_contact->node_id, sizeof(ret_contact->node_id), text));
	return true;
}

static json_t *describe_verdict(struct node *node, const struct access_peer *peer, const char *key)
{
	struct access_verdict verdict;
	char file[CONFIG_TEXT_MAX];
	snprintf(file, sizeof(file), "%s/access.ini", node->home);
	enum access_action action = access_decide(node->access, peer, key, &verdict);
	const char *problem = access_problem(node->access);
	bool found = verdict.line > 0;
	return json_pack("{s:{s:s, s:s?, s:b}, s:s, s:s, s:s, s:o, s:s?, s:s?, s:s?}", "peer",
		"node_id", peer->node_id, "name", peer->name, "verified", (int)peer->verified,
		"key", key, "verdict", access_action_name(action), "file", file, "line",
		found ? json_integer((json_int_t)verdict.line) : json_null(), "section",
		found ? verdict.section : NULL, "rule", found ? verdict.rule : NULL, "problem",
		problem[0] ? problem : NULL);
}

void api_access_check(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	const char *key;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (!api_text(http, body, "key", ACCESS_PATH_MAX, &key) ||
		!read_peer(node, http, body, &contact))
		goto done;
	if (!access_path_is_valid(key)) {
		api_fail(http, FAILURE_MALFORMED,
			"'%s' is no key: names joined by dots, the first of them 'context' or 'ai'",
			key);
		goto done;
	}
	node_reload_files(node);
	struct access_peer peer = {.node_id = contact.node_id,
		.name = contact.name[0] ? contact.name : NULL,
		.verified = contact.verified};
	local_api_reply(http, 200, describe_verdict(node, &peer, key));

done:
	json_decref(body);
}
