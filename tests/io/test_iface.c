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
	TEST(loopback_comes_when_asked_for), TEST(the_mtu_is_that_of_the_widest_interface),
	TEST(no_more_than_asked_for))
