/* Id tokens, rightly and wrongly made. */
#include "test.h"

#include "crypto/hash.h"
#include "hub/id_token.h"
#include "jwt_forge.h"

#define NOW INT64_C(1800000000)
#define ISSUER "https://issuer.example"
#define HEADER(alg) "{\"alg\":\"" alg "\",\"kid\":\"e\",\"typ\":\"JWT\"}"
#define CLAIMS(iss, aud, exp, iat, nonce, more)                                                    \
	"{\"iss\":" iss ",\"aud\":" aud ",\"exp\":" exp ",\"iat\":" iat ",\"nonce\":" nonce        \
	",\"sub\":\"alice\"" more "}"
#define ISS "\"" ISSUER "\""
#define AUD "\"hub\""
#define NONCE "\"n\""
#define EXP "1800000300"
#define IAT "1800000000"
#define GOOD CLAIMS(ISS, AUD, EXP, IAT, NONCE, "")

static const struct id_token_wanted wanted = {
	.issuer = ISSUER, .client_id = "hub", .nonce = "n", .algorithms = JWS_RS256 | JWS_ES256};

struct world {
	EVP_PKEY *rsa, *ec;
	struct jwks keys;
	char *rsa_jwk;
};

static struct world start(void)
{
	struct world w = {.rsa = EVP_RSA_gen(2048), .ec = EVP_EC_gen("P-256")};
	w.rsa_jwk = jwk_of(w.rsa, ",\"kid\":\"r\"");
	char *second = jwk_of(w.ec, ",\"kid\":\"e\"");
	char *text = text_format("{\"keys\":[%s,%s]}", w.rsa_jwk, second);
	assert_ok(jwks_parse(bytes_of_text(text), &w.keys));
	free(second);
	free(text);
	return w;
}

static void stop(struct world *w)
{
	jwks_deinit(&w->keys);
	EVP_PKEY_free(w->rsa);
	EVP_PKEY_free(w->ec);
	free(w->rsa_jwk);
}

/* Takes the token. */
static enum err check(const struct world *w, char *token, struct id_token *found)
{
	const char *reason = NULL;
	enum err err = id_token_check(token, &w->keys, &wanted, NOW, found, &reason);
	assert_int_equal(reason[0] == 0, err == ERR_OK);
	free(token);
	return err;
}

static enum err check_claims(const struct world *w, const char *claims, struct id_token *found)
{
	return check(w, jwt_make(w->ec, "ES256", HEADER("ES256"), claims), found);
}

static void a_good_token_says_who_it_is_about(void **state)
{
	(void)state;
	struct world w = start();
	struct id_token found;
	assert_ok(check_claims(&w, GOOD, &found));
	assert_string_equal(found.subject, "alice");
	assert_string_equal(found.email, "");
	assert_int_equal(found.email_state, EMAIL_NONE);
	assert_ok(check(&w, jwt_make(w.rsa, "RS256", "{\"alg\":\"RS256\"}", GOOD), &found));
	stop(&w);
}

/* RFC 8725 sections 2.1, 3.1 and 3.2. */
static void the_algorithm_is_ours_to_choose(void **state)
{
	(void)state;
	struct world w = start();
	struct id_token found;
	static const char *const headers[] = {HEADER("none"), HEADER("None"), HEADER("HS256"),
		HEADER("ES384"), HEADER("es256"), HEADER("PS256")};
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		assert_err(check(&w, jwt_make(w.ec, "ES256", headers[i], GOOD), &found),
			ERR_UNSUPPORTED);
		/* And nothing at all behind the last dot. */
		char *token = jwt_make(w.ec, "ES256", headers[i], GOOD);
		strrchr(token, '.')[1] = 0;
		assert_err(check(&w, token, &found), ERR_MALFORMED);
	}
	/* A MAC whose key is the public key, as text. */
	uint8_t mac[SHA256_SIZE];
	char *token = jwt_make(w.ec, "ES256", "{\"alg\":\"HS256\",\"kid\":\"r\"}", GOOD);
	struct bytes signed_text = bytes_of(token, (size_t)(strrchr(token, '.') - token));
	hash_hmac_sha256(bytes_of_text(w.rsa_jwk), signed_text, mac);
	char *encoded = base64url_encode(bytes_of(mac, sizeof mac));
	char *forged = text_format("%.*s.%s", (int)signed_text.size, token, encoded);
	assert_err(check(&w, forged, &found), ERR_UNSUPPORTED);
	free(encoded);
	free(token);
	/* One algorithm's name over another's signature. */
	assert_err(
		check(&w, jwt_make(w.rsa, "RS256", HEADER("ES256"), GOOD), &found), ERR_UNTRUSTED);
	assert_err(check(&w, jwt_make(w.rsa, "PS256", "{\"alg\":\"RS256\"}", GOOD), &found),
		ERR_UNTRUSTED);
	stop(&w);
}

