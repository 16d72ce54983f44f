/* The local API: chat and its history. */
#include "node/api.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "message/attachments.h"
#include "message/json.h"
#include "message/message.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/files.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/request.h"
#include "node/store_change.h"
#include "node/store_search.h"

#define ID_ROOM 33

#define HISTORY_LIMIT 50
#define SEARCH_LIMIT 20

/* ---- Sending ---- */

static void fail_send(struct session *session, struct web_request *http, enum err err)
{
	switch (err) {
	case ERR_LIMIT:
		api_fail(http, FAILURE_LIMIT,
			"too many messages wait for '%s'; they will be sent when it is back",
			session->name);
		return;
	case ERR_MALFORMED:
	case ERR_TOO_LARGE:
		api_fail(http, FAILURE_TOO_LARGE,
			"the message cannot be sent as it is; at most %d bytes of text",
			STORE_TEXT_MAX);
		return;
	default:
		api_fail_store(session->node, http);
	}
}

/* Whether a message can carry it: in JSON the text may be several times as long. */
static enum err check_size(struct node *node, const struct message *message)
{
	buffer_clear(&node->scratch);
	return message_encode(message, &node->scratch);
}

/* ---- Attachments ---- */

/* Files that are being sent with a message that is not accepted yet. */
struct attached {
	int64_t files[MESSAGE_ATTACHMENTS_MAX];
	size_t count;
	json_t *list; /* message/attachments.h; NULL: none */
};

/* One that has ended meanwhile stays as it is. */
static void cancel_file(struct node *node, int64_t sequence)
{
	struct failure failure = {0};
	if (files_cancel(node, sequence, &failure) != ERR_OK)
		log_debug("a file of a message is not cancelled: %s", failure.fault.text);
}

static void detach(struct node *node, struct attached *attached)
{
	for (size_t i = 0; i < attached->count; i++)
		cancel_file(node, attached->files[i]);
	json_decref(attached->list);
	*attached = (struct attached){0};
}

static bool attach_one(struct session *session, struct web_request *http, const char *path,
	struct attached *attached)
{
	struct store *store = session->node->store;
	struct failure failure = {0};
	struct store_file file;
	int64_t sequence;
	if (files_send(session, path, NULL, &sequence, &failure) != ERR_OK) {
		local_api_fail(http, &failure);
		return false;
	}
	attached->files[attached->count++] = sequence;
	if (store_file_get(store, sequence, &file) != ERR_OK) {
		api_fail_store(session->node, http);
		return false;
	}
	json_array_append_new(attached->list, json_pack("{s:s, s:s, s:I}", "id", file.id, "name",
						      file.name, "size", (json_int_t)file.size));
	return true;
}

/* "attachments": the paths of files, each of which is sent. Undone when one cannot be. */
static bool attach(struct session *session, struct web_request *http, const json_t *body,
	struct attached *attached)
{
	const json_t *paths = json_object_get(body, "attachments");
	size_t count = json_array_size(paths);
	if (!paths || (json_is_array(paths) && count == 0))
		return true;
	bool are_texts = json_is_array(paths) && count <= MESSAGE_ATTACHMENTS_MAX;
	for (size_t i = 0; are_texts && i < count; i++) {
		size_t size = json_string_length(json_array_get(paths, i));
		are_texts = size > 0 && size <= STORE_FILE_PATH_MAX;
	}
	if (!are_texts) {
		api_fail(http, FAILURE_MALFORMED, "'attachments' is no list of up to %d paths",
			MESSAGE_ATTACHMENTS_MAX);
		return false;
	}
	attached->list = json_array();
	for (size_t i = 0; i < count; i++) {
		if (attach_one(
			    session, http, json_string_value(json_array_get(paths, i)), attached))
			continue;
		detach(session->node, attached);
		return false;
	}
	return true;
}

/* What still moves of a message that is deleted stops. */
static void stop_attachments(struct node *node, const struct store_message *message)
{
	json_t *list = json_loads(message->attachments, 0, NULL);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct store_file file;
		if (store_file_find(node->store, message->peer, message->direction == STORE_OUT,
			    attachment_at(list, i).id, &file) == ERR_OK &&
			!store_file_has_ended(&file))
			cancel_file(node, file.sequence);
	}
	json_decref(list);
}

