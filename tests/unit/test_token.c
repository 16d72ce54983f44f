/* Access tokens, and the attacks on JSON Web Tokens that RFC 8725 lists. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "crypto/hash.h"
#include "hub/limits.h"
#include "hub/token.h"

#define NOW INT64_C(1800000000)
#define SESSION "00112233445566778899aabbccddeeff"
#define NODE "dpc-node-0123456789abcdef"

#define KEY "00000000000000aa"
#define OLD_KEY "00000000000000bb"

static const struct token_keys keys = {
	.keys = {{.id = KEY, .secret = "0123456789abcdef0123456789abcde"},
		{.id = OLD_KEY, .secret = "fedcba9876543210fedcba987654321", .retires = NOW + 100}},
	.count = 2};
static const struct store_session session = {.id = SESSION, .user_id = 42, .node_id = NODE};

/* A token of any header and payload, rightly signed with our secret. */
static char *forge(const char *header, const char *payload)
{
	uint8_t mac[SHA256_SIZE];
	char *first = base64url_encode(bytes_of_text(header));
	char *second = base64url_encode(bytes_of_text(payload));
	char *signed_text = text_format("%s.%s", first, second);
	hash_hmac_sha256(
		bytes_of(keys.keys[0].secret, TOKEN_KEY_SIZE), bytes_of_text(signed_text), mac);
	char *third = base64url_encode(bytes_of(mac, sizeof mac));
	char *token = text_format("%s.%s", signed_text, third);
	free(first);
	free(second);
	free(third);
	free(signed_text);
	return token;
}

#define KID ",\"kid\":\"" KEY "\"}"
#define GOOD_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"" KID
#define PAYLOAD(iss, aud, typ, sub, jti, iat, exp)                                                 \
	"{\"iss\":" iss ",\"aud\":" aud ",\"typ\":" typ ",\"sub\":" sub ",\"jti\":" jti            \
	",\"iat\":" iat ",\"exp\":" exp ",\"node_id\":\"" NODE "\"}"
#define GOOD_PAYLOAD                                                                               \
	PAYLOAD("\"dpc-hub\"", "\"dpc-hub\"", "\"access\"", "\"42\"", "\"" SESSION ".1\"",         \
		"1800000000", "1800001800")

static void a_token_says_what_it_was_issued_for(void **state)
{
	(void)state;
	struct token_claims claims;
	char *token = token_issue(&keys, &session, NOW);
	char *again = token_issue(&keys, &session, NOW);
	assert_string_not_equal(token, again);
	assert_ok(token_check(&keys, token, NOW, &claims));
	assert_int_equal(claims.session.user_id, 42);
	assert_string_equal(claims.session.node_id, NODE);
	assert_string_equal(claims.session.id, SESSION);
	assert_int_equal(claims.issued, NOW);
	assert_int_equal(claims.expires, NOW + ACCESS_TOKEN_LIFETIME_S);
	free(token);
	free(again);
}

static void a_token_has_its_time(void **state)
{
	(void)state;
	struct token_claims claims;
	char *token = token_issue(&keys, &session, NOW);
	assert_ok(token_check(&keys, token, NOW + ACCESS_TOKEN_LIFETIME_S - 1, &claims));
	assert_err(token_check(&keys, token, NOW + ACCESS_TOKEN_LIFETIME_S, &claims), ERR_EXPIRED);
	assert_ok(token_check(&keys, token, NOW - TOKEN_FUTURE_MAX_S, &claims));
	assert_err(token_check(&keys, token, NOW - TOKEN_FUTURE_MAX_S - 1, &claims), ERR_EXPIRED);
	free(token);
}

static void another_secret_makes_another_signature(void **state)
{
	(void)state;
	struct token_claims claims;
	struct token_keys other = keys;
	other.keys[0].secret[31] ^= 1;
	char *token = token_issue(&other, &session, NOW);
	assert_err(token_check(&keys, token, NOW, &claims), ERR_UNTRUSTED);
	free(token);
}

static void only_our_algorithm_is_taken(void **state)
{
	(void)state;
	static const char *const headers[] = {"{\"alg\":\"none\",\"typ\":\"JWT\"" KID,
		"{\"alg\":\"None\"" KID, "{\"alg\":\"hs256\"" KID, "{\"alg\":\"HS384\"" KID,
		"{\"alg\":\"HS512\"" KID, "{\"alg\":\"RS256\",\"typ\":\"JWT\"" KID,
		"{\"alg\":\"ES256\"" KID, "{\"alg\":\"PS256\"" KID, "{\"alg\":1" KID,
		"{\"typ\":\"JWT\"" KID, "{}", "[]", "", "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"" KID,
		"{\"alg\":\"HS256\",\"crit\":[\"x\"]" KID,
		"{\"alg\":\"HS256\",\"alg\":\"none\"" KID};
	struct token_claims claims;
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		char *token = forge(headers[i], GOOD_PAYLOAD);
		assert_err(token_check(&keys, token, NOW, &claims), ERR_UNTRUSTED);
		free(token);
	}
	char *good = forge(GOOD_HEADER, GOOD_PAYLOAD);
	assert_ok(token_check(&keys, good, NOW, &claims));
	free(good);
}

static void a_signature_cannot_be_left_out(void **state)
{
	(void)state;
	static const char *const headers[] = {"{\"alg\":\"none\"" KID, GOOD_HEADER};
	struct token_claims claims;
	for (size_t i = 0; i < 2; i++) {
		char *token = forge(headers[i], GOOD_PAYLOAD);
		*(strrchr(token, '.') + 1) = 0;
		assert_err(token_check(&keys, token, NOW, &claims), ERR_UNTRUSTED);
		*strrchr(token, '.') = 0;
		assert_err(token_check(&keys, token, NOW, &claims), ERR_UNTRUSTED);
		free(token);
	}
}

