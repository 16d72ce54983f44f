#include "node/link_route.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

static bool is_relay(const char *type)
{
	return strcmp(type, "relay") == 0;
}

/* The reason that needs the fewest guesses comes first. */
static const char *why_relayed(const struct link_route_facts *facts)
{
	bool by_stream = facts->relay && facts->relay->transport != TURN_OVER_UDP;
	if (facts->policy == STORE_POLICY_RELAY_ONLY)
		return "the policy is relay-only";
	if (facts->searching)
		return "direct ways are still being tried";
	if (facts->peer_addresses == 0)
		return "the peer shows no address of its own";
	if (facts->own_addresses == 0)
		return "this node has no address of its own to show";
	if (!facts->common_family)
		return "no address family in common: one side has IPv4 only, the other IPv6";
	if (by_stream && facts->asks_stun && !facts->stun_answers)
		return "UDP is blocked here: no STUN server answers";
	switch (facts->nat) {
	case DISCOVERY_UNKNOWN:
		break;
	case DISCOVERY_NONE:
	case DISCOVERY_ENDPOINT_INDEPENDENT:
		return "no direct way worked: the peer's NAT is symmetric, or a firewall blocks "
		       "UDP";
	case DISCOVERY_ADDRESS_DEPENDENT:
	case DISCOVERY_ADDRESS_AND_PORT_DEPENDENT:
		return "no direct way worked: the NAT here is symmetric";
	}
	return "no direct way worked: a NAT is symmetric, or a firewall blocks UDP";
}

static const char *family_name(enum addr_family family)
{
	return family == ADDR_IPV6 ? "IPv6" : "IPv4";
}

static void describe_direct(const struct link_route_facts *facts, struct link_route *route)
{
	char remote[ADDR_TEXT_MAX];
	const char *family = family_name(facts->remote.family);
	addr_text(&facts->remote, remote);
	if (facts->tls)
		snprintf(route->text, sizeof(route->text), "direct TLS %s (%s)", remote, family);
	else
		snprintf(route->text, sizeof(route->text), "direct %s (%s, %s%s)", remote,
			facts->remote_type, family,
			facts->remote.transport == ADDR_TCP ? ", TCP" : "");
}

static void describe_relayed(const struct link_route_facts *facts, struct link_route *route)
{
	char remote[ADDR_TEXT_MAX];
	bool ours = is_relay(facts->local_type), theirs = is_relay(facts->remote_type);
	addr_text(&facts->remote, remote);
	route->why = why_relayed(facts);
	route->relay_of_peer = !ours;
	if (facts->relay)
		turn_uri_text(facts->relay, route->relay);
	if (!ours)
		snprintf(route->text, sizeof(route->text), "relay of the peer %s", remote);
	else
		snprintf(route->text, sizeof(route->text), "relay%s%s%s",
			route->relay[0] ? " " : "", route->relay,
			theirs ? " and one of the peer" : "");
}

void link_route_of(const struct link_route_facts *facts, struct link_route *ret_route)
{
	struct link_route route = {.known = facts->tls || facts->known,
		.family = facts->remote.family,
		.nat = facts->tls ? DISCOVERY_UNKNOWN : facts->nat};
	route.relayed = route.known && !facts->tls &&
			(is_relay(facts->local_type) || is_relay(facts->remote_type));
	if (route.relayed)
		describe_relayed(facts, &route);
	else if (route.known)
		describe_direct(facts, &route);
	*ret_route = route;
}

json_t *link_route_describe(const struct link_route *route)
{
	if (!route->known)
		return json_null();
	json_t *description = json_pack("{s:s, s:s, s:s, s:s?}", "kind",
		route->relayed ? "relay" : "direct", "text", route->text, "family",
		family_name(route->family), "nat",
		route->nat == DISCOVERY_UNKNOWN ? NULL : discovery_behaviour_name(route->nat));
	if (!description || !route->relayed)
		return description;
	json_object_set_new(
		description, "relay", route->relay[0] ? json_string(route->relay) : json_null());
	json_object_set_new(
		description, "relay_of", json_string(route->relay_of_peer ? "peer" : "node"));
	json_object_set_new(description, "why", json_string(route->why));
	return description;
}