/* On disk, and from then on delivered. */
static enum err accept_message(
	struct session *session, const struct store_draft *draft, struct store_message *ret_message)
{
	struct store *store = session->node->store;
	struct message message = {.type = MESSAGE_CHAT,
		.chat = {.id = draft->id,
			.text = draft->text,
			.timestamp = draft->timestamp,
			.reply_to = draft->reply_to,
			.attachments = draft->attachments}};
	enum err err = check_size(session->node, &message);
	if (!err)
		err = store_outbox_add(store, session->id, draft);
	if (!err)
		err = store_message_get(store, session->id, STORE_OUT, draft->id, ret_message);
	return err;
}

static void send_text(struct session *session, struct web_request *http, const char *text,
	const char *reply_to, struct attached *attached, unsigned wait_ms)
{
	char id[ID_ROOM];
	struct store_message message;
	struct store_draft draft = {.id = node_new_id(session->node, id),
		.text = text,
		.timestamp = node_unix_time(),
		.reply_to = reply_to,
		.attachments = attached->list};
	enum err err = accept_message(session, &draft, &message);
	if (err) {
		detach(session->node, attached);
		fail_send(session, http, err);
		return;
	}
	event_of_session(session, "chat_sent",
		json_pack("{s:o}", "message",
			describe_message(session->node, &message, session->name)));
	store_message_deinit(&message);
	session_chat_flush(session);
	if (wait_ms > 0) {
		request_start(session, REQUEST_DELIVERY, id, VIA_AUTO, NULL, wait_ms, http);
	} else if (store_message_get(session->node->store, session->id, STORE_OUT, id, &message) ==
		   ERR_OK) {
		local_api_reply(
			http, 202, describe_message(session->node, &message, session->name));
		store_message_deinit(&message);
	} else {
		api_fail_store(session->node, http);
	}
	session_need_link(session);
}

/* The message that a person means by an id, or its beginning. */
static bool find(struct session *session, struct web_request *http, int direction, const char *id,
	struct store_message *ret_message)
{
	struct store *store = session->node->store;
	enum err err = store_message_find(store, session->id, direction, id, ret_message);
	if (err == ERR_NOT_FOUND)
		api_fail(http, FAILURE_NOT_FOUND, "no message '%s' with '%s'", id, session->name);
	else if (err == ERR_MISMATCH)
		api_fail(http, FAILURE_MALFORMED,
			"several messages with '%s' begin with '%s'; say more of the id, or the "
			"'direction'",
			session->name, id);
	else if (err)
		api_fail_store(session->node, http);
	return err == ERR_OK;
}

void api_send(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	struct session *session;
	struct store_message original = {0};
	struct attached attached = {0};
	const char *text, *reply_to;
	unsigned wait_ms;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text(http, body, "text", STORE_TEXT_MAX, &text) &&
		api_text_if(http, body, "reply_to", MESSAGE_ID_MAX, &reply_to) &&
		api_timeout(http, body, "wait_ms", 0, &wait_ms) &&
		api_session_of(node, http, body, &session) &&
		(!reply_to || find(session, http, STORE_EITHER, reply_to, &original)) &&
		attach(session, http, body, &attached))
		send_text(session, http, text, reply_to ? original.id : NULL, &attached, wait_ms);
	json_decref(attached.list);
	store_message_deinit(&original);
	json_decref(body);
}

/* ---- Changes ---- */

/* "last" is the last that we wrote. */
static bool find_target(struct session *session, struct web_request *http, const json_t *body,
	struct store_message *ret_message)
{
	const char *id = web_request_param(http, "id"), *name;
	struct store *store = session->node->store;
	int direction = STORE_EITHER;
	if (!api_text_if(http, body, "direction", 8, &name))
		return false;
	if (name)
		direction = strcmp(name, "in") == 0 ? STORE_IN : STORE_OUT;
	if (name && strcmp(name, "in") != 0 && strcmp(name, "out") != 0) {
		api_fail(http, FAILURE_MALFORMED, "'direction' is 'in' or 'out'");
		return false;
	}
	if (strcmp(id, "last") != 0 || direction == STORE_IN)
		return find(session, http, direction, id, ret_message);
	enum err err = store_message_last(store, session->id, ret_message);
	if (err == ERR_NOT_FOUND)
		api_fail(http, FAILURE_NOT_FOUND, "you have sent '%s' nothing that is still there",
			session->name);
	else if (err)
		api_fail_store(session->node, http);
	return err == ERR_OK;
}