static void every_claim_is_compared(void **state)
{
	(void)state;
	static const struct {
		const char *payload;
		enum err err;
	} cases[] = {
#define CASE(err, ...) {PAYLOAD(__VA_ARGS__), err}
#define HUB "\"dpc-hub\""
#define KIND "\"access\""
#define ID "\"" SESSION ".1\""
		CASE(ERR_OK, HUB, HUB, KIND, "\"42\"", ID, "1800000000", "1800001800"),
		CASE(ERR_MISMATCH, "\"x\"", HUB, KIND, "\"42\"", ID, "1800000000", "1800001800"),
		CASE(ERR_MISMATCH, HUB, "\"x\"", KIND, "\"42\"", ID, "1800000000", "1800001800"),
		CASE(ERR_MISMATCH, HUB, "[\"dpc-hub\"]", KIND, "\"42\"", ID, "1800000000",
			"1800001800"),
		CASE(ERR_MISMATCH, HUB, HUB, "\"refresh\"", "\"42\"", ID, "1800000000",
			"1800001800"),
		CASE(ERR_MISMATCH, HUB, HUB, KIND, "\"-42\"", ID, "1800000000", "1800001800"),
		CASE(ERR_MISMATCH, HUB, HUB, KIND, "42", ID, "1800000000", "1800001800"),
		CASE(ERR_MISMATCH, HUB, HUB, KIND, "\"42\"", "\"short.1\"", "1800000000",
			"1800001800"),
		CASE(ERR_MISMATCH, HUB, HUB, KIND, "\"42\"", "null", "1800000000", "1800001800"),
		CASE(ERR_EXPIRED, HUB, HUB, KIND, "\"42\"", ID, "1800000000", "1800000000"),
		CASE(ERR_EXPIRED, HUB, HUB, KIND, "\"42\"", ID, "1800000000", "null"),
		CASE(ERR_EXPIRED, HUB, HUB, KIND, "\"42\"", ID, "null", "1800001800"),
		CASE(ERR_EXPIRED, HUB, HUB, KIND, "\"42\"", ID, "1800000000", "9000000000"),
		CASE(ERR_EXPIRED, HUB, HUB, KIND, "\"42\"", ID, "1800000000", "\"1800001800\""),
	};
	struct token_claims claims;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *token = forge(GOOD_HEADER, cases[i].payload);
		assert_err(token_check(&keys, token, NOW, &claims), cases[i].err);
		free(token);
	}
}

static void what_is_no_token_is_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"", ".", "..", "...", "a.b.c", "a", "\xff.\xff.\xff"};
	struct token_claims claims;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(token_check(&keys, cases[i], NOW, &claims), ERR_UNTRUSTED);
	char *large = calloc(1, TOKEN_SIZE_MAX + 2);
	memset(large, 'a', TOKEN_SIZE_MAX + 1);
	assert_err(token_check(&keys, large, NOW, &claims), ERR_MALFORMED);
	free(large);
}

/* The key is looked up by its name among ours, and only while it counts. */
static void the_key_is_one_of_ours(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum err err;
	} cases[] = {{GOOD_HEADER, ERR_OK}, {"{\"alg\":\"HS256\"}", ERR_UNTRUSTED},
		{"{\"alg\":\"HS256\",\"kid\":\"\"}", ERR_NOT_FOUND},
		{"{\"alg\":\"HS256\",\"kid\":\"00000000000000cc\"}", ERR_NOT_FOUND},
		{"{\"alg\":\"HS256\",\"kid\":\"" OLD_KEY "\"}", ERR_UNTRUSTED},
		{"{\"alg\":\"HS256\",\"kid\":\"" KEY "00\"}", ERR_UNTRUSTED},
		{"{\"alg\":\"HS256\",\"kid\":1}", ERR_UNTRUSTED},
		{"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", ERR_NOT_FOUND},
		{"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}" KID, ERR_OK}};
	struct token_claims claims;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *token = forge(cases[i].header, GOOD_PAYLOAD);
		assert_err(token_check(&keys, token, NOW, &claims), cases[i].err);
		free(token);
	}
}

static void an_older_key_counts_until_it_retires(void **state)
{
	(void)state;
	struct token_claims claims;
	struct token_keys before = keys;
	before.keys[0] = keys.keys[1];
	before.count = 1;
	char *token = token_issue(&before, &session, NOW);
	assert_ok(token_check(&keys, token, NOW + 99, &claims));
	assert_err(token_check(&keys, token, NOW + 100, &claims), ERR_NOT_FOUND);
	free(token);
}

static void a_token_that_is_not_valid_yet_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *begin;
		enum err err;
	} cases[] = {{"1800000060", ERR_OK}, {"1800000061", ERR_EXPIRED}};
	struct token_claims claims;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *payload = text_format("{\"nbf\":%s,%s", cases[i].begin, &GOOD_PAYLOAD[1]);
		char *token = forge(GOOD_HEADER, payload);
		assert_err(token_check(&keys, token, NOW, &claims), cases[i].err);
		free(token);
		free(payload);
	}
}

TESTS(TEST(a_token_says_what_it_was_issued_for), TEST(a_token_has_its_time),
	TEST(another_secret_makes_another_signature), TEST(only_our_algorithm_is_taken),
	TEST(a_signature_cannot_be_left_out), TEST(every_claim_is_compared),
	TEST(what_is_no_token_is_refused), TEST(the_key_is_one_of_ours),
	TEST(an_older_key_counts_until_it_retires), TEST(a_token_that_is_not_valid_yet_is_refused))
