#include "net/iface.h"

#include "net/limits.h"
#include "test.h"

static void there_is_always_an_address(void **state)
{
	(void)state;
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count = 0;
	assert_ok(net_iface_list(false, addrs, NET_IFACE_ADDRS_MAX, &count));
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		assert_false(addr_is_unspecified(&addrs[i]));
		assert_false(addr_is_link_local(&addrs[i]));
		assert_int_equal(addrs[i].port, 0);
		for (size_t j = 0; j < i; j++)
			assert_false(addr_same_ip(&addrs[i], &addrs[j]));
	}
}

static void addresses_that_reach_nobody_are_not_offered(void **state)
{
	(void)state;
	/* RFC 8445 section 5.1.1.1. */
	static const struct {
		const char *ip;
		bool usable;
	} cases[] = {{"192.0.2.1", true}, {"2001:db8::1", true}, {"fd00::1", true}, {"::1", true},
		{"0.0.0.0", false}, {"::", false}, {"169.254.1.1", false}, {"fe80::1", false},
		{"fec0::1", false}, {"feff::1", false}, {"ff02::1", false}, {"224.0.0.1", false},
		{"::192.0.2.1", false}, {"255.255.255.255", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct addr addr;
		assert_true(addr_parse_ip(cases[i].ip, 0, &addr));
		assert_int_equal(net_iface_is_usable(&addr), cases[i].usable);
	}
}

static void loopback_comes_when_asked_for(void **state)
{
	(void)state;
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count = 0;
	assert_ok(net_iface_list(true, addrs, NET_IFACE_ADDRS_MAX, &count));
	bool any = false;
	for (size_t i = 0; i < count; i++)
		any |= addr_is_loopback(&addrs[i]);
	assert_true(any);
}

static void the_mtu_is_that_of_the_widest_interface(void **state)
{
	(void)state;
	/* RFC 8200 section 5: every link of IPv6 carries 1,280; loopback has 65,536 here. */
	assert_true(net_iface_mtu(true) >= 1280);
	assert_true(net_iface_mtu(false) <= net_iface_mtu(true));
}

static void no_more_than_asked_for(void **state)
{
	(void)state;
	struct addr addr;
	size_t count = 9;
	assert_ok(net_iface_list(true, &addr, 1, &count));
	assert_int_equal(count, 1);
	assert_ok(net_iface_list(true, &addr, 0, &count));
	assert_int_equal(count, 0);
}

static void the_source_of_a_route_is_a_local_address(void **state)
{
	(void)state;
	struct addr remote, local;
	assert_true(addr_parse_ip("127.0.0.9", 3478, &remote));
	assert_ok(net_iface_source(&remote, &local));
	assert_true(addr_is_loopback(&local));
	assert_int_equal(local.port, 0);
}

TESTS(TEST(the_source_of_a_route_is_a_local_address), TEST(there_is_always_an_address),
	TEST(addresses_that_reach_nobody_are_not_offered), TEST(loopback_comes_when_asked_for),
	TEST(the_mtu_is_that_of_the_widest_interface), TEST(no_more_than_asked_for))
