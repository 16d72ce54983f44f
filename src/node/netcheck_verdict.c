#include "node/netcheck_verdict.h"

/* The findings, as far as they matter for a verdict. */
struct summary {
	bool stun_asked, udp, tcp;
	bool relay_asked, relay_udp, relay_stream; /* relays that work, by what carries to them */
	bool hub, public6;
	enum discovery_behaviour mapping, filtering;
};

bool netcheck_has_udp(const struct netcheck_facts *facts)
{
	for (size_t i = 0; i < facts->stun_count; i++) {
		if (facts->stun[i].state == NETCHECK_OK)
			return true;
	}
	return false;
}

/* Someone is there at the other end, whether or not it likes us. */
static bool is_answered(enum netcheck_state state)
{
	switch (state) {
	case NETCHECK_OK:
	case NETCHECK_REFUSED:
		return true;
	case NETCHECK_SILENT:
	case NETCHECK_NO_NAME:
	case NETCHECK_NO_ROUTE:
	case NETCHECK_WRONG:
	case NETCHECK_FAILED:
		return false;
	}
	UNREACHABLE();
}

static struct summary summarise(const struct netcheck_facts *facts)
{
	/* Most people have IPv4 only, so its NAT is what counts where there is one. */
	const struct nat_probe_result *nat =
		&facts->nat[facts->nat[0].mapped.family == ADDR_NONE ? 1 : 0];
	struct summary s = {.stun_asked = facts->stun_count > 0,
		.udp = netcheck_has_udp(facts),
		.relay_asked = facts->relay_count > 0,
		.hub = facts->hub.state == NETCHECK_OK,
		.public6 = facts->nat[1].mapping == DISCOVERY_NONE,
		.mapping = nat->mapping,
		.filtering = nat->filtering};
	for (size_t i = 0; i < facts->relay_count; i++) {
		bool works = facts->relays[i].state == NETCHECK_OK;
		bool udp = facts->relays[i].server.transport == TURN_OVER_UDP;
		s.relay_udp |= works && udp;
		s.relay_stream |= works && !udp;
	}
	for (size_t i = 0; i < NETCHECK_PORTS; i++)
		s.tcp |= is_answered(facts->ports[i].state);
	s.tcp |= s.relay_stream || (s.hub && facts->hub.url[0]);
	return s;
}

static void say(struct netcheck_verdict *verdict, const char *line)
{
	CHECK(verdict->count < NETCHECK_LINES_MAX);
	verdict->lines[verdict->count++] = line;
}

/* ---- The parts ---- */

static const char *direct_with_nat(const struct summary *s)
{
	bool lets_in = s->filtering == DISCOVERY_NONE ||
		       s->filtering == DISCOVERY_ENDPOINT_INDEPENDENT ||
		       s->filtering == DISCOVERY_ADDRESS_DEPENDENT;
	switch (s->mapping) {
	case DISCOVERY_NONE:
	case DISCOVERY_ENDPOINT_INDEPENDENT:
		return lets_in ? "direct connections work with everybody who can use UDP"
			       : "direct connections work with most people; with those behind a "
				 "symmetric NAT a relay is needed";
	case DISCOVERY_ADDRESS_DEPENDENT:
	case DISCOVERY_ADDRESS_AND_PORT_DEPENDENT:
		return "this NAT is symmetric: direct connections work with people who are public "
		       "or whose NAT is open; with most homes a relay is needed";
	case DISCOVERY_UNKNOWN:
		return "UDP works, but one STUN server with one address cannot tell what the NAT "
		       "does; add another with --stun HOST:PORT, or to [stun] in config.ini";
	}
	UNREACHABLE();
}

static const char *without_udp(const struct summary *s)
{
	if (s->relay_udp)
		return "no STUN server answers, but a relay does over UDP: connections go through "
		       "the relay at least";
	if (s->relay_stream)
		return "UDP is blocked: only through a relay over TCP or TLS, or direct TLS to "
		       "people who are public";
	if (s->tcp && s->stun_asked)
		return "UDP is blocked, or every STUN server is down: only direct TLS to people "
		       "who are public is left";
	if (s->stun_asked)
		return NULL;
	return "no STUN server is configured, so it cannot be told whether UDP works and what the "
	       "NAT does; add one with --stun HOST:PORT, or 'server = HOST:PORT' to [stun] in "
	       "config.ini";
}

static const char *about_relays(const struct netcheck_facts *facts, const struct summary *s)
{
	if (s->relay_udp || s->relay_stream)
		return "a relay works: whoever cannot be reached directly is reached through it";
	if (s->relay_asked)
		return "no relay works: the line of each says why";
	if (facts->hub.url[0] && !facts->is_node_running)
		return "no relay is in config.ini; the hub may name some, which are checked while "
		       "'dpc up' runs";
	return "no relay is configured; where direct connections do not work, add a TURN server to "
	       "[turn] in config.ini";
}

static const char *about_hub(const struct netcheck_facts *facts)
{
	if (!facts->hub.url[0])
		return "no hub is configured: only people with a known dpc:// address can be met; "
		       "'dpc login --hub URL' joins one";
	if (facts->hub.state == NETCHECK_OK)
		return NULL;
	return "the hub does not answer: only people with a known dpc:// address can be met until "
	       "it does";
}

struct netcheck_verdict netcheck_judge(const struct netcheck_facts *facts)
{
	struct netcheck_verdict verdict = {0};
	struct summary s = summarise(facts);
	bool any_server = s.stun_asked || s.relay_asked || facts->hub.url[0];
	bool has_address = facts->has_ipv4 || facts->has_ipv6;
	/* Without anybody to ask, the others of one's own network may be there. */
	verdict.is_possible = s.udp || s.tcp || s.relay_udp || (!any_server && has_address);
	if (facts->hub.captive)
		say(&verdict,
			"something on the way answers in the place of the hub, as the login page "
			"of a network does: open a web page in a browser and log in first");
	if (!verdict.is_possible) {
		if (!has_address)
			say(&verdict,
				"this machine has no address: it is not connected to a network");
		else if (!facts->hub.captive)
			say(&verdict,
				"nothing answers: this machine is offline, everything is blocked, "
				"or the servers are down");
		if (facts->dns_is_dead)
			say(&verdict, "no name could be looked up: the name server (DNS) does not "
				      "answer");
		return verdict;
	}
	const char *lines[] = {s.udp ? direct_with_nat(&s) : without_udp(&s),
		about_relays(facts, &s), about_hub(facts)};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (lines[i])
			say(&verdict, lines[i]);
	}
	if (s.public6 && facts->nat[0].mapping != DISCOVERY_NONE)
		say(&verdict,
			"over IPv6 there is no NAT: direct connections work with everybody who has "
			"IPv6 too");
	if (facts->dns_is_dead)
		say(&verdict, "no name could be looked up: the name server (DNS) does not answer");
	return verdict;
}

const char *netcheck_state_name(enum netcheck_state state)
{
	static const char *const names[] = {
		[NETCHECK_SILENT] = "silent",
		[NETCHECK_OK] = "ok",
		[NETCHECK_NO_NAME] = "no_name",
		[NETCHECK_NO_ROUTE] = "no_route",
		[NETCHECK_REFUSED] = "refused",
		[NETCHECK_WRONG] = "wrong",
		[NETCHECK_FAILED] = "failed",
	};
	CHECK((size_t)state < sizeof names / sizeof names[0]);
	return names[state];
}
