#include "message/uri.h"

#include "test.h"

#define ID "dpc-node-0123456789abcdef"
#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void well_formed_addresses_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host;
		unsigned port;
		const char *key, *again;
	} cases[] = {
		{"dpc://192.0.2.7:8889?node_id=" ID "&key=" KEY, "192.0.2.7", 8889, KEY, NULL},
		{"dpc://example.org?node_id=" ID, "example.org", 8888, "",
			"dpc://example.org:8888?node_id=" ID},
		{"dpc://example.org/?x=1&node_id=" ID "&y", "example.org", 8888, "",
			"dpc://example.org:8888?node_id=" ID},
		{"DPC://[2001:db8::1]:1?node_id=" ID, "2001:db8::1", 1, "",
			"dpc://[2001:db8::1]:1?node_id=" ID},
		{"dpc://[::1]?node_id=" ID, "::1", 8888, "", "dpc://[::1]:8888?node_id=" ID},
		{"dpc://"
		 "h:65535?key=0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"
		 "&node_id=" ID,
			"h", 65535, KEY, "dpc://h:65535?node_id=" ID "&key=" KEY},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct uri uri;
		char text[URI_TEXT_MAX];
		assert_ok(uri_parse(cases[i].text, &uri));
		assert_string_equal(uri.host, cases[i].host);
		assert_int_equal(uri.port, cases[i].port);
		assert_string_equal(uri.node_id, ID);
		assert_string_equal(uri.key, cases[i].key);
		assert_ok(uri_format(&uri, text, sizeof text));
		assert_string_equal(text, cases[i].again ? cases[i].again : cases[i].text);
	}
}

static void ill_formed_addresses_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "dpc:", "dpc://", "http://h?node_id=" ID, "dpc://h",
		"dpc://h?", "dpc://?node_id=" ID, "dpc://:1?node_id=" ID, "dpc://h:?node_id=" ID,
		"dpc://h:0?node_id=" ID, "dpc://h:65536?node_id=" ID, "dpc://h:+1?node_id=" ID,
		"dpc://h:1:2?node_id=" ID, "dpc://::1?node_id=" ID, "dpc://[::1?node_id=" ID,
		"dpc://[::1]1?node_id=" ID, "dpc://[h]?node_id=" ID,
		"dpc://[192.0.2.1]?node_id=" ID, "dpc://[]?node_id=" ID, "dpc://a..b?node_id=" ID,
		"dpc://.a?node_id=" ID, "dpc://-a?node_id=" ID, "dpc://a@b?node_id=" ID,
		"dpc://h/path?node_id=" ID, "dpc://h?node_id=" ID "&node_id=" ID,
		"dpc://h?node_id=" ID "&key=" KEY "&key=" KEY, "dpc://h?node_id=dpc-node-0123",
		"dpc://h?node_id=", "dpc://h?node_id=" ID "&key=", "dpc://h?node_id=" ID "&key=00",
		"dpc://h?node_id=" ID "#", "dpc://h ?node_id=" ID, "dpc://h?node_id=" ID "\n",
		"dpc://h\xc3\xa9?node_id=" ID,
		/* an id that is not the beginning of the key */
		"dpc://h?node_id=dpc-node-1123456789abcdef&key=" KEY};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct uri uri;
		assert_err(uri_parse(texts[i], &uri), ERR_MALFORMED);
	}
}

static void lengths_are_limited(void **state)
{
	(void)state;
	char text[URI_TEXT_MAX + 1];
	struct uri uri;
	memset(text, 'a', sizeof text);
	memcpy(text, "dpc://h?node_id=" ID "&x=", 44);
	text[URI_TEXT_MAX] = 0;
	assert_err(uri_parse(text, &uri), ERR_TOO_LARGE);
	text[URI_TEXT_MAX - 1] = 0;
	assert_ok(uri_parse(text, &uri));
	assert_err(uri_format(&uri, text, 20), ERR_TOO_LARGE);

	char name[URI_HOST_MAX + 2], host[URI_HOST_MAX + 1];
	uint16_t port;
	memset(name, 'a', sizeof name);
	assert_err(
		uri_parse_host_port(bytes_of(name, URI_HOST_MAX + 1), 1, host, sizeof host, &port),
		ERR_MALFORMED);
	assert_ok(uri_parse_host_port(bytes_of(name, URI_HOST_MAX), 1, host, sizeof host, &port));
	assert_err(uri_parse_host_port(bytes_of(name, 10), 1, host, 10, &port), ERR_MALFORMED);
}

static void what_is_no_address_is_not_written(void **state)
{
	(void)state;
	char text[URI_TEXT_MAX];
	static const struct uri uris[] = {{.host = "", .port = 1, .node_id = ID},
		{.host = "h", .port = 0, .node_id = ID}, {.host = "h", .port = 1, .node_id = "bob"},
		{.host = "h", .port = 1, .node_id = ID, .key = "12"}};
	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
		assert_err(uri_format(&uris[i], text, sizeof text), ERR_MALFORMED);
	assert_true(uri_is("dpc://"));
	assert_false(uri_is("dpc:/"));
}

TESTS(TEST(well_formed_addresses_are_understood), TEST(ill_formed_addresses_are_refused),
	TEST(lengths_are_limited), TEST(what_is_no_address_is_not_written))
