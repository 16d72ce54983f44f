#include "node/describe.h"

#include <stdio.h>
#include <unistd.h>

#include "message/attachments.h"
#include "message/uri.h"
#include "net/iface.h"
#include "node/hub_client.h"
#include "node/local_api.h"
#include "node/internal.h"
#include "node/mapping.h"
#include "node/session.h"
#include "node/store_change.h"
#include "node/store_file.h"
#include "node/strangers.h"

json_t *describe_failure(const struct failure *failure)
{
	return json_pack("{s:{s:s, s:s}}", "error", "code", failure_name(failure->code), "message",
		failure->fault.text);
}

/* What became of each as a file: its number here, and its state; null while it is not offered. */
static json_t *describe_attachments(struct node *node, const struct store_message *message)
{
	json_t *attachments = json_loads(message->attachments, 0, NULL);
	for (size_t i = 0; i < json_array_size(attachments); i++) {
		struct store_file file;
		bool is_known =
			store_file_find(node->store, message->peer, message->direction == STORE_OUT,
				attachment_at(attachments, i).id, &file) == ERR_OK;
		json_t *item = json_array_get(attachments, i);
		json_object_set_new(
			item, "file", is_known ? json_integer(file.sequence) : json_null());
		json_object_set_new(item, "state",
			is_known ? json_string(store_file_state_name(file.state)) : json_null());
	}
	return attachments ? attachments : json_array();
}

json_t *describe_message(struct node *node, const struct store_message *message, const char *name)
{
	json_t *edited = message->edited > 0 ? json_real(message->edited) : json_null();
	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:f, s:s, s:s?, s:o, s:o, s:b}", "id",
		message->id, "peer", message->peer, "name", name, "direction",
		store_direction_name(message->direction), "text", message->text, "timestamp",
		message->timestamp, "state", store_state_name(message->state), "reply_to",
		message->refers[0] ? message->refers : NULL, "attachments",
		describe_attachments(node, message), "edited", edited, "deleted",
		(int)message->deleted);
}

json_t *describe_stranger(struct node *node, const struct stranger *stranger)
{
	char pin[NODE_PIN_TEXT_MAX];
	usec left = stranger->since + NODE_STRANGER_TIMEOUT - net_now();
	(void)node;
	return json_pack("{s:s, s:s, s:n, s:s, s:s?, s:f, s:I}", "node_id", stranger->id, "key",
		node_pin_text(&stranger->pin, pin), "name", "via",
		stranger->conn ? "direct" : "webrtc", "address",
		stranger->conn ? stranger->address : NULL, "since", stranger->since_unix,
		"expires_in_seconds", (json_int_t)(usec_max(left, 0) / USEC_PER_SEC));
}

bool describe_safety_number(const struct node *node, const struct store_contact *contact,
	char number[NODE_SAFETY_NUMBER_MAX])
{
	struct node_pin pin;
	if (!node_pin_parse(contact->pin, &pin))
		return false;
	node_safety_number(identity_pin(node->identity), &pin, number);
	return true;
}

json_t *describe_contact(struct node *node, const struct store_contact *contact)
{
	struct session *session = session_find(node, contact->node_id);
	size_t queued = 0, unread = 0;
	if (store_unread(node->store, contact->node_id, &unread) != ERR_OK)
		unread = 0;
	if (store_outbox_count(node->store, contact->node_id, &queued) != ERR_OK)
		queued = 0;
	json_t *addresses = json_array();
	for (size_t i = 0; i < contact->address_count; i++)
		json_array_append_new(addresses, json_string(contact->addresses[i]));
	const char *error =
		session && session->last.code != FAILURE_NONE ? session->last.fault.text : NULL;
	json_t *link = session && session->current ? link_describe(session->current) : json_null();
	char number[NODE_SAFETY_NUMBER_MAX];
	bool has_number = describe_safety_number(node, contact, number);
	return json_pack(
		"{s:s, s:s, s:s?, s:s?, s:b, s:b, s:s, s:b, s:o, s:s, s:o, s:I, s:I, s:s?}",
		"node_id", contact->node_id, "name", contact->name, "key",
		contact->pin[0] ? contact->pin : NULL, "safety_number", has_number ? number : NULL,
		"verified", contact->verified, "blocked", contact->blocked, "policy",
		store_policy_name(contact->policy), "hub_vouched", contact->hub_vouched,
		"addresses", addresses, "state", session ? session_state_name(session) : "away",
		"link", link, "queued", (json_int_t)queued, "unread", (json_int_t)unread, "error",
		error);
}

json_t *describe_peer_answer(struct node *node, const char *node_id)
{
	struct store_contact contact;
	if (store_contact_get(node->store, node_id, &contact) != ERR_OK)
		return NULL;
	return json_pack("{s:o}", "peer", describe_contact(node, &contact));
}

/* ---- Status ---- */

static void add_uri(json_t *uris, struct node *node, const struct addr *addr, uint16_t port)
{
	struct uri uri = {.port = port};
	char text[URI_TEXT_MAX], ip[ADDR_TEXT_MAX];
	snprintf(uri.host, sizeof(uri.host), "%s", addr_ip_text(addr, ip));
	snprintf(uri.node_id, sizeof(uri.node_id), "%s", node->id);
	snprintf(uri.key, sizeof(uri.key), "%s", node->pin);
	if (uri_format(&uri, text, sizeof(text)) == ERR_OK)
		json_array_append_new(uris, json_string(text));
}

