#include "test.h"

#include <stdio.h>

#include "web/url.h"

static void a_url_is_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *path, *authority;
		unsigned port;
		bool is_secure;
	} cases[] = {
		{"ws://h", "h", "/", "h", 80, false},
		{"wss://h.example/ws/signal?x=1", "h.example", "/ws/signal?x=1", "h.example", 443,
			true},
		{"http://127.0.0.1:8080/a", "127.0.0.1", "/a", "127.0.0.1:8080", 8080, false},
		{"https://[::1]:1?q", "::1", "/?q", "[::1]:1", 1, true},
		{"https://[2001:db8::1]", "2001:db8::1", "/", "[2001:db8::1]", 443, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct url url;
		assert_ok(url_parse(cases[i].text, &url));
		assert_string_equal(url.host, cases[i].host);
		assert_string_equal(url.path, cases[i].path);
		assert_string_equal(url.authority, cases[i].authority);
		assert_int_equal(url.port, cases[i].port);
		assert_int_equal(url.is_secure, cases[i].is_secure);
	}
}

static void what_is_none_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"ws://", "ws:///x", "ws://h:0", "ws://h:65536",
		"ws://h:x", "ws://u@h", "ws://h/#f", "ws://h/a b", "ws://[::1", "ws://[]",
		"ws://[::1]x", "ws://h/\x7f"};
	struct url url;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(url_parse(cases[i], &url), ERR_MALFORMED);
	assert_err(url_parse("ftp://h", &url), ERR_UNSUPPORTED);
	assert_err(url_parse("h", &url), ERR_UNSUPPORTED);
	char text[URL_PATH_MAX + 64];
	snprintf(text, sizeof text, "ws://h/%0*d", URL_PATH_MAX, 0);
	assert_err(url_parse(text, &url), ERR_MALFORMED);
	snprintf(text, sizeof text, "ws://%0*d", URL_HOST_MAX, 0);
	assert_err(url_parse(text, &url), ERR_MALFORMED);
}

static void a_part_is_encoded_so_that_it_stays_one(void **state)
{
	(void)state;
	struct buffer text = buffer_with_max(64);
	assert_ok(buffer_append_text(&text, "?q="));
	assert_ok(url_append_encoded(&text, "aZ0-._~"));
	assert_ok(url_append_encoded(&text, " &=+#%/\xc3\xa9\n"));
	assert_string_equal(buffer_text(&text), "?q=aZ0-._~%20%26%3D%2B%23%25%2F%C3%A9%0A");
	assert_err(url_append_encoded(&text, "#########"), ERR_LIMIT);
	buffer_deinit(&text);
}

TESTS(TEST(a_url_is_taken_apart), TEST(what_is_none_is_refused),
	TEST(a_part_is_encoded_so_that_it_stays_one))
