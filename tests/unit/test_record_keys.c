/* The key block, against values computed with HMAC of another library. */
#include "dtls/record_keys.h"

#include "base/text.h"
#include "test.h"

static const struct {
	uint16_t suite;
	const char *client_key, *server_key, *client_salt, *server_salt;
} cases[] = {
	{0xc02b, "de62d3ee5dc8b42d2f657afce5c1a5bd", "07033d2a02facf4db7c22ce88bf3cca3", "5f352e46",
		"b91ee32d"},
	{0xc02c, "2df9d6055794d3c919f265a64be20e36531b6c808ce08bd7d5d8e219524579d0",
		"1f4ccfad325acca3ca0b05d6db158d68c6eb35277fe2e12273c0cccee39a4e53", "e8534ed7",
		"6aaad589"},
	{0xcca9, "de62d3ee5dc8b42d2f657afce5c1a5bd07033d2a02facf4db7c22ce88bf3cca3",
		"5f352e46b91ee32d419c4f53c604599625ee4e7a5eb33026440c206cf046931b",
		"15997d79a841d73916832493", "177294f30b8d166c80af4fdb"},
};

static void assert_hex(const uint8_t *data, const char *expected)
{
	char text[2 * SUITE_KEY_MAX + 1];
	hex_encode(bytes_of(data, strlen(expected) / 2), text);
	assert_string_equal(text, expected);
}

static void keys_are_those_of_the_specification(void **state)
{
	(void)state;
	struct record_secret secret;
	for (uint8_t i = 0; i < MASTER_SECRET_SIZE; i++)
		secret.master[i] = i;
	for (uint8_t i = 0; i < HELLO_RANDOM_SIZE; i++) {
		secret.client_random[i] = (uint8_t)(100 + i);
		secret.server_random[i] = (uint8_t)(200 + i);
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct record_keys keys;
		const struct suite *suite = suite_find(cases[i].suite);
		assert_non_null(suite);
		assert_ok(record_keys_derive(suite, &secret, &keys));
		assert_hex(keys.client.key, cases[i].client_key);
		assert_hex(keys.server.key, cases[i].server_key);
		assert_hex(keys.client.salt, cases[i].client_salt);
		assert_hex(keys.server.salt, cases[i].server_salt);
		assert_int_equal(2 * suite->key_size, strlen(cases[i].client_key));
		assert_int_equal(2 * suite->salt_size, strlen(cases[i].client_salt));
	}
}

TESTS(TEST(keys_are_those_of_the_specification))
