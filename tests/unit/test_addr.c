#include "base/addr.h"

#include "test.h"

static void texts_round_trip(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"192.0.2.1:80", "[2001:db8::1]:65535", "0.0.0.0:0", "[::1]:8888", "[fe80::1%3]:9"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a;
		char text[ADDR_TEXT_MAX];
		assert_true(addr_parse(texts[i], &a));
		assert_string_equal(addr_text(&a, text), texts[i]);
	}
}

static void refuses_what_is_no_address(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "192.0.2.1", "192.0.2.1:65536",
		"192.0.2.1:", "2001:db8::1:80", "[192.0.2.1:80", "host:80", "[fe80::1%eth0]:9",
		"192.0.2.256:1"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct addr a;
		assert_false(addr_parse(texts[i], &a));
	}
}

static void mapped_ipv4_becomes_ipv4(void **state)
{
	(void)state;
	struct addr a;
	assert_true(addr_parse("[::ffff:192.0.2.1]:80", &a));
	assert_int_equal(a.family, ADDR_IPV4);
}

/* A TCP port and a UDP port of one number are two addresses. */
static void the_transport_is_part_of_an_address(void **state)
{
	(void)state;
	struct addr udp, tcp;
	assert_true(addr_parse("192.0.2.1:80", &udp));
	assert_int_equal(udp.transport, ADDR_UDP);
	tcp = udp;
	tcp.transport = ADDR_TCP;
	assert_false(addr_equal(&udp, &tcp));
	assert_true(addr_same_ip(&udp, &tcp));
	assert_false(path_equal(&(struct path){udp, udp}, &(struct path){udp, tcp}));
}

TESTS(TEST(texts_round_trip), TEST(refuses_what_is_no_address), TEST(mapped_ipv4_becomes_ipv4),
	TEST(the_transport_is_part_of_an_address))