static void headers_that_say_more_than_we_understand_are_refused(void **state)
{
	(void)state;
	struct world w = start();
	struct id_token found;
	static const char *const headers[] = {"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",
		"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", "{\"alg\":\"ES256\",\"kid\":1}",
		"{\"alg\":1}", "{\"alg\":\"ES256\",\"alg\":\"none\"}", "{}", "[]", ""};
	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
		assert_err(check(&w, jwt_make(w.ec, "ES256", headers[i], GOOD), &found),
			ERR_MALFORMED);
	stop(&w);
}

static void only_keys_of_the_provider_sign(void **state)
{
	(void)state;
	struct world w = start();
	struct id_token found;
	EVP_PKEY *other = EVP_EC_gen("P-256");
	assert_err(
		check(&w, jwt_make(other, "ES256", HEADER("ES256"), GOOD), &found), ERR_UNTRUSTED);
	assert_err(check(&w, jwt_make(other, "ES256", "{\"alg\":\"ES256\"}", GOOD), &found),
		ERR_UNTRUSTED);
	/* It may be a new one: somebody fetches the keys again. */
	assert_err(check(&w, jwt_make(other, "ES256", "{\"alg\":\"ES256\",\"kid\":\"new\"}", GOOD),
			   &found),
		ERR_NOT_FOUND);
	char *token = jwt_make(w.ec, "ES256", HEADER("ES256"), GOOD);
	token[strlen(token) - 4] ^= 1;
	assert_err(check(&w, token, &found), ERR_UNTRUSTED);
	EVP_PKEY_free(other);
	stop(&w);
}

