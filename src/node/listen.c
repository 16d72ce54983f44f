#include "node/listen.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/stun.h"

/* ---- Arrivals over TLS ---- */

static void admit(struct node *node, const struct store_contact *contact, struct net_tls_conn *conn)
{
	struct session *session;
	const char *reason = NULL;
	if (contact->blocked)
		reason = "the contact is blocked";
	else if (contact->policy == STORE_POLICY_LAN_ONLY &&
		 !addr_is_local_network(net_tls_conn_remote(conn)))
		reason = "the policy of this contact allows links in one's own network only";
	else if (contact->policy == STORE_POLICY_RELAY_ONLY)
		reason = "the policy of this contact allows links through a relay only";
	else if (session_get(node, contact->node_id, &session) != ERR_OK)
		reason = "out of memory";
	if (!reason) {
		link_tls_accept(session, conn);
		return;
	}
	event_refused(node, contact->node_id, contact->name, "direct", reason);
	net_tls_conn_destroy(conn);
}

static void on_arrived(struct net_tls_conn *conn, void *user)
{
	struct node *node = user;
	struct store_contact contact;
	const struct certificate_info *info = certificate_info(net_tls_conn_certificate(conn));
	if (node->stopping || strcmp(info->node_id, node->id) == 0) {
		net_tls_conn_destroy(conn);
		return;
	}
	enum err err = node_contact_of_pin(node, &info->pin, &contact);
	if (err == ERR_NOT_FOUND) {
		switch (node->config.strangers) {
		case CONFIG_STRANGERS_ASK:
			strangers_add_connection(node, info->node_id, &info->pin, conn);
			return;
		case CONFIG_STRANGERS_DENY:
			event_refused(node, info->node_id, NULL, "direct",
				"no contact, and strangers are denied");
			break;
		case CONFIG_STRANGERS_ALLOW:
			if (strangers_befriend(node, info->node_id, &contact) == ERR_OK) {
				admit(node, &contact, conn);
				return;
			}
			break;
		}
		net_tls_conn_destroy(conn);
	} else if (err) {
		log_warn("%s", store_fault_text(node->store));
		net_tls_conn_destroy(conn);
	} else {
		admit(node, &contact, conn);
	}
}

/* ---- Listeners ---- */

static bool parse_address(const struct config_server *server, struct addr *ret_addr)
{
	const char *host = strcmp(server->host, "localhost") == 0 ? "127.0.0.1" : server->host;
	return addr_parse_ip(host, server->port, ret_addr);
}

static enum err listen_on(struct node *node, const struct addr *addr)
{
	struct net_tls_listener_config config = {
		.local = *addr, .arrived = on_arrived, .user = node};
	enum err err =
		net_tls_listener_create(node->tls, &config, &node->listeners[node->listener_count]);
	if (!err)
		node->listener_count++;
	return err;
}

static bool start_listener(
	struct node *node, const struct config_server *server, struct fault *fault)
{
	struct addr addr;
	if (!parse_address(server, &addr)) {
		fault_set(fault,
			"cannot listen on '%s': not a numeric address; give one with "
			"--listen or in config.ini",
			server->host);
		return false;
	}
	enum err err = listen_on(node, &addr);
	/* A machine without IPv6. */
	if ((err == ERR_UNSUPPORTED || err == ERR_UNREACHABLE) && addr.family == ADDR_IPV6 &&
		addr_is_unspecified(&addr)) {
		addr = (struct addr){.family = ADDR_IPV4, .port = server->port};
		err = listen_on(node, &addr);
	}
	if (!err)
		return true;
	char text[ADDR_TEXT_MAX];
	fault_set(fault, "cannot listen on '%s': %s; choose another with --listen HOST:PORT",
		addr_text(&addr, text), err_text(err));
	return false;
}

/* ---- WebRTC ---- */

/* What cannot be used is said and left out: other ways may do. */
static void add_relays(struct node *node)
{
	const struct config *config = &node->config;
	for (size_t i = 0; i < config->turn_count; i++) {
		char text[TURN_URI_TEXT_MAX];
		struct peer_io_relay_config relay = {.server = config->turn[i],
			.username = config->turn_username,
			.password = config->turn_password,
			.authorities =
				config->turn_authorities[0] ? config->turn_authorities : NULL};
		enum err err = peer_io_add_relay(node->io, &relay);
		if (err)
			log_warn("cannot use the relay %s: %s", turn_uri_text(&relay.server, text),
				err_text(err));
	}
}

/* With a hub on this very machine the peers may be here too. */
static bool is_hub_local(const struct node *node)
{
	static const char *const hosts[] = {"127.", "localhost", "[::1]"};
	const char *host = strstr(hub_client_url(node->hub), "://");
	for (size_t i = 0; host && i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (text_starts_with(host + 3, hosts[i]))
			return true;
	}
	return false;
}

static bool start_udp(struct node *node, struct fault *fault)
{
	struct peer_io_config config = {
		.local4 = {.family = ADDR_IPV4, .port = node->config.udp_port},
		.local6 = {.family = ADDR_IPV6, .port = node->config.udp_port},
		.loopback = is_hub_local(node),
		.tcp = node->config.tcp,
		.search_mtu = true,
		.on_reflexive = node_stun_on_reflexive,
		.user = node};
	enum err err = peer_io_create(node->loop, &config, &node->io);
	if (err) {
		fault_set(fault,
			"cannot use udp port %u: %s; choose another as udp_port in "
			"config.ini",
			node->config.udp_port, err_text(err));
		return false;
	}
	add_relays(node);
	if (node_stun_start(node))
		return true;
	fault_set(fault, "out of memory");
	return false;
}

/* ---- Both ---- */

bool listen_start(struct node *node, struct fault *fault)
{
	for (size_t i = 0; i < node->config.listen_count; i++) {
		if (!start_listener(node, &node->config.listen[i], fault))
			return false;
	}
	return start_udp(node, fault);
}

void listen_stop(struct node *node)
{
	for (size_t i = 0; i < node->listener_count; i++)
		net_tls_listener_destroy(node->listeners[i]);
	node->listener_count = 0;
	node_stun_stop(node);
	node_nat_stop(node);
	peer_io_destroy(node->io);
	node->io = NULL;
}
