/* Keys of providers, and signatures by them. */
#include "test.h"

#include "hub/jwks.h"
#include "jwt_forge.h"

static struct bytes message = {(const uint8_t *)"what was signed", 15};

static struct jwks parse(const char *a, const char *b)
{
	struct jwks keys;
	char *text = text_format("{\"keys\":[%s,%s]}", a, b);
	assert_ok(jwks_parse(bytes_of_text(text), &keys));
	free(text);
	return keys;
}

static void each_algorithm_is_checked_with_its_kind_of_key(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum jws_algorithm algorithm;
		bool is_rsa;
	} cases[] = {{"RS256", JWS_RS256, true}, {"PS256", JWS_PS256, true},
		{"ES256", JWS_ES256, false}};
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	char *first = jwk_of(rsa, ",\"kid\":\"r\",\"use\":\"sig\""),
	     *second = jwk_of(ec, ",\"kid\":\"e\",\"alg\":\"ES256\"");
	struct jwks keys = parse(first, second);
	assert_int_equal(keys.count, 2);
	for (size_t i = 0; i < 3; i++) {
		uint8_t signature[1024];
		EVP_PKEY *key = cases[i].is_rsa ? rsa : ec;
		const char *id = cases[i].is_rsa ? "r" : "e", *other = cases[i].is_rsa ? "e" : "r";
		enum jws_algorithm parsed;
		assert_true(jws_algorithm_parse(cases[i].name, &parsed));
		assert_int_equal(parsed, cases[i].algorithm);
		size_t size = jws_sign(key, cases[i].name, message, signature);
		struct bytes good = bytes_of(signature, size);
		assert_ok(jwks_verify(&keys, id, parsed, message, good));
		assert_ok(jwks_verify(&keys, NULL, parsed, message, good));
		assert_err(jwks_verify(&keys, "x", parsed, message, good), ERR_NOT_FOUND);
		assert_err(jwks_verify(&keys, other, parsed, message, good), ERR_NOT_FOUND);
		assert_err(jwks_verify(&keys, id, parsed, bytes_of_text("other"), good),
			ERR_UNTRUSTED);
		assert_err(jwks_verify(&keys, id, parsed, message, bytes_of(signature, size - 1)),
			ERR_UNTRUSTED);
		assert_err(jwks_verify(&keys, id, parsed, message, bytes_of(signature, 0)),
			ERR_UNTRUSTED);
		signature[size / 2] ^= 1;
		assert_err(jwks_verify(&keys, id, parsed, message, good), ERR_UNTRUSTED);
	}
	/* One algorithm's signature is none of another's, though the key be the same. */
	uint8_t signature[1024];
	size_t size = jws_sign(rsa, "RS256", message, signature);
	assert_err(jwks_verify(&keys, "r", JWS_PS256, message, bytes_of(signature, size)),
		ERR_UNTRUSTED);
	jwks_deinit(&keys);
	jwks_deinit(&keys);
	free(first);
	free(second);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
}

static void other_algorithms_have_no_name_here(void **state)
{
	(void)state;
	static const char *const names[] = {
		"none", "HS256", "HS384", "RS512", "ES384", "EdDSA", "rs256", "RS256 ", ""};
	enum jws_algorithm algorithm;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_false(jws_algorithm_parse(names[i], &algorithm));
}

static void keys_that_are_of_no_use_are_left_out(void **state)
{
	(void)state;
	static const char *const others[] = {"{\"kty\":\"oct\",\"k\":\"AAAA\"}",
		"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AAAA\",\"y\":\"AAAA\"}",
		/* No point of the curve. */
		"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":"
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
		"\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}",
		"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "{\"kty\":\"RSA\"}",
		"{\"kty\":1}", "{}", "1"};
	struct jwks keys;
	EVP_PKEY *good = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024);
	char *first = jwk_of(good, "");
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		keys = parse(others[i], first);
		assert_int_equal(keys.count, 1);
		jwks_deinit(&keys);
	}
	static const char *const members[] = {
		",\"use\":\"enc\"", ",\"alg\":\"RS256\"", ",\"alg\":\"RSA-OAEP\"", ",\"kid\":1"};
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		char *other = jwk_of(good, members[i]);
		keys = parse(other, first);
		assert_int_equal(keys.count, 1);
		jwks_deinit(&keys);
		free(other);
	}
	char *other = jwk_of(weak, "");
	keys = parse(other, first);
	assert_int_equal(keys.count, 1);
	jwks_deinit(&keys);
	free(other);
	free(first);
	EVP_PKEY_free(good);
	EVP_PKEY_free(weak);
}

static void only_so_many_keys_count(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct buffer text = buffer_with_max(JWKS_SIZE_MAX);
	struct jwks keys;
	char *jwk = jwk_of(key, "");
	assert_ok(buffer_append_text(&text, "{\"keys\":["));
	for (size_t i = 0; i <= JWKS_KEYS_MAX; i++)
		assert_ok(buffer_append_format(&text, "%s,", jwk));
	assert_ok(buffer_append_format(&text, "%s]}", jwk));
	assert_ok(jwks_parse(buffer_bytes(&text), &keys));
	assert_int_equal(keys.count, JWKS_KEYS_MAX);
	jwks_deinit(&keys);
	buffer_deinit(&text);
	free(jwk);
	EVP_PKEY_free(key);
}

static void what_is_no_set_of_keys_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "x", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
		"{\"keys\":[{}]}", "{\"keys\":[]} x"};
	struct jwks keys;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_err(jwks_parse(bytes_of_text(texts[i]), &keys), ERR_MALFORMED);
	char *large = calloc(1, JWKS_SIZE_MAX + 2);
	memset(large, ' ', JWKS_SIZE_MAX + 1);
	assert_err(jwks_parse(bytes_of_text(large), &keys), ERR_MALFORMED);
	free(large);
}

TESTS(TEST(each_algorithm_is_checked_with_its_kind_of_key),
	TEST(other_algorithms_have_no_name_here), TEST(keys_that_are_of_no_use_are_left_out),
	TEST(only_so_many_keys_count), TEST(what_is_no_set_of_keys_is_refused))
