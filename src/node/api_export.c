/* The local API: the whole history, page by page. A page ends at a number of messages or of bytes,
 * whichever comes first, so that neither side needs memory for more, and the node answers others in
 * between. Where the next one begins is said in a cursor: peer and sequence of the last message. */
#include "node/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/node_id.h"
#include "node/describe.h"
#include "node/internal.h"
#include "node/local_api.h"
#include "node/store_export.h"

#define LIMIT_DEFAULT 100

struct position {
	char peer[STORE_NODE_ID_MAX + 1]; /* "": before the first */
	int64_t sequence;                 /* of the last message that was given; 0: none yet */
};

struct export
{
	struct node *node;
	bool is_one_peer;
	size_t limit, bytes;
	struct position at;
	json_t *messages;
	bool more;
};

/* "dpc-node-0123456789abcdef:4711" */
static bool parse_cursor(const char *text, struct position *ret_position)
{
	struct position position;
	uint64_t sequence;
	const char *colon = strchr(text, ':');
	if (!colon || !text_copy_bytes(position.peer, sizeof(position.peer),
			      bytes_of(text, (size_t)(colon - text))))
		return false;
	if (!node_id_is_valid(position.peer) || !text_to_u64(colon + 1, &sequence) ||
		sequence > INT64_MAX)
		return false;
	position.sequence = (int64_t)sequence;
	*ret_position = position;
	return true;
}

/* Adds as many of a page as there is room for. */
static void take_page(struct export *export, const struct store_page *page, const char *name)
{
	for (size_t i = 0; i < page->count; i++) {
		const struct store_message *message = &page->messages[i];
		size_t size = strlen(message->text) + strlen(message->attachments);
		if (export->bytes > 0 && export->bytes + size > NODE_API_PAGE_BYTES) {
			export->more = true;
			return;
		}
		export->bytes += size + 1;
		export->at.sequence = message->sequence;
		json_array_append_new(
			export->messages, describe_message(export->node, message, name));
	}
	export->more = page->more;
}

static enum err fill_of_peer(struct export *export)
{
	struct store *store = export->node->store;
	struct store_contact contact;
	struct store_page page;
	size_t room = export->limit - json_array_size(export->messages);
	bool known = store_contact_get(store, export->at.peer, &contact) == ERR_OK;
	enum err err = store_export_page(store, export->at.peer, export->at.sequence, room, &page);
	if (err)
		return err;
	take_page(export, &page, known ? contact.name : export->at.peer);
	store_page_deinit(&page);
	return ERR_OK;
}

static enum err fill(struct export *export)
{
	struct store *store = export->node->store;
	enum err err = export->at.peer[0] ? fill_of_peer(export) : ERR_OK;
	while (!err && !export->is_one_peer && !export->more) {
		struct position next = {0};
		err = store_export_next_peer(store, export->at.peer, next.peer);
		if (err)
			break;
		if (json_array_size(export->messages) == export->limit) {
			export->more = true;
			break;
		}
		export->at = next;
		err = fill_of_peer(export);
	}
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void reply(struct web_request *http, const struct export *export, json_t *total)
{
	char cursor[STORE_NODE_ID_MAX + 24];
	snprintf(
		cursor, sizeof(cursor), "%s:%lld", export->at.peer, (long long)export->at.sequence);
	local_api_reply(http, 200,
		json_pack("{s:O, s:s?, s:o}", "messages", export->messages, "cursor",
			export->more ? cursor : NULL, "total", total));
}

/* A contact, or the id of somebody who is none any more. */
static bool find_peer(struct node *node, struct web_request *http, const char *text,
	char ret_peer[STORE_NODE_ID_MAX + 1])
{
	struct store_contact contact;
	int64_t count = 0;
	if (node_id_is_valid(text) && store_export_count(node->store, text, &count) == ERR_OK &&
		count > 0) {
		CHECK(text_copy(ret_peer, STORE_NODE_ID_MAX + 1, text));
		return true;
	}
	if (!api_contact(node, http, text, &contact))
		return false;
	CHECK(text_copy(ret_peer, STORE_NODE_ID_MAX + 1, contact.node_id));
	return true;
}

void api_history_export(struct web_request *http, void *user)
{
	struct node *node = api_node(user);
	const char *peer = web_request_query(http, "peer");
	const char *limit_text = web_request_query(http, "limit");
	const char *cursor = web_request_query(http, "cursor");
	struct export export = {.node = node, .is_one_peer = peer != NULL};
	uint32_t limit = LIMIT_DEFAULT;
	int64_t total = 0;
	if (limit_text &&
		(!text_to_u32(limit_text, &limit) || limit == 0 || limit > STORE_PAGE_MAX)) {
		api_fail(http, FAILURE_MALFORMED, "'limit' is a number from 1 to %d",
			STORE_PAGE_MAX);
		return;
	}
	if (peer && !find_peer(node, http, peer, export.at.peer))
		return;
	struct position at = export.at;
	if (cursor &&
		(!parse_cursor(cursor, &at) || (peer && strcmp(at.peer, export.at.peer) != 0))) {
		api_fail(http, FAILURE_MALFORMED,
			"'cursor' is none that this node gave for this question");
		return;
	}
	export.at = at;
	export.limit = limit;
	export.messages = json_array();
	if (fill(&export) == ERR_OK &&
		store_export_count(node->store, peer ? export.at.peer : NULL, &total) == ERR_OK)
		reply(http, &export, json_integer((json_int_t)total));
	else
		api_fail_store(node, http);
	json_decref(export.messages);
}
