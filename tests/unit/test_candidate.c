#include "ice/candidate.h"

#include <stdio.h>

#include "test.h"

static enum err parse(const char *text, struct ice_candidate *ret_candidate)
{
	return ice_candidate_parse(bytes_of_text(text), ret_candidate);
}

static void lines_of_browsers_and_others_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *addr, *base, *foundation;
		enum ice_type type;
		uint32_t priority;
		enum ice_tcp tcp;
	} cases[] = {
		{"candidate:1 1 udp 2130706431 192.0.2.1 4000 typ host", "192.0.2.1:4000", "none:0",
			"1", ICE_HOST, 2130706431, ICE_TCP_NONE},
		{"candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0",
			"192.0.2.1:9", "none:0", "1", ICE_HOST, 1518280447, ICE_TCP_ACTIVE},
		{"candidate:2 1 TCP 2105458943 2001:db8::7 443 typ host tcptype passive",
			"[2001:db8::7]:443", "none:0", "2", ICE_HOST, 2105458943, ICE_TCP_PASSIVE},
		{"a=candidate:842163049 1 UDP 1677729535 203.0.113.5 46154 typ srflx raddr "
		 "10.0.0.1 "
		 "rport 46154 generation 0 ufrag EEtu network-id 3 network-cost 10",
			"203.0.113.5:46154", "10.0.0.1:46154", "842163049", ICE_SERVER_REFLEXIVE,
			1677729535, ICE_TCP_NONE},
		{"candidate:a+/Z9 1 udp 1 2001:db8::5 9 typ relay raddr :: rport 0",
			"[2001:db8::5]:9", "[::]:0", "a+/Z9", ICE_RELAYED, 1, ICE_TCP_NONE},
		{"candidate:0123456789abcdef0123456789abcdef 1 udp 2 ::ffff:10.1.2.3 9 typ prflx "
		 "raddr "
		 "hidden.local rport 5",
			"10.1.2.3:9", "none:0", "0123456789abcdef0123456789abcdef",
			ICE_PEER_REFLEXIVE, 2, ICE_TCP_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ice_candidate c;
		char text[ADDR_TEXT_MAX];
		assert_ok(parse(cases[i].text, &c));
		assert_string_equal(addr_text(&c.addr, text), cases[i].addr);
		assert_string_equal(addr_text(&c.base, text), cases[i].base);
		assert_string_equal(c.foundation, cases[i].foundation);
		assert_int_equal(c.type, cases[i].type);
		assert_int_equal(c.priority, cases[i].priority);
		assert_int_equal(c.tcp, cases[i].tcp);
		assert_int_equal(c.addr.transport, c.tcp ? ADDR_TCP : ADDR_UDP);
	}
}

static void what_is_well_formed_but_not_ours_is_told_apart(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"candidate:1 2 udp 2130706431 192.0.2.1 4000 typ host",
		"candidate:1 1 tcp 2130706431 192.0.2.1 4000 typ host tcptype so",
		"candidate:1 1 tcp 2130706431 192.0.2.1 4000 typ host",
		"candidate:1 1 sctp 2130706431 192.0.2.1 4000 typ host tcptype passive",
		("candidate:1 1 udp 2130706431 5f7a4a2e-7c1b-4b2e-9d52-0123456789ab.local 4000 typ "
		 "host"),
		"candidate:1 1 udp 2130706431 192.0.2.1 4000 typ quantum",
		"candidate:1 1 udp 2130706431 192.0.2.1 0 typ host",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ice_candidate c;
		assert_err(parse(cases[i], &c), ERR_UNSUPPORTED);
	}
}

static void malformed_lines_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"a=",
		"candidate:",
		"candidate",
		"candidat:1 1 udp 1 192.0.2.1 1 typ host",
		"candidate: 1 udp 1 192.0.2.1 1 typ host",
		"candidate:1 1 udp 1 192.0.2.1 1 typ",
		"candidate:1 1 udp 1 192.0.2.1 1 type host",
		"candidate:1 1 udp 1 192.0.2.1 1",
		"candidate:1 0 udp 1 192.0.2.1 1 typ host",
		"candidate:1 257 udp 1 192.0.2.1 1 typ host",
		"candidate:1 1 udp 0 192.0.2.1 1 typ host",
		"candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
		"candidate:1 1 udp -1 192.0.2.1 1 typ host",
		"candidate:1 1 udp 1 192.0.2.1 65536 typ host",
		"candidate:1-2 1 udp 1 192.0.2.1 1 typ host",
		"candidate:0123456789abcdef0123456789abcdef0 1 udp 1 192.0.2.1 1 typ host",
		"candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr",
		"candidate:1 1 udp 1 192.0.2.1 1 typ srflx rport x",
		"candidate:1 1 tcp 1 192.0.2.1 1 typ host tcptype",
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ice_candidate c;
		assert_err(parse(cases[i], &c), ERR_MALFORMED);
	}
}

