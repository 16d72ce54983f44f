#include "node/strangers.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/describe.h"
#include "node/events.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/signalling.h"

void strangers_init(struct strangers *strangers)
{
	list_init(&strangers->list);
}

static void release(struct stranger *stranger)
{
	list_remove(&stranger->node);
	stranger->owner->strangers.count--;
	net_timer_deinit(&stranger->timer);
	net_tls_conn_destroy(stranger->conn);
	json_decref(stranger->offer);
	for (size_t i = 0; i < stranger->candidate_count; i++)
		json_decref(stranger->candidates[i]);
	free(stranger);
}

void strangers_deinit(struct strangers *strangers)
{
	if (!strangers->list.next)
		return;
	LIST_FOREACH_SAFE (node, &strangers->list)
		release(CONTAINER_OF(node, struct stranger, node));
}

struct stranger *strangers_find(struct strangers *strangers, const char *node_id)
{
	LIST_FOREACH (node, &strangers->list) {
		struct stranger *stranger = CONTAINER_OF(node, struct stranger, node);
		if (strcmp(stranger->id, node_id) == 0)
			return stranger;
	}
	return NULL;
}

size_t strangers_match(
	struct strangers *strangers, const char *text, struct stranger **ret_stranger)
{
	static const char prefix[] = "dpc-node-";
	size_t count = 0;
	LIST_FOREACH (node, &strangers->list) {
		struct stranger *stranger = CONTAINER_OF(node, struct stranger, node);
		if (!text[0] || (!text_starts_with(stranger->id, text) &&
					!text_starts_with(stranger->id + strlen(prefix), text)))
			continue;
		*ret_stranger = stranger;
		count++;
	}
	return count;
}

void strangers_drop(struct stranger *stranger, const char *reason)
{
	struct node *node = stranger->owner;
	event_of_peer(
		node, "stranger_gone", stranger->id, NULL, json_pack("{s:s}", "reason", reason));
	release(stranger);
}

static void expired(void *user)
{
	strangers_drop(user, "nobody answered in time");
}

/* ---- Arrival ---- */

/* Room for one more, the former try of the same node and, when full, the oldest given up. NULL: not
 * now. */
static struct stranger *take(
	struct node *node, const char *node_id, const struct node_pin *pin, const char *via)
{
	struct strangers *strangers = &node->strangers;
	struct stranger *former = strangers_find(strangers, node_id);
	if (!rate_take(&strangers->rate, net_now(), NODE_STRANGERS_PER_MINUTE)) {
		event_refused(node, node_id, NULL, via, "too many strangers ask at once");
		return NULL;
	}
	if (former)
		release(former);
	if (strangers->count >= NODE_STRANGERS_MAX)
		strangers_drop(CONTAINER_OF(strangers->list.next, struct stranger, node),
			"too many strangers wait");
	struct stranger *stranger = calloc(1, sizeof(*stranger));
	if (!stranger ||
		net_timer_init(&stranger->timer, node->loop, expired, stranger) != ERR_OK) {
		free(stranger);
		return NULL;
	}
	stranger->owner = node;
	CHECK(text_copy(stranger->id, sizeof(stranger->id), node_id));
	stranger->pin = *pin;
	stranger->since = net_now();
	stranger->since_unix = node_unix_time();
	net_timer_set(&stranger->timer, stranger->since + NODE_STRANGER_TIMEOUT);
	list_push_back(&strangers->list, &stranger->node);
	strangers->count++;
	return stranger;
}

static void announce(struct stranger *stranger)
{
	log_info("'%s' asks to connect and is no contact; 'dpc accept' or 'dpc block' it",
		stranger->id);
	event_of_peer(stranger->owner, "stranger", stranger->id, NULL,
		json_pack("{s:o}", "stranger", describe_stranger(stranger->owner, stranger)));
}

void strangers_add_connection(struct node *node, const char *node_id, const struct node_pin *pin,
	struct net_tls_conn *conn)
{
	struct stranger *stranger = take(node, node_id, pin, "direct");
	if (!stranger) {
		net_tls_conn_destroy(conn);
		return;
	}
	stranger->conn = conn;
	addr_text(net_tls_conn_remote(conn), stranger->address);
	announce(stranger);
}

void strangers_add_offer(
	struct node *node, const char *node_id, const struct node_pin *pin, json_t *payload)
{
	struct stranger *stranger = take(node, node_id, pin, "webrtc");
	if (!stranger)
		return;
	stranger->offer = json_incref(payload);
	announce(stranger);
}

void strangers_add_candidate(struct stranger *stranger, json_t *payload)
{
	if (stranger->offer && stranger->candidate_count < NODE_EARLY_CANDIDATES_MAX)
		stranger->candidates[stranger->candidate_count++] = json_incref(payload);
}

/* ---- Consent ---- */

static void go_on_with_offer(
	struct node *node, struct session *session, const struct stranger *stranger)
{
	signalling_receive(node, stranger->id, stranger->offer);
	for (size_t i = 0; i < stranger->candidate_count; i++)
		signalling_receive(node, stranger->id, stranger->candidates[i]);
	/* The offer was too old to be answered: they have given up, so we call them. */
	if (list_is_empty(&session->links))
		session_connect(session, VIA_AUTO);
}

void strangers_accept(struct node *node, struct stranger *stranger)
{
	struct session *session;
	if (session_get(node, stranger->id, &session) == ERR_OK) {
		struct net_tls_conn *conn = stranger->conn;
		stranger->conn = NULL;
		if (conn)
			link_tls_accept(session, conn);
		else
			go_on_with_offer(node, session, stranger);
	}
	release(stranger);
}

enum err strangers_befriend(
	struct node *node, const char *node_id, struct store_contact *ret_contact)
{
	struct store_contact contact = {.keep_connected = false};
	CHECK(text_copy(contact.node_id, sizeof(contact.node_id), node_id));
	enum err err = store_contact_add(node->store, &contact);
	if (err)
		log_warn("cannot add '%s': %s", node_id, store_fault_text(node->store));
	return err ? err : store_contact_get(node->store, node_id, ret_contact);
}
