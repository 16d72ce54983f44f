#include "node/netcheck_verdict.h"

#include <string.h>

#include "test.h"

#define EI DISCOVERY_ENDPOINT_INDEPENDENT
#define AD DISCOVERY_ADDRESS_DEPENDENT
#define APD DISCOVERY_ADDRESS_AND_PORT_DEPENDENT

enum { NO_HUB, HUB_OK, HUB_DEAD, HUB_CAPTIVE };
enum { NO_STUN, STUN_OK, STUN_SILENT };
enum { NO_RELAY, RELAY_BY_UDP, RELAY_BY_TLS, RELAY_BROKEN };

struct situation {
	const char *name;
	int stun, relay, hub;
	enum discovery_behaviour mapping, filtering;
	bool offline, tcp, public6, dns_is_dead, running;
	bool possible;
	/* Beginnings of the lines, in order and all of them. */
	const char *lines[NETCHECK_LINES_MAX];
};

#define NO_RELAY_LINE "no relay is configured"
#define RELAY_LINE "a relay works"
#define NO_HUB_LINE "no hub is configured"

static const struct situation situations[] = {
	{"a usual home", STUN_OK, NO_RELAY, NO_HUB, EI, APD, .possible = true,
		.lines = {"direct connections work with most people", NO_RELAY_LINE, NO_HUB_LINE}},
	{"a usual home with everything", STUN_OK, RELAY_BY_UDP, HUB_OK, EI, APD, .possible = true,
		.lines = {"direct connections work with most people", RELAY_LINE}},
	{"full cone", STUN_OK, RELAY_BY_UDP, HUB_OK, EI, EI, .possible = true,
		.lines = {"direct connections work with everybody", RELAY_LINE}},
	{"address-restricted", STUN_OK, RELAY_BY_UDP, HUB_OK, EI, AD, .possible = true,
		.lines = {"direct connections work with everybody", RELAY_LINE}},
	{"public", STUN_OK, RELAY_BY_UDP, HUB_OK, DISCOVERY_NONE, DISCOVERY_NONE, .possible = true,
		.lines = {"direct connections work with everybody", RELAY_LINE}},
	{"public behind a firewall", STUN_OK, RELAY_BY_UDP, HUB_OK, DISCOVERY_NONE, APD,
		.possible = true, .lines = {"direct connections work with most", RELAY_LINE}},
	{"symmetric", STUN_OK, RELAY_BY_UDP, HUB_OK, APD, APD, .possible = true,
		.lines = {"this NAT is symmetric", RELAY_LINE}},
	{"symmetric by address, without a relay", STUN_OK, NO_RELAY, HUB_OK, AD, APD,
		.running = true, .possible = true,
		.lines = {"this NAT is symmetric", NO_RELAY_LINE}},
	{"symmetric with IPv6", STUN_OK, RELAY_BY_UDP, HUB_OK, APD, APD, .public6 = true,
		.possible = true,
		.lines = {"this NAT is symmetric", RELAY_LINE, "over IPv6 there is no NAT"}},
	{"one server with one address", STUN_OK, NO_RELAY, HUB_OK, .running = true,
		.possible = true, .lines = {"UDP works, but one STUN server", NO_RELAY_LINE}},
	{"no UDP, but TLS", STUN_SILENT, RELAY_BY_TLS, HUB_OK, .tcp = true, .possible = true,
		.lines = {"UDP is blocked: only through a relay over TCP or TLS", RELAY_LINE}},
	{"no UDP, and no relay", STUN_SILENT, NO_RELAY, HUB_OK, .running = true, .possible = true,
		.lines = {"UDP is blocked, or every STUN server is down", NO_RELAY_LINE}},
	{"STUN is dead and the relay not", STUN_SILENT, RELAY_BY_UDP, HUB_OK, .possible = true,
		.lines = {"no STUN server answers, but a relay does", RELAY_LINE}},
	{"the password of the relay is wrong", STUN_OK, RELAY_BROKEN, HUB_OK, EI, APD,
		.possible = true,
		.lines = {"direct connections work with most people", "no relay works"}},
	{"the hub is away", STUN_OK, RELAY_BY_UDP, HUB_DEAD, EI, APD, .possible = true,
		.lines = {"direct connections work with most people", RELAY_LINE,
			"the hub does not answer"}},
	{"the hub is there alone", NO_STUN, NO_RELAY, HUB_OK, .running = true, .possible = true,
		.lines = {"no STUN server is configured", NO_RELAY_LINE}},
	{"the hub is there alone, and the node not", NO_STUN, NO_RELAY, HUB_OK, .possible = true,
		.lines = {"no STUN server is configured", "no relay is in config.ini"}},
	{"nothing is configured", NO_STUN, NO_RELAY, NO_HUB, .possible = true,
		.lines = {"no STUN server is configured", NO_RELAY_LINE, NO_HUB_LINE}},
	{"nothing is configured, and offline", NO_STUN, NO_RELAY, NO_HUB, .offline = true,
		.lines = {"this machine has no address"}},
	{"a captive portal, and all is blocked", STUN_SILENT, RELAY_BROKEN, HUB_CAPTIVE,
		.lines = {"something on the way answers in the place of the hub"}},
	{"a captive portal that lets UDP through", STUN_OK, NO_RELAY, HUB_CAPTIVE, EI, APD,
		.possible = true,
		.lines = {"something on the way answers", "direct connections work with most",
			"no relay is in config.ini", "the hub does not answer"}},
	{"everything is dead", STUN_SILENT, RELAY_BROKEN, HUB_DEAD, .lines = {"nothing answers"}},
	{"a port answers at least", STUN_SILENT, RELAY_BROKEN, HUB_DEAD, .tcp = true,
		.possible = true,
		.lines = {"UDP is blocked, or every STUN server is down", "no relay works",
			"the hub does not answer"}},
	{"no DNS", STUN_SILENT, NO_RELAY, HUB_DEAD, .dns_is_dead = true,
		.lines = {"nothing answers", "no name could be looked up"}},
	{"no DNS, but numbers work", STUN_OK, RELAY_BY_UDP, HUB_DEAD, EI, APD, .dns_is_dead = true,
		.possible = true,
		.lines = {"direct connections work with most people", RELAY_LINE,
			"the hub does not answer", "no name could be looked up"}},
	{"offline", STUN_SILENT, RELAY_BROKEN, HUB_DEAD, .offline = true,
		.lines = {"this machine has no address"}},
};