static void every_claim_is_compared(void **state)
{
	(void)state;
	static const struct {
		enum err err;
		const char *claims;
	} cases[] = {
		{ERR_MISMATCH, CLAIMS("\"https://other.example\"", AUD, EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS("\"" ISSUER "/\"", AUD, EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS("[" ISS "]", AUD, EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS("null", AUD, EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS(ISS, "\"other\"", EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS(ISS, "[]", EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS(ISS, "null", EXP, IAT, NONCE, "")},
		{ERR_OK, CLAIMS(ISS, "[\"hub\"]", EXP, IAT, NONCE, "")},
		{ERR_MISMATCH, CLAIMS(ISS, "[\"hub\",\"other\"]", EXP, IAT, NONCE, "")},
		{ERR_MISMATCH,
			CLAIMS(ISS, "[\"hub\",\"other\"]", EXP, IAT, NONCE, ",\"azp\":\"x\"")},
		{ERR_OK, CLAIMS(ISS, "[\"hub\",\"other\"]", EXP, IAT, NONCE, ",\"azp\":\"hub\"")},
		{ERR_MISMATCH, CLAIMS(ISS, AUD, EXP, IAT, NONCE, ",\"azp\":\"x\"")},
		{ERR_MISMATCH, CLAIMS(ISS, AUD, EXP, IAT, "\"m\"", "")},
		{ERR_MISMATCH, CLAIMS(ISS, AUD, EXP, IAT, "null", "")},
		/* Times, with what clocks may differ by. */
		{ERR_OK, CLAIMS(ISS, AUD, "1799999941", IAT, NONCE, "")},
		{ERR_EXPIRED, CLAIMS(ISS, AUD, "1799999940", IAT, NONCE, "")},
		{ERR_OK, CLAIMS(ISS, AUD, EXP, "1800000060", NONCE, "")},
		{ERR_EXPIRED, CLAIMS(ISS, AUD, EXP, "1800000061", NONCE, "")},
		{ERR_OK, CLAIMS(ISS, AUD, EXP, IAT, NONCE, ",\"nbf\":1800000060")},
		{ERR_EXPIRED, CLAIMS(ISS, AUD, EXP, IAT, NONCE, ",\"nbf\":1800000061")},
		{ERR_MALFORMED, CLAIMS(ISS, AUD, "null", IAT, NONCE, "")},
		{ERR_MALFORMED, CLAIMS(ISS, AUD, "\"1800000300\"", IAT, NONCE, "")},
		{ERR_MALFORMED, CLAIMS(ISS, AUD, EXP, "null", NONCE, "")},
		{ERR_MALFORMED, CLAIMS(ISS, AUD, EXP, IAT, NONCE, ",\"nbf\":\"x\"")},
		{ERR_MALFORMED, CLAIMS(ISS, AUD, EXP, IAT, NONCE, ",\"email\":1")},
		/* Who it is about. */
		{ERR_MALFORMED, "{\"iss\":" ISS ",\"aud\":\"hub\",\"exp\":" EXP ",\"iat\":" IAT
				",\"nonce\":\"n\"}"},
		{ERR_MALFORMED, "{\"iss\":" ISS ",\"aud\":\"hub\",\"exp\":" EXP ",\"iat\":" IAT
				",\"nonce\":\"n\",\"sub\":\"\"}"},
		{ERR_MALFORMED, "{\"iss\":" ISS ",\"aud\":\"hub\",\"exp\":" EXP ",\"iat\":" IAT
				",\"nonce\":\"n\",\"sub\":1}"},
	};
	struct world w = start();
	struct id_token found;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_err(check_claims(&w, cases[i].claims, &found), cases[i].err);
	stop(&w);
}

static void an_address_is_verified_when_the_provider_says_so(void **state)
{
	(void)state;
#define EMAIL ",\"email\":\"a@b.example\""
	static const struct {
		enum email_state state;
		const char *more;
	} cases[] = {{EMAIL_NONE, EMAIL}, {EMAIL_VERIFIED, EMAIL ",\"email_verified\":true"},
		{EMAIL_VERIFIED, EMAIL ",\"email_verified\":\"true\""},
		{EMAIL_UNVERIFIED, EMAIL ",\"email_verified\":false"},
		{EMAIL_UNVERIFIED, EMAIL ",\"email_verified\":\"false\""},
		{EMAIL_UNVERIFIED, EMAIL ",\"email_verified\":1"},
		{EMAIL_NONE, ",\"email_verified\":true"}};
	struct world w = start();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct id_token found;
		char *claims = text_format("{\"iss\":" ISS ",\"aud\":\"hub\",\"exp\":" EXP
					   ",\"iat\":" IAT ",\"nonce\":\"n\",\"sub\":\"s\"%s}",
			cases[i].more);
		assert_ok(check_claims(&w, claims, &found));
		assert_int_equal(found.email_state, cases[i].state);
		free(claims);
	}
	stop(&w);
}

static void what_is_no_token_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"", ".", "..", "...", "a", "a.b", "a.b.", "a.b.c", "a.b.c.d", "\xff.\xff.\xff"};
	struct world w = start();
	struct id_token found;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_err(check(&w, text_duplicate(texts[i]), &found), ERR_MALFORMED);
	char *large = calloc(1, ID_TOKEN_SIZE_MAX + 2);
	memset(large, 'a', ID_TOKEN_SIZE_MAX + 1);
	assert_err(check(&w, large, &found), ERR_TOO_LARGE);
	stop(&w);
}

/* A text of so many letters, as JSON. */
static char *long_text(size_t size)
{
	char *text = malloc(size + 3);
	assert_non_null(text);
	memset(text, 'x', size + 2);
	text[0] = text[size + 1] = '"';
	text[size + 2] = 0;
	return text;
}

static void names_have_a_limit(void **state)
{
	(void)state;
	static const struct {
		const char *claim;
		size_t max;
	} cases[] = {{"sub", SUBJECT_MAX}, {"email", EMAIL_MAX}};
	struct world w = start();
	struct id_token found;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t beyond = 0; beyond < 2; beyond++) {
			char *value = long_text(cases[i].max + beyond);
			char *claims =
				text_format("{\"iss\":" ISS ",\"aud\":" AUD ",\"exp\":" EXP
					    ",\"iat\":" IAT ",\"nonce\":" NONCE "%s,\"%s\":%s}",
					i == 0 ? "" : ",\"sub\":\"alice\"", cases[i].claim, value);
			assert_err(
				check_claims(&w, claims, &found), beyond ? ERR_MALFORMED : ERR_OK);
			free(claims);
			free(value);
		}
	}
	/* And the name of a key, and a signature. */
	for (size_t beyond = 0; beyond < 2; beyond++) {
		char *id = long_text(JWK_ID_MAX + beyond);
		char *header = text_format("{\"alg\":\"ES256\",\"kid\":%s}", id);
		assert_err(check(&w, jwt_make(w.ec, "ES256", header, GOOD), &found),
			beyond ? ERR_MALFORMED : ERR_NOT_FOUND);
		free(header);
		free(id);
	}
	char *token = jwt_make(w.ec, "ES256", HEADER("ES256"), GOOD);
	char *padding = long_text(2 * ID_TOKEN_SIGNATURE_MAX);
	padding[strlen(padding) - 1] = 0;
	assert_err(check(&w, text_format("%s%s", token, padding + 1), &found), ERR_UNTRUSTED);
	free(padding);
	free(token);
	stop(&w);
}

TESTS(TEST(a_good_token_says_who_it_is_about), TEST(the_algorithm_is_ours_to_choose),
	TEST(headers_that_say_more_than_we_understand_are_refused),
	TEST(only_keys_of_the_provider_sign), TEST(every_claim_is_compared),
	TEST(an_address_is_verified_when_the_provider_says_so), TEST(what_is_no_token_is_refused),
	TEST(names_have_a_limit))
