/* The findings of a check of the network, as docs/local-api.md has them. */
#include <stdio.h>

#include "base/text.h"
#include "net/portmap.h"
#include "node/netcheck.h"

static json_t *address(const struct addr *addr)
{
	char text[ADDR_TEXT_MAX];
	return addr->family == ADDR_NONE ? json_null() : json_string(addr_text(addr, text));
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static json_t *milliseconds(usec span)
{
	return span > 0 ? json_real((double)span / USEC_PER_MS) : json_null();
}

static json_t *describe_family(const struct nat_probe_result *nat, bool has_address)
{
	return json_pack("{s:b, s:b, s:o, s:o, s:s, s:s, s:o}", "here", has_address, "answers",
		nat->mapped.family != ADDR_NONE, "local", address(&nat->local), "public",
		address(&nat->mapped), "mapping", discovery_behaviour_name(nat->mapping),
		"filtering", discovery_behaviour_name(nat->filtering), "hairpin",
		nat->hairpin_known ? json_boolean(nat->hairpin) : json_null());
}

static json_t *describe_stun(const struct netcheck_facts *facts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < facts->stun_count; i++) {
		const struct netcheck_stun *stun = &facts->stun[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "server", stun->name,
				      "state", netcheck_state_name(stun->state), "address",
				      address(&stun->answer.addr), "rtt_ms",
				      milliseconds(stun->answer.round_trip), "public",
				      address(&stun->answer.mapped), "second_address",
				      stun->answer.has_other));
	}
	return list;
}

static json_t *describe_relays(const struct netcheck_facts *facts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < facts->relay_count; i++) {
		const struct netcheck_relay *relay = &facts->relays[i];
		char server[TURN_URI_TEXT_MAX];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "server",
				turn_uri_text(&relay->server, server), "from",
				relay->from_hub ? "hub" : "config", "state",
				netcheck_state_name(relay->state), "setup_ms",
				milliseconds(relay->setup_time), "address",
				address(&relay->address), "error", text_or_null(relay->error)));
	}
	return list;
}

static json_t *describe_ports(const struct netcheck_facts *facts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < NETCHECK_PORTS; i++) {
		const struct netcheck_port *port = &facts->ports[i];
		if (port->asked > 0)
			json_array_append_new(
				list, json_pack("{s:i, s:s, s:o}", "port", (int)port->port, "state",
					      netcheck_state_name(port->state), "at",
					      address(&port->at)));
	}
	return list;
}

static json_t *describe_hub(const struct netcheck_hub *hub)
{
	if (!hub->url[0])
		return json_null();
	return json_pack("{s:s, s:s, s:o, s:b, s:o}", "url", hub->url, "state",
		netcheck_state_name(hub->state), "answer_ms", milliseconds(hub->round_trip),
		"captive_portal", hub->captive, "error", text_or_null(hub->error));
}

static json_t *describe_router(const struct netcheck_router *router)
{
	char ip[ADDR_TEXT_MAX];
	bool is_known = router->external.family != ADDR_NONE;
	if (!router->is_asked)
		return json_null();
	return json_pack("{s:s, s:s?}", "protocol", gateway_protocol_name(router->protocol),
		"address", is_known ? addr_ip_text(&router->external, ip) : NULL);
}

static json_t *describe_udp(const struct netcheck_facts *facts)
{
	return facts->stun_count > 0 ? json_boolean(netcheck_has_udp(facts)) : json_null();
}

json_t *netcheck_describe(const struct netcheck_facts *facts)
{
	struct netcheck_verdict verdict = netcheck_judge(facts);
	json_t *lines = json_array();
	for (size_t i = 0; i < verdict.count; i++)
		json_array_append_new(lines, json_string(verdict.lines[i]));
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:f, s:o}",
		"possible", verdict.is_possible, "udp", describe_udp(facts), "ipv4",
		describe_family(&facts->nat[0], facts->has_ipv4), "ipv6",
		describe_family(&facts->nat[1], facts->has_ipv6), "stun", describe_stun(facts),
		"relays", describe_relays(facts), "tcp", describe_ports(facts), "hub",
		describe_hub(&facts->hub), "port_mapping", describe_router(&facts->router),
		"node_running", facts->is_node_running, "dns_dead", facts->dns_is_dead, "seconds",
		(double)facts->took / USEC_PER_SEC, "verdict", lines);
}
