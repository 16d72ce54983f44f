/* Who a client is behind trusted proxies. */
#include "test.h"

#include "hub/forwarded.h"

static const char *client(const char *trusted, const char *address, const char *header)
{
	static char text[ADDR_TEXT_MAX];
	struct trusted_proxies proxies;
	struct addr addr;
	assert_true(trusted_proxies_parse(trusted, &proxies));
	assert_true(addr_parse_ip(address, 0, &addr));
	struct addr found = forwarded_client(&proxies, &addr, header);
	return addr_ip_text(&found, text);
}

static void a_client_is_believed_only_about_a_trusted_proxy(void **state)
{
	(void)state;
	static const struct {
		const char *trusted, *address, *header, *client;
	} cases[] = {
		{"", "192.0.2.1", NULL, "192.0.2.1"},
		{"", "127.0.0.1", "192.0.2.9", "127.0.0.1"},
		{"127.0.0.1", "192.0.2.1", "192.0.2.9", "192.0.2.1"},
		{"127.0.0.1", "127.0.0.1", NULL, "127.0.0.1"},
		{"127.0.0.1", "127.0.0.1", "", "127.0.0.1"},
		{"127.0.0.1", "127.0.0.1", "192.0.2.9", "192.0.2.9"},
		/* What stands before the client is what the client said. */
		{"127.0.0.1", "127.0.0.1", "198.51.100.1, 192.0.2.9", "192.0.2.9"},
		{"127.0.0.1, 10.0.0.1", "127.0.0.1", "192.0.2.9,10.0.0.1", "192.0.2.9"},
		{"127.0.0.1 10.0.0.1", "127.0.0.1", "10.0.0.1", "10.0.0.1"},
		{"127.0.0.1", "127.0.0.1", "192.0.2.9:4711", "192.0.2.9"},
		{"127.0.0.1", "127.0.0.1", "[2001:db8::1]:80", "2001:db8::1"},
		{"::1", "::1", " 2001:db8::2 ", "2001:db8::2"},
		{"127.0.0.1", "127.0.0.1", "nonsense", "127.0.0.1"},
		{"127.0.0.1", "127.0.0.1", "192.0.2.9, nonsense", "127.0.0.1"},
		{"127.0.0.1", "127.0.0.1", ",", "127.0.0.1"},
		{"127.0.0.1", "127.0.0.1", "192.0.2.9,", "127.0.0.1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_string_equal(client(cases[i].trusted, cases[i].address, cases[i].header),
			cases[i].client);
}

static void a_list_of_proxies_is_of_addresses_and_not_too_long(void **state)
{
	(void)state;
	struct trusted_proxies proxies;
	assert_false(trusted_proxies_parse("proxy.example", &proxies));
	assert_false(trusted_proxies_parse("10.0.0.0/8", &proxies));
	assert_true(trusted_proxies_parse(
		"10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8",
		&proxies));
	assert_int_equal(proxies.count, TRUSTED_PROXIES_MAX);
	assert_false(trusted_proxies_parse("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 "
					   "10.0.0.7 10.0.0.8 10.0.0.9",
		&proxies));
}

TESTS(TEST(a_client_is_believed_only_about_a_trusted_proxy),
	TEST(a_list_of_proxies_is_of_addresses_and_not_too_long))
