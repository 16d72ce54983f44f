/* Which way a link goes, and why not a better one, in words. */
#include "test.h"

#include "node/link_route.h"

static const struct turn_uri over_tls = {"turn.example", 443, TURN_OVER_TLS};
static const struct turn_uri over_udp = {"turn.example", 3478, TURN_OVER_UDP};

static struct addr addr_of(const char *text)
{
	struct addr addr;
	assert_true(addr_parse(text, &addr));
	return addr;
}

/* A path through a relay of ours where everything would allow a direct one. */
static struct link_route_facts relayed(const struct turn_uri *relay)
{
	return (struct link_route_facts){.known = true,
		.remote = addr_of("192.0.2.7:40122"),
		.local_type = "relay",
		.remote_type = "srflx",
		.relay = relay,
		.common_family = true,
		.own_addresses = 2,
		.peer_addresses = 2,
		.asks_stun = true,
		.stun_answers = true};
}

static void a_direct_path_is_shown_with_its_kind_and_family(void **state)
{
	(void)state;
	struct link_route route;
	struct link_route_facts facts = {.known = true,
		.remote = addr_of("192.0.2.7:40122"),
		.local_type = "host",
		.remote_type = "srflx",
		.nat = DISCOVERY_ENDPOINT_INDEPENDENT};
	link_route_of(&facts, &route);
	assert_true(route.known);
	assert_false(route.relayed);
	assert_string_equal(route.text, "direct 192.0.2.7:40122 (srflx, IPv4)");
	facts.remote.transport = ADDR_TCP;
	link_route_of(&facts, &route);
	assert_string_equal(route.text, "direct 192.0.2.7:40122 (srflx, IPv4, TCP)");
	assert_null(route.why);
	assert_int_equal(route.nat, DISCOVERY_ENDPOINT_INDEPENDENT);
	facts.remote = addr_of("[2001:db8::7]:1");
	facts.remote_type = "host";
	link_route_of(&facts, &route);
	assert_string_equal(route.text, "direct [2001:db8::7]:1 (host, IPv6)");
	facts.tls = true;
	link_route_of(&facts, &route);
	assert_string_equal(route.text, "direct TLS [2001:db8::7]:1 (IPv6)");
	assert_int_equal(route.nat, DISCOVERY_UNKNOWN);
}

static void without_a_path_nothing_is_said(void **state)
{
	(void)state;
	struct link_route route;
	struct link_route_facts facts = {.local_type = "", .remote_type = ""};
	link_route_of(&facts, &route);
	assert_false(route.known);
	assert_false(route.relayed);
	assert_string_equal(route.text, "");
	json_t *description = link_route_describe(&route);
	assert_true(json_is_null(description));
	json_decref(description);
}

static void a_relay_is_named_and_told_from_one_of_the_peer(void **state)
{
	(void)state;
	struct link_route route;
	struct link_route_facts facts = relayed(&over_tls);
	link_route_of(&facts, &route);
	assert_true(route.relayed);
	assert_false(route.relay_of_peer);
	assert_string_equal(route.text, "relay turn.example:443/tls");
	assert_string_equal(route.relay, "turn.example:443/tls");
	facts.remote_type = "relay";
	link_route_of(&facts, &route);
	assert_string_equal(route.text, "relay turn.example:443/tls and one of the peer");
	facts.local_type = "host";
	facts.relay = NULL;
	link_route_of(&facts, &route);
	assert_true(route.relayed);
	assert_true(route.relay_of_peer);
	assert_string_equal(route.text, "relay of the peer 192.0.2.7:40122");
	assert_string_equal(route.relay, "");
	/* One that has just gone. */
	facts = relayed(NULL);
	link_route_of(&facts, &route);
	assert_string_equal(route.text, "relay");
}

static const char *why(const struct link_route_facts *facts)
{
	struct link_route route;
	link_route_of(facts, &route);
	assert_non_null(route.why);
	return route.why;
}

static void the_reason_against_a_direct_path_is_the_surest(void **state)
{
	(void)state;
	struct link_route_facts facts = relayed(&over_udp);
	assert_string_equal(
		why(&facts), "no direct way worked: a NAT is symmetric, or a firewall blocks UDP");
	facts.nat = DISCOVERY_ENDPOINT_INDEPENDENT;
	assert_string_equal(why(&facts), "no direct way worked: the peer's NAT is symmetric, or a "
					 "firewall blocks UDP");
	facts.nat = DISCOVERY_ADDRESS_AND_PORT_DEPENDENT;
	assert_string_equal(why(&facts), "no direct way worked: the NAT here is symmetric");
	/* UDP that reaches the relay is not blocked. */
	facts.stun_answers = false;
	assert_string_equal(why(&facts), "no direct way worked: the NAT here is symmetric");
	facts.relay = &over_tls;
	assert_string_equal(why(&facts), "UDP is blocked here: no STUN server answers");
	facts.common_family = false;
	assert_string_equal(
		why(&facts), "no address family in common: one side has IPv4 only, the other IPv6");
	facts.own_addresses = 0;
	assert_string_equal(why(&facts), "this node has no address of its own to show");
	facts.peer_addresses = 0;
	assert_string_equal(why(&facts), "the peer shows no address of its own");
	facts.searching = true;
	assert_string_equal(why(&facts), "direct ways are still being tried");
	facts.policy = STORE_POLICY_RELAY_ONLY;
	assert_string_equal(why(&facts), "the policy is relay-only");
}

static void every_text_fits_its_place(void **state)
{
	(void)state;
	struct link_route route;
	struct turn_uri longest = {.port = 65535, .transport = TURN_OVER_TLS};
	memset(longest.host, 'x', URI_HOST_MAX);
	struct link_route_facts facts = relayed(&longest);
	facts.remote = addr_of("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	facts.remote_type = "relay";
	link_route_of(&facts, &route);
	assert_non_null(strstr(route.text, ":65535/tls and one of the peer"));
	json_t *description = link_route_describe(&route);
	assert_string_equal(json_string_value(json_object_get(description, "relay_of")), "node");
	assert_string_equal(json_string_value(json_object_get(description, "why")), route.why);
	json_decref(description);
}

TESTS(TEST(a_direct_path_is_shown_with_its_kind_and_family), TEST(without_a_path_nothing_is_said),
	TEST(a_relay_is_named_and_told_from_one_of_the_peer),
	TEST(the_reason_against_a_direct_path_is_the_surest), TEST(every_text_fits_its_place))
