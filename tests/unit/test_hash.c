#include "crypto/hash.h"
#include "base/text.h"

#include "crypto/openssl.h"
#include "test.h"

#include <openssl/hmac.h>

static void assert_hex(const uint8_t *data, size_t size, const char *expected)
{
	char text[2 * SHA256_SIZE + 1];
	hex_encode(bytes_of(data, size), text);
	assert_string_equal(text, expected);
}

static void sha256_of_known_messages(void **state)
{
	(void)state;
	uint8_t digest[SHA256_SIZE];
	hash_sha256((struct bytes){0}, digest);
	assert_hex(digest, sizeof digest,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_sha256(bytes_of_text("abc"), digest);
	assert_hex(digest, sizeof digest,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void parts_hash_as_their_concatenation(void **state)
{
	(void)state;
	const struct bytes parts[] = {bytes_of_text("a"), {0}, bytes_of_text("bc")};
	uint8_t digest[SHA256_SIZE];
	hash_sha256_parts(parts, 3, digest);
	assert_hex(digest, sizeof digest,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256_parts(NULL, 0, digest);
	assert_hex(digest, sizeof digest,
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 6455 section 1.3. */
static void the_key_of_a_handshake_is_accepted_as_in_the_standard(void **state)
{
	(void)state;
	uint8_t digest[SHA1_SIZE];
	hash_sha1(bytes_of_text("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
		digest);
	assert_hex(digest, sizeof digest, "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

/* RFC 4231 test case 2, RFC 2202 test case 2. */
static void macs_of_the_rfcs(void **state)
{
	(void)state;
	struct bytes key = bytes_of_text("Jefe"),
		     message = bytes_of_text("what do ya want for nothing?");
	uint8_t mac[SHA256_SIZE];
	hash_hmac_sha256(key, message, mac);
	assert_hex(mac, SHA256_SIZE,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_hmac_sha1(key, message, mac);
	assert_hex(mac, SHA1_SIZE, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

static void an_empty_key_is_not_the_key_from_before(void **state)
{
	(void)state;
	uint8_t mac[SHA256_SIZE];
	hash_hmac_sha256(bytes_of_text("Jefe"), bytes_of_text("x"), mac);
	hash_hmac_sha256((struct bytes){0}, (struct bytes){0}, mac);
	assert_hex(mac, SHA256_SIZE,
		"b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* Ours beside libcrypto's, around the size of a block. */
static void macs_are_those_of_libcrypto_for_keys_of_every_size(void **state)
{
	(void)state;
	uint8_t key[200], message[300], mac[SHA256_SIZE], expected[SHA256_SIZE];
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)(i * 13 + 1);
	for (size_t size = 1; size <= sizeof key; size++) {
		struct bytes k = bytes_of(key, size), m = bytes_of(message, 3 * size / 2);
		hash_hmac_sha1(k, m, mac);
		assert_non_null(HMAC(EVP_sha1(), key, (int)size, m.data, m.size, expected, NULL));
		assert_memory_equal(mac, expected, SHA1_SIZE);
		hash_hmac_sha256(k, m, mac);
		assert_non_null(HMAC(EVP_sha256(), key, (int)size, m.data, m.size, expected, NULL));
		assert_memory_equal(mac, expected, SHA256_SIZE);
	}
}

static void md5_for_turn(void **state)
{
	(void)state;
	uint8_t digest[MD5_SIZE];
	hash_md5(bytes_of_text("user:realm:pass"), digest);
	assert_hex(digest, MD5_SIZE, "8493fbc53ba582fb4c044c456bdc40eb");
}

static void secrets_compare_and_vanish(void **state)
{
	(void)state;
	assert_true(secret_equal((struct bytes){0}, (struct bytes){0}));
	assert_true(secret_equal(bytes_of_text("abc"), bytes_of_text("abc")));
	assert_false(secret_equal(bytes_of_text("abc"), bytes_of_text("abd")));
	assert_false(secret_equal(bytes_of_text("abc"), bytes_of_text("ab")));
	char secret[4] = "abc";
	secret_cleanse(secret, sizeof secret);
	assert_memory_equal(secret, "\0\0\0\0", 4);
}

TESTS(TEST(sha256_of_known_messages), TEST(parts_hash_as_their_concatenation),
	TEST(the_key_of_a_handshake_is_accepted_as_in_the_standard), TEST(macs_of_the_rfcs),
	TEST(an_empty_key_is_not_the_key_from_before),
	TEST(macs_are_those_of_libcrypto_for_keys_of_every_size), TEST(md5_for_turn),
	TEST(secrets_compare_and_vanish))
