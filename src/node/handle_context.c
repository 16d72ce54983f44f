/* request_context: answered with what the user's rules allow this peer, and nothing else.
 * context_response: the answer to a request of ours. */
#include "node/dispatch.h"

#include "base/log.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/request.h"
#include "node/session.h"

static json_t *texts_of(const char *const *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(items[i]));
	return array;
}

static void respond(struct session *session, struct link *link,
	const struct message_request_context *asked, const struct context_selection *selection)
{
	struct message message = {.type = MESSAGE_CONTEXT_RESPONSE,
		.context_response = {
			.request_id = asked->request_id, .context = selection->allowed}};
	struct message_texts *denied = &message.context_response.denied;
	for (size_t i = 0; i < selection->denied_count; i++)
		denied->items[denied->count++] = selection->denied[i];
	enum err err = link_send(link, &message);
	if (err)
		dispatch_error(session, link, asked->request_id, err_name(err),
			"the answer cannot be sent; ask for less");
	event_of_session(session, "context_asked",
		json_pack("{s:o, s:o}", "granted",
			texts_of(selection->granted, selection->granted_count), "denied",
			texts_of(selection->denied, selection->denied_count)));
}

void handle_request_context(
	struct session *session, struct link *link, const struct message *message)
{
	const struct message_request_context *asked = &message->request_context;
	struct node *node = session->node;
	struct store_contact contact;
	node_reload_files(node);
	struct context_selection selection = {0};
	enum err err = session_contact(session, &contact);
	if (!err) {
		struct access_peer peer = {
			.node_id = session->id, .name = contact.name, .verified = contact.verified};
		struct context_request request = {
			.keys = asked->keys.items, .key_count = asked->keys.count};
		err = context_select(node->context, node->access, &peer, &request, &selection);
	}
	if (err)
		dispatch_error(session, link, asked->request_id, err_name(err),
			"the request cannot be answered");
	else
		respond(session, link, asked, &selection);
	context_selection_deinit(&selection);
}

void handle_context_response(
	struct session *session, struct link *link, const struct message *message)
{
	const struct message_context_response *response = &message->context_response;
	struct request *request = request_find(session, REQUEST_CONTEXT, response->request_id);
	(void)link;
	if (!request) {
		log_debug("'%s' answers what was not asked", session->name);
		return;
	}
	request_reply(request, 200,
		json_pack("{s:O, s:o}", "context", response->context, "denied",
			texts_of(response->denied.items, response->denied.count)));
}
