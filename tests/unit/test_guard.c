#include "node/guard.h"

#include "test.h"

static const char names[][CONFIG_HOST_MAX + 1] = {"http://a.example", "app://b"};
static const struct guard_rules open_to_all = {.token = ""};
static const struct guard_rules with_token = {.token = "secret"};
static const struct guard_rules with_origins = {.token = "", .origins = names, .origin_count = 2};
static const struct guard_rules at_port = {.port = 4000, .token = ""};
static const struct guard_rules at_80 = {.port = 80, .token = ""};
static const struct guard_rules at_port_with_all = {
	.port = 4000, .token = "secret", .origins = names, .origin_count = 2};

static void programs_of_this_machine_may_and_pages_may_not(void **state)
{
	(void)state;
	static const struct {
		const struct guard_rules *rules;
		struct guard_headers headers;
		enum guard_verdict verdict;
	} cases[] = {
		{&open_to_all, {.host = "127.0.0.1:11435"}, GUARD_FINE},
		{&open_to_all, {.host = "LocalHost"}, GUARD_FINE},
		{&open_to_all, {.host = "[::1]:1"}, GUARD_FINE},
		{&open_to_all, {.host = NULL}, GUARD_HOST},
		{&open_to_all, {.host = ""}, GUARD_HOST},
		{&open_to_all, {.host = "127.0.0.1.example"}, GUARD_HOST},
		{&open_to_all, {.host = "localhost.example:80"}, GUARD_HOST},
		{&open_to_all, {.host = "192.168.0.1"}, GUARD_HOST},
		{&open_to_all, {.host = "localhost", .origin = "http://a.example"}, GUARD_ORIGIN},
		{&open_to_all, {.host = "localhost", .origin = "null"}, GUARD_ORIGIN},
		{&open_to_all, {.host = "localhost", .origin = "http://localhost"}, GUARD_ORIGIN},
		{&open_to_all, {.host = "localhost", .fetch_site = "cross-site"}, GUARD_ORIGIN},
		{&open_to_all, {.host = "localhost", .fetch_site = "same-site"}, GUARD_ORIGIN},
		{&open_to_all, {.host = "localhost", .fetch_site = "none"}, GUARD_FINE},
		{&open_to_all, {.host = "localhost", .token = "any"}, GUARD_FINE},
		{&with_origins, {.host = "localhost", .origin = "app://b"}, GUARD_FINE},
		{&with_origins,
			{.host = "localhost",
				.origin = "http://a.example",
				.fetch_site = "cross-site"},
			GUARD_FINE},
		{&with_origins, {.host = "localhost", .origin = "http://a.example:80"},
			GUARD_ORIGIN},
		{&with_origins, {.host = "evil.example", .origin = "app://b"}, GUARD_HOST},
		{&with_token, {.host = "localhost"}, GUARD_TOKEN},
		{&with_token, {.host = "localhost", .token = "secret"}, GUARD_FINE},
		{&with_token, {.host = "localhost", .token = "secret2"}, GUARD_TOKEN},
		{&with_token, {.host = "localhost", .token = "secre"}, GUARD_TOKEN},
		{&with_token, {.host = "localhost", .token = ""}, GUARD_TOKEN},
		{&with_token, {.host = "localhost", .is_preflight = true}, GUARD_FINE},
		{&with_token,
			{.host = "localhost", .origin = "http://a.example", .is_preflight = true},
			GUARD_ORIGIN},
		{&at_port, {.host = "127.0.0.1:4000"}, GUARD_FINE},
		{&at_port, {.host = "LOCALHOST:4000"}, GUARD_FINE},
		{&at_port, {.host = "[::1]:4000"}, GUARD_FINE},
		{&at_port, {.host = "127.0.0.1"}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:"}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:4001"}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:40000"}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:4000 "}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:4000.evil.example"}, GUARD_HOST},
		{&at_port, {.host = "127.0.0.1:69536"}, GUARD_HOST}, /* 4000 in 16 bits */
		{&at_port, {.host = "::1:4000"}, GUARD_HOST},
		{&at_port, {.host = "evil.example:4000"}, GUARD_HOST},
		{&at_port, {.host = "localhost:4000", .origin = "http://localhost:4000"},
			GUARD_FINE},
		{&at_port, {.host = "localhost:4000", .origin = "http://127.0.0.1:4000"},
			GUARD_FINE},
		{&at_port, {.host = "localhost:4000", .origin = "http://localhost:4001"},
			GUARD_ORIGIN},
		{&at_port, {.host = "localhost:4000", .origin = "http://localhost"}, GUARD_ORIGIN},
		{&at_port, {.host = "localhost:4000", .origin = "https://localhost:4000"},
			GUARD_ORIGIN},
		{&at_port, {.host = "localhost:4000", .origin = "localhost:4000"}, GUARD_ORIGIN},
		{&at_port, {.host = "localhost:4000", .origin = "null"}, GUARD_ORIGIN},
		{&at_port, {.host = "localhost:4000", .origin = ""}, GUARD_ORIGIN},
		{&at_80, {.host = "localhost", .origin = "http://localhost"}, GUARD_FINE},
		{&at_80, {.host = "localhost:80"}, GUARD_FINE},
		{&at_port_with_all,
			{.host = "localhost:4000", .origin = "app://b", .token = "secret"},
			GUARD_FINE},
		{&at_port_with_all, {.host = "localhost:4000", .origin = "app://b"}, GUARD_TOKEN},
		{&at_port_with_all,
			{.host = "localhost:4000", .origin = "app://c", .token = "secret"},
			GUARD_ORIGIN},
		{&at_port_with_all, {.host = "c.example", .origin = "app://b", .token = "secret"},
			GUARD_HOST},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(guard_check(cases[i].rules, &cases[i].headers), cases[i].verdict);
}

static void a_token_stands_behind_its_scheme(void **state)
{
	(void)state;
	assert_string_equal(guard_bearer("Bearer secret"), "secret");
	assert_string_equal(guard_bearer("Bearer "), "");
	assert_null(guard_bearer(NULL));
	assert_null(guard_bearer(""));
	assert_null(guard_bearer("Bearer"));
	assert_null(guard_bearer("Basic c2VjcmV0"));
	assert_null(guard_bearer("secret"));
}

TESTS(TEST(programs_of_this_machine_may_and_pages_may_not), TEST(a_token_stands_behind_its_scheme))
