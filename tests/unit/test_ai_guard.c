#include "node/ai_guard.h"

#include "test.h"

static const struct config open_to_all;
static const struct config with_token = {.ai_token = "secret"};
static const struct config with_origins = {
	.ai_origins = {"http://a.example", "app://b"}, .ai_origin_count = 2};

static void programs_of_this_machine_may_and_pages_may_not(void **state)
{
	(void)state;
	static const struct {
		const struct config *config;
		struct ai_guard_headers headers;
		const char *code; /* NULL: it may */
	} cases[] = {
		{&open_to_all, {.host = "127.0.0.1:11435"}, NULL},
		{&open_to_all, {.host = "LocalHost"}, NULL},
		{&open_to_all, {.host = "[::1]:1"}, NULL},
		{&open_to_all, {.host = NULL}, "host"},
		{&open_to_all, {.host = ""}, "host"},
		{&open_to_all, {.host = "127.0.0.1.example"}, "host"},
		{&open_to_all, {.host = "localhost.example:80"}, "host"},
		{&open_to_all, {.host = "192.168.0.1"}, "host"},
		{&open_to_all, {.host = "localhost", .origin = "http://a.example"}, "origin"},
		{&open_to_all, {.host = "localhost", .origin = "null"}, "origin"},
		{&open_to_all, {.host = "localhost", .origin = "http://localhost"}, "origin"},
		{&open_to_all, {.host = "localhost", .fetch_site = "cross-site"}, "origin"},
		{&open_to_all, {.host = "localhost", .fetch_site = "same-site"}, "origin"},
		{&open_to_all, {.host = "localhost", .fetch_site = "none"}, NULL},
		{&with_origins, {.host = "localhost", .origin = "app://b"}, NULL},
		{&with_origins,
			{.host = "localhost",
				.origin = "http://a.example",
				.fetch_site = "cross-site"},
			NULL},
		{&with_origins, {.host = "localhost", .origin = "http://a.example:80"}, "origin"},
		{&with_origins, {.host = "evil.example", .origin = "app://b"}, "host"},
		{&with_token, {.host = "localhost"}, "token"},
		{&with_token, {.host = "localhost", .authorization = "Bearer secret"}, NULL},
		{&with_token, {.host = "localhost", .authorization = "Bearer secret2"}, "token"},
		{&with_token, {.host = "localhost", .authorization = "Bearer "}, "token"},
		{&with_token, {.host = "localhost", .authorization = "secret"}, "token"},
		{&with_token, {.host = "localhost", .is_preflight = true}, NULL},
		{&with_token,
			{.host = "localhost", .origin = "http://a.example", .is_preflight = true},
			"origin"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ai_guard_refusal refusal =
			ai_guard_check(cases[i].config, &cases[i].headers);
		if (!cases[i].code) {
			assert_int_equal(refusal.status, 0);
			continue;
		}
		assert_int_equal(refusal.status, strcmp(cases[i].code, "token") == 0 ? 401 : 403);
		assert_string_equal(refusal.code, cases[i].code);
	}
}

TESTS(TEST(programs_of_this_machine_may_and_pages_may_not))
