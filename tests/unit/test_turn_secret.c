#include "hub/turn_secret.h"

#include "test.h"

/* coturn publishes no example; these are what `openssl dgst -sha1 -hmac SECRET -binary | base64`
 * says of the user name, as in coturn's own description of it. That coturn agrees is in
 * tests/system/test_relay.py. */
static void the_password_is_the_mac_of_the_user_name(void **state)
{
	(void)state;
	static const struct {
		const char *secret, *node_id, *username, *password;
		int64_t expiry;
	} cases[] = {
		{"secret-of-the-relay", "dpc-node-0123456789abcdef",
			"1700000000:dpc-node-0123456789abcdef",
			"DR7O+eCSIwZHLKwXi/PLjIWl954=", 1700000000},
		{"x", "dpc-node-ffffffffffffffff", "0:dpc-node-ffffffffffffffff",
			"+UaGT7SQJa2g90YW3PtmQy7l7dA=", 0},
		/* A secret beyond the block size of SHA-1, the last second, the longer node id. */
		{"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk",
			"dpc-node-0123456789abcdef0123456789abcdef",
			"9223372036854775807:dpc-node-0123456789abcdef0123456789abcdef",
			"g9YEyFE/0aVfQy0pi4orpGCV2t0=", INT64_MAX},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct turn_credentials credentials;
		assert_ok(turn_secret_make(
			cases[i].secret, cases[i].expiry, cases[i].node_id, &credentials));
		assert_string_equal(credentials.username, cases[i].username);
		assert_string_equal(credentials.password, cases[i].password);
	}
}

static void another_time_node_or_secret_is_another_password(void **state)
{
	(void)state;
	static const char node[] = "dpc-node-0123456789abcdef";
	struct turn_credentials first, other;
	assert_ok(turn_secret_make("secret", 1000, node, &first));
	assert_ok(turn_secret_make("secret", 1001, node, &other));
	assert_string_not_equal(first.password, other.password);
	assert_ok(turn_secret_make("secret", 1000, "dpc-node-0123456789abcdee", &other));
	assert_string_not_equal(first.password, other.password);
	assert_ok(turn_secret_make("secres", 1000, node, &other));
	assert_string_equal(first.username, other.username);
	assert_string_not_equal(first.password, other.password);
}

TESTS(TEST(the_password_is_the_mac_of_the_user_name),
	TEST(another_time_node_or_secret_is_another_password))
