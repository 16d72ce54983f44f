/* The local API: what the rules of access say, and the questions that they leave to the user. */
#include "node/api.h"

#include <stdio.h>

#include "base/text.h"
#include "crypto/node_id.h"
#include "message/json.h"
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

/* ---- Questions ---- */

void api_access_pending(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	json_t *pending = json_array();
	node_reload_files(node);
	LIST_FOREACH (item, &node->questions.list) {
		struct question *question = CONTAINER_OF(item, struct question, node);
		if (question->state == QUESTION_WAITS)
			json_array_append_new(pending, question_describe(question));
	}
	local_api_reply(http, 200, json_pack("{s:o}", "pending", pending));
}

static enum failure_code failure_of(enum err err)
{
	switch (err) {
	case ERR_STATE:
		return FAILURE_BROKEN_FILE;
	case ERR_UNSUPPORTED:
	case ERR_LIMIT:
	case ERR_TOO_LARGE:
		return FAILURE_UNSUPPORTED;
	default:
		return FAILURE_INTERNAL;
	}
}

/* Rules first: what cannot be remembered is not answered either. */
static enum err remember(
	struct node *node, const struct question *question, bool allow, struct fault *ret_fault)
{
	struct store_contact contact;
	const char *paths[CONTEXT_KEYS_MAX];
	char texts[CONTEXT_KEYS_MAX][ACCESS_PATH_MAX + 1];
	size_t count = question_paths(question, texts);
	enum err err = store_contact_get(node->store, question->peer, &contact);
	if (err) {
		fault_set(ret_fault, "%s", store_fault_text(node->store));
		return err;
	}
	for (size_t i = 0; i < count; i++)
		paths[i] = texts[i];
	struct access_peer peer = {
		.node_id = contact.node_id, .name = contact.name, .verified = contact.verified};
	return access_remember(node->access, &peer, paths, count, allow, ret_fault);
}

static void answer(struct node *node, struct web_request *http, bool allow)
{
	const char *id = web_request_param(http, "id");
	struct question *question = questions_find(&node->questions, id);
	struct fault fault = {0};
	bool always = false;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (json_get_bool_if(body, "always", &always) != ERR_OK) {
		api_fail(http, FAILURE_MALFORMED, "'always' is neither true nor false");
	} else if (!question) {
		api_fail(http, FAILURE_NOT_FOUND,
			"no question '%s' waits; 'dpc access pending' lists them", id);
	} else {
		enum err err = always ? remember(node, question, allow, &fault) : ERR_OK;
		json_t *described = question_describe(question);
		if (err)
			api_fail(http, failure_of(err), "%s", fault.text);
		else
			local_api_reply(http, 200,
				json_pack("{s:O, s:b, s:b, s:b}", "question", described, "allowed",
					(int)allow, "always", (int)always, "sent",
					(int)question_answer(question, allow, "user")));
		json_decref(described);
	}
	json_decref(body);
}

void api_access_allow(struct web_request *http, void *user)
{
	answer(api_node(user), http, true);
}

void api_access_deny(struct web_request *http, void *user)
{
	answer(api_node(user), http, false);
}