static void a_line_over_the_limit_is_refused(void **state)
{
	(void)state;
	char text[ICE_CANDIDATE_TEXT_MAX + 1];
	struct ice_candidate c;
	int size = snprintf(text, sizeof text, "candidate:1 1 udp 1 192.0.2.1 1 typ host x ");
	memset(text + size, 'y', sizeof text - (size_t)size);
	assert_ok(ice_candidate_parse(bytes_of(text, ICE_CANDIDATE_TEXT_MAX - 1), &c));
	assert_err(ice_candidate_parse(bytes_of(text, ICE_CANDIDATE_TEXT_MAX), &c), ERR_MALFORMED);
}

static void what_is_written_parses_back(void **state)
{
	(void)state;
	static const struct {
		const char *addr, *base;
		enum ice_type type;
		const char *text;
		enum ice_tcp tcp;
	} cases[] = {
		{"192.0.2.1:4000", "192.0.2.1:4000", ICE_HOST,
			"candidate:7 1 udp 2130706431 192.0.2.1 4000 typ host", ICE_TCP_NONE},
		{"192.0.2.1:4000", "192.0.2.1:4000", ICE_HOST,
			"candidate:7 1 tcp 2130706431 192.0.2.1 4000 typ host tcptype passive",
			ICE_TCP_PASSIVE},
		{"192.0.2.1:9", "192.0.2.1:9", ICE_HOST,
			"candidate:7 1 tcp 2130706431 192.0.2.1 9 typ host tcptype active",
			ICE_TCP_ACTIVE},
		{"203.0.113.1:5", "10.0.0.1:6", ICE_SERVER_REFLEXIVE,
			"candidate:7 1 tcp 1694498815 203.0.113.1 5 typ srflx raddr 10.0.0.1 rport "
			"6 tcptype passive",
			ICE_TCP_PASSIVE},
		{"203.0.113.1:5", "10.0.0.1:6", ICE_SERVER_REFLEXIVE,
			"candidate:7 1 udp 1694498815 203.0.113.1 5 typ srflx raddr 10.0.0.1 rport "
			"6",
			ICE_TCP_NONE},
		{"[fe80::1%3]:5", "[fe80::1%3]:5", ICE_HOST,
			"candidate:7 1 udp 2130706431 fe80::1 5 typ host", ICE_TCP_NONE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ice_candidate c = {.type = cases[i].type,
			.tcp = cases[i].tcp,
			.priority = ice_candidate_priority(cases[i].type, 65535)};
		struct ice_candidate back;
		char text[ICE_CANDIDATE_TEXT_MAX];
		assert_true(addr_parse(cases[i].addr, &c.addr));
		assert_true(addr_parse(cases[i].base, &c.base));
		c.foundation[0] = '7';
		ice_candidate_format(&c, text);
		assert_string_equal(text, cases[i].text);
		assert_ok(parse(text, &back));
		assert_int_equal(back.type, c.type);
		assert_int_equal(back.tcp, c.tcp);
		assert_int_equal(back.priority, c.priority);
	}
}

static void priorities_order_the_types(void **state)
{
	(void)state;
	/* RFC 8445 section 5.1.2.1 with the recommended preferences. */
	assert_int_equal(ice_candidate_priority(ICE_HOST, 65535), 2130706431);
	assert_int_equal(ice_candidate_priority(ICE_PEER_REFLEXIVE, 65535), 1862270975);
	assert_int_equal(ice_candidate_priority(ICE_SERVER_REFLEXIVE, 65535), 1694498815);
	assert_int_equal(ice_candidate_priority(ICE_RELAYED, 65535), 16777215);
	assert_string_equal(ice_type_name(ICE_SERVER_REFLEXIVE), "srflx");
}

/* RFC 6544 section 4.2. */
static void tcp_comes_between_udp_and_relays(void **state)
{
	(void)state;
	uint16_t active = ice_tcp_local_preference(ICE_TCP_ACTIVE, ICE_TCP_OTHER_MAX);
	uint16_t passive = ice_tcp_local_preference(ICE_TCP_PASSIVE, ICE_TCP_OTHER_MAX);
	assert_int_equal(active, 6 * 8192 + 8191);
	assert_int_equal(passive, 4 * 8192 + 8191);
	uint32_t best = ice_candidate_priority_tcp(ICE_HOST, active);
	assert_int_equal(best, 90u << 24 | 57343u << 8 | 255);
	assert_true(best > ice_candidate_priority_tcp(ICE_HOST, passive));
	assert_true(best < ice_candidate_priority(ICE_SERVER_REFLEXIVE, 0));
	assert_true(ice_candidate_priority_tcp(ICE_PEER_REFLEXIVE, 0) >
		    ice_candidate_priority(ICE_RELAYED, UINT16_MAX));
}

TESTS(TEST(lines_of_browsers_and_others_parse),
	TEST(what_is_well_formed_but_not_ours_is_told_apart), TEST(malformed_lines_are_refused),
	TEST(a_line_over_the_limit_is_refused), TEST(what_is_written_parses_back),
	TEST(priorities_order_the_types), TEST(tcp_comes_between_udp_and_relays))