static void add_listener(json_t *listen, json_t *uris, struct node *node, const struct addr *local)
{
	char text[ADDR_TEXT_MAX];
	json_array_append_new(listen, json_string(addr_text(local, text)));
	if (!addr_is_unspecified(local)) {
		add_uri(uris, node, local, local->port);
		return;
	}
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count = 0;
	if (net_iface_list(false, addrs, NET_IFACE_ADDRS_MAX, &count) != ERR_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		if (local->family == ADDR_IPV6 || addrs[i].family == ADDR_IPV4)
			add_uri(uris, node, &addrs[i], local->port);
	}
}

/* Whoever came to a TCP port and did not authenticate, or found no place. */
static json_int_t count_refused_connections(const struct node *node)
{
	uint64_t count = 0;
	for (size_t i = 0; i < node->listener_count; i++) {
		const struct net_tls_listener_stats *stats =
			net_tls_listener_stats(node->listeners[i]);
		count += stats->failed + stats->timed_out + stats->crowded_out + stats->refused;
	}
	struct peer_io_stats io;
	peer_io_stats(node->io, &io);
	count += io.tcp_refused;
	return (json_int_t)count;
}

static json_t *describe_counters(struct node *node)
{
	const struct node_counters *counters = &node->counters;
	struct peer_io_stats io;
	peer_io_stats(node->io, &io);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "messages_in",
		(json_int_t)counters->messages_in, "messages_out",
		(json_int_t)counters->messages_out, "malformed", (json_int_t)counters->malformed,
		"unknown_type", (json_int_t)counters->unknown_type, "refused",
		(json_int_t)counters->refused, "datagrams_dropped", (json_int_t)io.unknown_in,
		"connections_refused", count_refused_connections(node));
}

static json_t *describe_relay(const struct node *node, size_t index)
{
	static const char *const states[] = {
		[RELAY_IDLE] = "idle",
		[RELAY_OPENING] = "opening",
		[RELAY_READY] = "ready",
		[RELAY_WAITING] = "waiting",
	};
	const struct relay *relay = peer_io_relay(node->io, index);
	const struct addr *addr = relay_addr(relay, ADDR_IPV4);
	const struct addr *addr6 = relay_addr(relay, ADDR_IPV6);
	const char *reason = relay_reason(relay);
	char server[TURN_URI_TEXT_MAX], address[ADDR_TEXT_MAX], address6[ADDR_TEXT_MAX];
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:f, s:s?}", "server",
		turn_uri_text(relay_server(relay), server), "from",
		peer_io_relay_is_from_hub(node->io, index) ? "hub" : "config", "state",
		states[relay_state(relay)], "address", addr ? addr_text(addr, address) : NULL,
		"address6", addr6 ? addr_text(addr6, address6) : NULL, "setup_ms",
		(double)relay_setup_time(relay) / USEC_PER_MS, "error", reason[0] ? reason : NULL);
}

static json_t *describe_relays(const struct node *node)
{
	json_t *relays = json_array();
	for (size_t i = 0; i < peer_io_relay_count(node->io); i++)
		json_array_append_new(relays, describe_relay(node, i));
	return relays;
}

static json_int_t count_up(struct node *node)
{
	json_int_t count = 0;
	size_t cursor = 0;
	const struct session *session;
	while ((session = map_next(&node->sessions, &cursor)))
		count += session->current != NULL;
	return count;
}

static json_t *describe_problems(struct node *node)
{
	const char *const texts[] = {access_problem(node->access), context_problem(node->context)};
	json_t *problems = json_array();
	node_reload_files(node);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i][0])
			json_array_append_new(problems, json_string(texts[i]));
	}
	return problems;
}

static json_int_t count_questions(struct node *node)
{
	json_int_t count = 0;
	LIST_FOREACH (item, &node->questions.list)
		count += CONTAINER_OF(item, struct question, node)->state == QUESTION_WAITS;
	return count;
}

static json_t *describe_api(const struct node *node)
{
	const char *address = node->api ? local_api_address(node->api) : NULL;
	return address ? json_pack("{s:s}", "address", address) : json_null();
}

json_t *describe_status(struct node *node)
{
	size_t contacts = 0, queued = 0;
	if (store_contact_count(node->store, &contacts) != ERR_OK ||
		store_outbox_count(node->store, NULL, &queued) != ERR_OK)
		return NULL;
	json_t *listen = json_array(), *uris = json_array();
	for (size_t i = 0; i < node->listener_count; i++)
		add_listener(listen, uris, node, net_tls_listener_local(node->listeners[i]));
	for (size_t i = 0; i < node->listener_count; i++) {
		const struct addr *mapped = node_mapping_of_listener(node, i);
		if (mapped)
			add_uri(uris, node, mapped, mapped->port);
	}
	json_t *ai = node->ai ? json_pack("{s:s, s:s}", "provider",
					config_ai_name(node->config.ai_provider), "url",
					config_ai_url(&node->config))
			      : json_null();
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:f, s:o, s:o, s:o, s:o, s:o, s:I, s:I, "
			 "s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o}",
		"version", DPC_VERSION, "node_id", node->id, "key", node->pin, "name",
		node->config.name, "home", node->home, "pid", (int)getpid(), "uptime_seconds",
		(double)(net_now() - node->started) / USEC_PER_SEC, "listen", listen, "uris", uris,
		"hub", hub_client_describe(node->hub), "relays", describe_relays(node),
		"hub_relays", hub_client_describe_turn(node->hub), "contacts", (json_int_t)contacts,
		"links", count_up(node), "queued", (json_int_t)queued, "strangers",
		(json_int_t)node->strangers.count, "ai", ai, "counters", describe_counters(node),
		"port_mapping", node_mapping_describe(node), "problems", describe_problems(node),
		"questions", count_questions(node), "api", describe_api(node));
}