/* Shows the message as it is now, here and to the peer. */
static void changed(
	struct session *session, struct web_request *http, const struct store_message *target)
{
	struct store_message now;
	if (store_message_get(session->node->store, session->id, target->direction, target->id,
		    &now) != ERR_OK) {
		api_fail_store(session->node, http);
		return;
	}
	json_t *description = describe_message(session->node, &now, session->name);
	store_message_deinit(&now);
	event_of_session(session, "chat_changed", json_pack("{s:O}", "message", description));
	local_api_reply(http, 200, description);
	session_chat_flush(session);
	if (target->direction == STORE_OUT)
		session_need_link(session);
}

static void edit(struct session *session, struct web_request *http,
	const struct store_message *target, const char *text)
{
	char id[ID_ROOM];
	struct message message = {.type = MESSAGE_CHAT_EDIT,
		.chat_edit = {.id = node_new_id(session->node, id),
			.target = target->id,
			.text = text,
			.timestamp = node_unix_time()}};
	if (target->direction == STORE_IN) {
		api_fail(http, FAILURE_DENIED, "that message is from '%s', who alone can edit it",
			session->name);
		return;
	}
	enum err err = check_size(session->node, &message);
	if (!err)
		err = store_edit(session->node->store, session->id, target->id, id, text,
			message.chat_edit.timestamp);
	if (err == ERR_NOT_FOUND)
		api_fail(http, FAILURE_NOT_FOUND, "the message '%s' is deleted", target->id);
	else if (err)
		fail_send(session, http, err);
	else
		changed(session, http, target);
}

void api_message_edit(struct web_request *http, void *user)
{
	struct session *session;
	struct store_message target = {0};
	const char *text;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text(http, body, "text", STORE_TEXT_MAX, &text) &&
		api_session_of(api_node(user), http, body, &session) &&
		find_target(session, http, body, &target))
		edit(session, http, &target, text);
	store_message_deinit(&target);
	json_decref(body);
}

/* Ours on both sides, the peer's here. */
static void delete_message(
	struct session *session, struct web_request *http, const struct store_message *target)
{
	struct store *store = session->node->store;
	enum store_state was = STORE_RECEIVED;
	char id[ID_ROOM];
	enum err err = target->direction == STORE_OUT
			       ? store_delete(store, session->id, target->id,
					 node_new_id(session->node, id), &was)
			       : store_delete_received(store, session->id, target->id);
	if (err == ERR_NOT_FOUND) {
		api_fail(
			http, FAILURE_NOT_FOUND, "the message '%s' is deleted already", target->id);
		return;
	}
	if (err) {
		fail_send(session, http, err);
		return;
	}
	stop_attachments(session->node, target);
	if (was < STORE_DELIVERED)
		session_chat_withdrawn(session, target);
	changed(session, http, target);
}

void api_message_delete(struct web_request *http, void *user)
{
	struct session *session;
	struct store_message target = {0};
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_session_of(api_node(user), http, body, &session) &&
		find_target(session, http, body, &target))
		delete_message(session, http, &target);
	store_message_deinit(&target);
	json_decref(body);
}

/* ---- What is read, and who is typing ---- */

static void mark_read(struct session *session, struct web_request *http, const char *id)
{
	struct store *store = session->node->store;
	size_t unread = 0;
	enum err err = store_read_here(store, session->id, id);
	if (!err)
		err = store_unread(store, session->id, &unread);
	if (err == ERR_NOT_FOUND) {
		api_fail(http, FAILURE_NOT_FOUND, "no message '%s' from '%s'", id, session->name);
		return;
	}
	if (err) {
		api_fail_store(session->node, http);
		return;
	}
	session_chat_tell_read(session);
	local_api_reply(http, 200, json_pack("{s:I}", "unread", (json_int_t)unread));
}

