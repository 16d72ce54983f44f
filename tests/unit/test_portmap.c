/* What a router says is believed, or refused with a reason. Routers that are real are in the lab.
 */
#include "net/portmap.h"

#include "test.h"

static const struct {
	const char *name, *external, *reason; /* NULL: it is believed */
	uint16_t port;
	uint32_t lifetime_s;
	bool is_permanent;
	int code;
	int64_t seconds; /* that it is believed for */
} cases[] = {
	{"as asked", "203.0.113.7", NULL, 40000, 3600, .seconds = 3600},
	{"shorter", "203.0.113.7", NULL, 40000, 60, .seconds = 60},
	{"for ever", "203.0.113.7", NULL, 40000, 0, .is_permanent = true, .seconds = 3600},
	{"absurdly long", "203.0.113.7", NULL, 40000, UINT32_MAX, .seconds = 86400},
	{"absurdly short", "203.0.113.7", "for 59 s only", 40000, 59, .code = 0},
	{"for no time", "203.0.113.7", "for 0 s only", 40000, 0, .code = 0},
	{"port 0", "203.0.113.7", "to port 0", 0, 3600, .code = 0},
	{"refused", "203.0.113.7", "refuses port 5000 (718)", 40000, 3600, .code = 718},
	{"without a word", "203.0.113.7", "does not answer", 0, 0, .code = GATEWAY_NO_ANSWER},
	{"private", "10.0.0.1", "behind another NAT", 40000, 3600, .code = 0},
	{"private too", "192.168.1.1", "behind another NAT", 40000, 3600, .code = 0},
	{"of a carrier", "100.64.0.1", "behind another NAT", 40000, 3600, .code = 0},
	{"of a carrier at its end", "100.127.255.255", "behind another NAT", 40000, 3600,
		.code = 0},
	{"beside the carrier's", "100.128.0.1", NULL, 40000, 3600, .seconds = 3600},
	{"loopback", "127.0.0.1", "behind another NAT", 40000, 3600, .code = 0},
	{"link-local", "169.254.1.1", "behind another NAT", 40000, 3600, .code = 0},
	{"none", "0.0.0.0", "which is none", 40000, 3600, .code = 0},
	{"multicast", "224.0.0.1", "which is none", 40000, 3600, .code = 0},
	{"broadcast", "255.255.255.255", "which is none", 40000, 3600, .code = 0},
	{"IPv6", "2001:db8::1", "which is none", 40000, 3600, .code = 0},
};

static void what_a_router_says_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char reason[NET_PORTMAP_REASON_MAX];
		struct gateway_job job = {.count = 1,
			.ports = {{.internal = 5000,
				.external = cases[i].port,
				.lifetime_s = cases[i].lifetime_s,
				.is_permanent = cases[i].is_permanent,
				.code = cases[i].code}}};
		assert_true(addr_parse_ip(cases[i].external, 0, &job.external));
		usec lifetime = net_portmap_judge(&job, 0, reason);
		if (lifetime != cases[i].seconds * USEC_PER_SEC)
			fail_msg("%s: believed for %lld us", cases[i].name, (long long)lifetime);
		if (cases[i].reason ? !strstr(reason, cases[i].reason) : reason[0])
			fail_msg("%s: '%s'", cases[i].name, reason);
	}
}

/* A router behind another NAT maps what is of no use, and forgets it only when told so. */
static void what_a_router_keeps_is_known_though_it_is_not_believed(void **state)
{
	(void)state;
	char reason[NET_PORTMAP_REASON_MAX];
	struct gateway_job job = {.protocol = GATEWAY_UPNP,
		.count = 2,
		.ports = {{.internal = 5000, .code = 718},
			{.internal = 5001, .external = 5001, .is_permanent = true}}};
	assert_true(addr_parse_ip("10.0.0.1", 0, &job.external));
	assert_int_equal(net_portmap_judge(&job, 1, reason), 0);
	assert_true(net_portmap_holds(&job));
	job.ports[1].is_permanent = false;
	assert_false(net_portmap_holds(&job));
	job.ports[1].lifetime_s = 3600;
	assert_true(net_portmap_holds(&job));
	job.ports[1].code = GATEWAY_NO_ANSWER;
	assert_false(net_portmap_holds(&job));
	job.ports[1].code = 0;
	job.protocol = GATEWAY_NONE;
	assert_false(net_portmap_holds(&job));
}

static void no_more_ports_than_the_limit(void **state)
{
	(void)state;
	struct net_portmap *portmap;
	struct net_portmap_port ports[NET_PORTMAP_PORTS_MAX + 1] = {0};
	struct net_portmap_config config = {.ports = ports, .count = NET_PORTMAP_PORTS_MAX + 1};
	assert_err(net_portmap_create(NULL, &config, &portmap), ERR_LIMIT);
}

TESTS(TEST(what_a_router_says_is_judged),
	TEST(what_a_router_keeps_is_known_though_it_is_not_believed),
	TEST(no_more_ports_than_the_limit))
