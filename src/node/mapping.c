#include "node/mapping.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/iface.h"
#include "net/portmap.h"
#include "node/internal.h"

#define NO_PORT SIZE_MAX

struct node_mapping {
	struct node *node;
	struct net_portmap *portmap;
	struct net_portmap_port ports[NET_PORTMAP_PORTS_MAX];
	size_t count;
	size_t udp, listener[CONFIG_LISTEN_MAX]; /* indexes of ports; NO_PORT: it has none */
	struct addr source; /* ours, towards the world; another one is another network */
	bool stopping;
};

static_assert(1 + CONFIG_LISTEN_MAX <= NET_PORTMAP_PORTS_MAX, "each can be mapped");

/* ---- Which ports ---- */

/* The question goes nowhere (RFC 5737). False without a network. */
static bool find_source(struct addr *ret_local)
{
	struct addr anywhere = {.family = ADDR_IPV4, .port = 9, .ip = {192, 0, 2, 1}}, local;
	if (net_iface_source(&anywhere, &local) != ERR_OK || addr_is_loopback(&local))
		return false;
	*ret_local = local;
	return true;
}

/* A router maps for private addresses only. */
static bool is_behind_nat(const struct addr *local)
{
	bool is_shared = local->ip[0] == 100 && (local->ip[1] & 0xc0) == 64; /* RFC 6598 */
	return is_shared || addr_is_local_network(local);
}

static size_t add_port(struct node_mapping *mapping, bool is_tcp, uint16_t port)
{
	mapping->ports[mapping->count] = (struct net_portmap_port){is_tcp, port};
	return mapping->count++;
}

/* On all addresses, or on the one that the router sees. */
static bool is_reachable(const struct addr *local)
{
	return addr_is_unspecified(local) ||
	       (local->family == ADDR_IPV4 && !addr_is_loopback(local));
}

static void choose_ports(struct node_mapping *mapping)
{
	struct node *node = mapping->node;
	const struct addr *udp = peer_io_local(node->io, ADDR_IPV4);
	mapping->udp = udp && is_reachable(udp) ? add_port(mapping, false, udp->port) : NO_PORT;
	for (size_t i = 0; i < CONFIG_LISTEN_MAX; i++) {
		mapping->listener[i] = NO_PORT;
		if (i >= node->listener_count)
			continue;
		const struct addr *local = net_tls_listener_local(node->listeners[i]);
		if (is_reachable(local))
			mapping->listener[i] = add_port(mapping, true, local->port);
	}
}

static const struct addr *external(const struct node_mapping *mapping, size_t index)
{
	return index == NO_PORT ? NULL : net_portmap_external(mapping->portmap, index);
}

/* ---- News ---- */

static void on_changed(void *user)
{
	struct node_mapping *mapping = user;
	const struct addr *udp = external(mapping, mapping->udp);
	struct addr base = net_portmap_internal(mapping->portmap);
	char text[ADDR_TEXT_MAX];
	const char *reason = net_portmap_reason(mapping->portmap);
	peer_io_set_mapped(mapping->node->io, &base, udp);
	if (udp)
		log_info("the router lets peers in at %s, by %s", addr_text(udp, text),
			gateway_protocol_name(net_portmap_protocol(mapping->portmap)));
	if (reason[0])
		log_info("port mapping: %s", reason);
}

/* ---- Life ---- */

void node_mapping_start(struct node *node)
{
	struct addr source;
	if (!node->config.port_mapping || !find_source(&source) || !is_behind_nat(&source))
		return;
	struct node_mapping *mapping = calloc(1, sizeof(*mapping));
	enum err err = mapping ? ERR_OK : ERR_NOMEM;
	if (mapping) {
		mapping->node = node;
		mapping->source = source;
		choose_ports(mapping);
		if (mapping->count == 0) {
			free(mapping);
			return;
		}
		struct net_portmap_config config = {.rng = &node->rng,
			.ports = mapping->ports,
			.count = mapping->count,
			.changed = on_changed,
			.user = mapping};
		err = net_portmap_create(node->loop, &config, &mapping->portmap);
	}
	if (err) {
		log_warn("cannot ask the router for ports: %s", err_text(err));
		free(mapping);
		return;
	}
	node->mapping = mapping;
}

void node_mapping_network_changed(struct node *node)
{
	struct node_mapping *mapping = node->mapping;
	struct addr source;
	if (node->stopping)
		return;
	if (!mapping) {
		node_mapping_start(node);
	} else if (find_source(&source) && !addr_same_ip(&source, &mapping->source)) {
		mapping->source = source;
		net_portmap_network_changed(mapping->portmap);
	}
}

static void on_stopped(void *user)
{
	struct node_mapping *mapping = user;
	mapping->stopping = false;
	node_link_gone(mapping->node);
}

void node_mapping_stop(struct node *node)
{
	struct node_mapping *mapping = node->mapping;
	if (!mapping)
		return;
	mapping->stopping = true;
	net_portmap_stop(mapping->portmap, on_stopped, mapping);
}

bool node_mapping_is_stopping(const struct node *node)
{
	return node->mapping && node->mapping->stopping;
}

void node_mapping_destroy(struct node *node)
{
	if (!node->mapping)
		return;
	net_portmap_destroy(node->mapping->portmap);
	free(node->mapping);
	node->mapping = NULL;
}

/* ---- What there is ---- */

const struct addr *node_mapping_of_listener(const struct node *node, size_t index)
{
	CHECK(index < CONFIG_LISTEN_MAX);
	return node->mapping ? external(node->mapping, node->mapping->listener[index]) : NULL;
}

static json_t *address(const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	return addr ? json_string(addr_text(addr, text)) : json_null();
}

json_t *node_mapping_describe(const struct node *node)
{
	const struct node_mapping *mapping = node->mapping;
	if (!mapping)
		return json_null();
	const char *reason = net_portmap_reason(mapping->portmap);
	json_t *tcp = json_array();
	for (size_t i = 0; i < node->listener_count; i++) {
		const struct addr *addr = node_mapping_of_listener(node, i);
		if (addr)
			json_array_append_new(tcp, address(addr));
	}
	return json_pack("{s:s, s:o, s:o, s:s?}", "protocol",
		gateway_protocol_name(net_portmap_protocol(mapping->portmap)), "udp",
		address(external(mapping, mapping->udp)), "tcp", tcp, "error",
		reason[0] ? reason : NULL);
}