static struct netcheck_facts facts_of(const struct situation *s)
{
	struct netcheck_facts facts = {
		.has_ipv4 = !s->offline,
		.dns_is_dead = s->dns_is_dead,
		.is_node_running = s->running,
		.stun_count = s->stun != NO_STUN,
		.relay_count = s->relay != NO_RELAY,
	};
	if (s->stun == STUN_OK) {
		facts.stun[0].state = NETCHECK_OK;
		facts.nat[0] = (struct nat_probe_result){.mapped.family = ADDR_IPV4,
			.mapping = s->mapping,
			.filtering = s->filtering};
	}
	if (s->public6)
		facts.nat[1] = (struct nat_probe_result){.mapped.family = ADDR_IPV6,
			.mapping = DISCOVERY_NONE,
			.filtering = DISCOVERY_NONE};
	facts.relays[0].state = s->relay == RELAY_BROKEN ? NETCHECK_FAILED : NETCHECK_OK;
	facts.relays[0].server.transport = s->relay == RELAY_BY_TLS ? TURN_OVER_TLS : TURN_OVER_UDP;
	if (s->tcp)
		facts.ports[1].state = NETCHECK_REFUSED;
	if (s->hub != NO_HUB) {
		memcpy(facts.hub.url, "http://hub", 11);
		facts.hub.state = s->hub == HUB_OK ? NETCHECK_OK : NETCHECK_WRONG;
		facts.hub.captive = s->hub == HUB_CAPTIVE;
	}
	return facts;
}

static void every_situation_is_put_into_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++) {
		const struct situation *s = &situations[i];
		struct netcheck_facts facts = facts_of(s);
		struct netcheck_verdict verdict = netcheck_judge(&facts);
		size_t count = 0;
		for (; s->lines[count]; count++) {
			const char *said = count < verdict.count ? verdict.lines[count] : "";
			if (strncmp(said, s->lines[count], strlen(s->lines[count])) != 0)
				fail_msg(
					"%s: '%s' instead of '%s'", s->name, said, s->lines[count]);
		}
		if (count != verdict.count || verdict.is_possible != s->possible)
			fail_msg("%s: %zu lines instead of %zu, possible %d", s->name,
				verdict.count, count, verdict.is_possible);
	}
}

static void each_state_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(netcheck_state_name(NETCHECK_OK), "ok");
	assert_string_equal(netcheck_state_name(NETCHECK_FAILED), "failed");
	/* What has not come to anything is silent, not well. */
	assert_int_equal(NETCHECK_SILENT, 0);
}

TESTS(TEST(every_situation_is_put_into_words), TEST(each_state_has_a_name))