void api_mark_read(struct web_request *http, void *user)
{
	struct session *session;
	const char *id;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (api_text_if(http, body, "id", MESSAGE_ID_MAX, &id) &&
		api_session_of(api_node(user), http, body, &session))
		mark_read(session, http, id);
	json_decref(body);
}

void api_typing(struct web_request *http, void *user)
{
	struct session *session;
	bool active = true;
	json_t *body;
	if (!api_body(http, &body))
		return;
	if (json_get_bool_if(body, "active", &active) != ERR_OK)
		api_fail(http, FAILURE_MALFORMED, "'active' is neither true nor false");
	else if (api_session_of(api_node(user), http, body, &session)) {
		session_chat_tell_typing(session, active);
		local_api_reply(http, 200, json_object());
	}
	json_decref(body);
}

/* ---- History ---- */

static void reply_page(struct node *node, struct web_request *http, const struct store_page *page,
	const char *name)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < page->count; i++)
		json_array_append_new(messages, describe_message(node, &page->messages[i], name));
	local_api_reply(
		http, 200, json_pack("{s:o, s:b}", "messages", messages, "more", (int)page->more));
}

void api_history(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	const char *before_id = web_request_query(http, "before");
	struct store_contact contact;
	struct store_page page = {0};
	uint32_t limit = HISTORY_LIMIT;
	int64_t before = 0;
	if (!peer || (limit_text && !text_to_u32(limit_text, &limit)) || limit == 0 ||
		limit > STORE_PAGE_MAX) {
		api_fail(http, FAILURE_MALFORMED,
			"'peer' is needed, and 'limit' is a number from 1 to %d", STORE_PAGE_MAX);
		return;
	}
	if (!api_contact(node, http, peer, &contact))
		return;
	if (before_id && store_history_sequence(node->store, contact.node_id, before_id, &before) !=
				 ERR_OK) {
		api_fail(http, FAILURE_NOT_FOUND, "no message '%s' with '%s'", before_id,
			contact.name);
		return;
	}
	if (store_history(node->store, contact.node_id, before, limit, &page) == ERR_OK)
		reply_page(node, http, &page, contact.name);
	else
		api_fail_store(node, http);
	store_page_deinit(&page);
}

static json_t *describe_find(struct node *node, const struct store_find *find)
{
	struct store_contact contact;
	const char *peer = find->message.peer;
	bool known = store_contact_get(node->store, peer, &contact) == ERR_OK;
	json_t *object = describe_message(node, &find->message, known ? contact.name : peer);
	json_object_set_new(object, "sequence", json_integer(find->message.sequence));
	json_object_set_new(object, "snippet", json_string(find->snippet));
	return object;
}

static void reply_finds(
	struct node *node, struct web_request *http, const struct store_finds *finds)
{
	json_t *messages = json_array();
	for (size_t i = 0; i < finds->count; i++)
		json_array_append_new(messages, describe_find(node, &finds->finds[i]));
	local_api_reply(
		http, 200, json_pack("{s:o, s:b}", "messages", messages, "more", (int)finds->more));
}

void api_search(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *words = web_request_query(http, "q"), *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	const char *before_text = web_request_query(http, "before");
	struct store_contact contact;
	struct store_finds finds = {0};
	uint32_t limit = SEARCH_LIMIT;
	uint64_t before = 0;
	if (!words || (limit_text && !text_to_u32(limit_text, &limit)) || limit == 0 ||
		limit > STORE_PAGE_MAX || (before_text && !text_to_u64(before_text, &before)) ||
		before > INT64_MAX) {
		api_fail(http, FAILURE_MALFORMED,
			"'q' is needed, 'limit' is a number from 1 to %d, and 'before' the "
			"'sequence' of a message",
			STORE_PAGE_MAX);
		return;
	}
	if (peer && !api_contact(node, http, peer, &contact))
		return;
	enum err err = store_search(
		node->store, words, peer ? contact.node_id : NULL, (int64_t)before, limit, &finds);
	if (!err)
		reply_finds(node, http, &finds);
	else if (err == ERR_MALFORMED || err == ERR_TOO_LARGE)
		api_fail(http, err == ERR_MALFORMED ? FAILURE_MALFORMED : FAILURE_TOO_LARGE, "%s",
			store_fault_text(node->store));
	else
		api_fail_store(node, http);
	store_finds_deinit(&finds);
}
