/* The local API: the mark that two people have compared the safety number of their keys. Who sets
 * it names the number that was compared, so that it is never about another key than the one they
 * saw. */
#include "node/api.h"

#include "base/log.h"
#include "crypto/node_id.h"
#include "message/json.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/local_api.h"

/* Whether the number in the body is that of our key and the contact's. */
static bool is_compared(struct node *node, struct web_request *http, const json_t *body,
	const struct store_contact *contact)
{
	char number[NODE_SAFETY_NUMBER_MAX];
	const char *typed;
	if (!api_text(http, body, "safety_number", NODE_API_SAFETY_TYPED_MAX, &typed))
		return false;
	if (!describe_safety_number(node, contact, number)) {
		api_fail(http, FAILURE_NOT_CONNECTED,
			"no key of '%s' is known yet; connect first, with 'dpc connect %s'",
			contact->name, contact->name);
		return false;
	}
	if (node_safety_number_is(number, typed))
		return true;
	api_fail(http, FAILURE_UNTRUSTED,
		"this is not the safety number with '%s'; compare it once more, and if it stays "
		"another one, trust neither that key nor who gave it to you",
		contact->name);
	return false;
}

static void mark(
	struct node *node, struct web_request *http, struct store_contact *contact, bool verified)
{
	bool changed = contact->verified != verified;
	contact->verified = verified;
	if (store_contact_update(node->store, contact) != ERR_OK) {
		api_fail_store(node, http);
		return;
	}
	if (changed) {
		log_info("'%s' is %s verified", contact->name, verified ? "now" : "no longer");
		event_of_peer(node, "peer_verified", contact->node_id, contact->name,
			json_pack("{s:b}", "verified", (int)verified));
	}
	local_api_reply(http, 200, describe_contact(node, contact));
}

void api_peers_verify(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct store_contact contact;
	bool verified;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (json_get_bool(body, "verified", &verified) != ERR_OK)
		api_fail(http, FAILURE_MALFORMED, "'verified' is neither true nor false");
	else if (api_contact(node, http, web_request_param(http, "peer"), &contact) &&
		 (!verified || is_compared(node, http, body, &contact)))
		mark(node, http, &contact, verified);
	json_decref(body);
}
