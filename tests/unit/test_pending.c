/* Logins on their way: the cookie that carries one, and what clients bring. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "hub/pending.h"

#define NOW INT64_C(1800000000)

static const uint8_t key[PENDING_KEY_SIZE] = {1, 2, 3}, other_key[PENDING_KEY_SIZE] = {1, 2, 4};

static struct pending sample(void)
{
	return (struct pending){.provider = "google",
		.redirect_uri = "http://127.0.0.1:40000/done",
		.challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		.state = "client"};
}

static void it_comes_back_as_it_was_for_ten_minutes(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct pending pending = sample(), found;
	char *text = pending_seal(&pending, key, &rng, NOW);
	assert_ok(pending_open(text, key, NOW + PENDING_LIFETIME_S - 1, &found));
	assert_memory_equal(&found, &pending, sizeof found);
	assert_err(pending_open(text, key, NOW + PENDING_LIFETIME_S, &found), ERR_EXPIRED);
	assert_err(pending_open(text, other_key, NOW, &found), ERR_UNTRUSTED);
	free(text);
}

static void the_largest_fits(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct pending pending = sample(), found;
	memset(pending.provider, 'p', sizeof pending.provider - 1);
	memset(pending.redirect_uri, 'r', sizeof pending.redirect_uri - 1);
	memset(pending.state, 's', sizeof pending.state - 1);
	memset(pending.user_code, 'U', sizeof pending.user_code - 1);
	char *text = pending_seal(&pending, key, &rng, NOW);
	assert_ok(pending_open(text, key, NOW, &found));
	assert_memory_equal(&found, &pending, sizeof found);
	free(text);
}

static void nothing_of_it_can_be_changed(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct pending pending = sample(), found;
	char *text = pending_seal(&pending, key, &rng, NOW);
	for (size_t i = 0; text[i]; i++) {
		char before = text[i];
		text[i] = before == 'A' ? 'B' : 'A';
		assert_int_not_equal(pending_open(text, key, NOW, &found), ERR_OK);
		text[i] = before;
	}
	static const char *const texts[] = {"", ".", "a", "a.", ".a", "a.b"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_int_not_equal(pending_open(texts[i], key, NOW, &found), ERR_OK);
	char *large = calloc(1, PENDING_TEXT_MAX + 2);
	memset(large, 'a', PENDING_TEXT_MAX);
	large[10] = '.';
	assert_err(pending_open(large, key, NOW, &found), ERR_MALFORMED);
	free(large);
	free(text);
}

static void its_secrets_are_its_own_and_differ(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct pending first = sample(), second = sample();
	struct pending_secrets a, again, b, foreign;
	free(pending_seal(&first, key, &rng, NOW));
	free(pending_seal(&second, key, &rng, NOW));
	pending_secrets(&first, key, &a);
	pending_secrets(&first, key, &again);
	pending_secrets(&second, key, &b);
	pending_secrets(&first, other_key, &foreign);
	assert_memory_equal(&a, &again, sizeof a);
	assert_string_not_equal(a.state, b.state);
	assert_string_not_equal(a.state, foreign.state);
	assert_string_not_equal(a.state, a.nonce);
	assert_string_not_equal(a.nonce, a.verifier);
	assert_true(pkce_verify(a.verifier, a.challenge));
	assert_false(pkce_verify(b.verifier, a.challenge));
}

/* RFC 7636 appendix B. */
static void pkce_is_that_of_the_rfc(void **state)
{
	(void)state;
	static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	static const char challenge[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
	char text[140];
	assert_true(pkce_verify(verifier, challenge));
	assert_false(pkce_verify("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl", challenge));
	assert_false(pkce_verify("", challenge));
	assert_false(pkce_verify(challenge, challenge));
	assert_true(pkce_challenge_is_valid(challenge));
	assert_false(pkce_challenge_is_valid("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"));
	assert_false(pkce_challenge_is_valid("short"));
	assert_false(pkce_challenge_is_valid(""));
	/* 43 to 128 characters. */
	memset(text, 'a', sizeof text);
	text[129] = 0;
	assert_false(pkce_verify(text, challenge));
	text[42] = 0;
	assert_false(pkce_verify(text, challenge));
}

static void a_client_is_called_back_on_its_own_machine_alone(void **state)
{
	(void)state;
	static const char *const good[] = {
		"http://127.0.0.1:1/", "http://127.0.0.1:65535/a/b-c_d", "http://[::1]:40000/done"};
	static const char *const bad[] = {"", "http://127.0.0.1/", "http://127.0.0.1:0/",
		"http://127.0.0.1:65536/", "http://127.0.0.1:99999999999999999999/",
		"http://127.0.0.1:1", "https://127.0.0.1:1/", "http://localhost:1/",
		"http://127.0.0.1:1@evil.example/", "http://127.0.0.1:@evil/",
		"http://127.0.0.1.evil.example:1/", "http://127.0.0.2:1/", "http://0.0.0.0:1/",
		"http://127.0.0.1:1/?a=b", "http://127.0.0.1:1/#a", "http://127.0.0.1:1/a\r\nb",
		"http://127.0.0.1:1/a b", "http://127.0.0.1:1/%0d", "http://127.0.0.1:1/\\",
		"javascript:alert(1)", "http://[::1]/", "http://[::]:1/", " http://127.0.0.1:1/",
		"http://127.0.0.1:+1/", "HTTP://127.0.0.1:1/"};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(redirect_uri_is_loopback(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(redirect_uri_is_loopback(bad[i]));
	char text[REDIRECT_URI_MAX + 2];
	int size = snprintf(text, sizeof text, "http://127.0.0.1:1/");
	memset(text + size, 'a', sizeof text - (size_t)size);
	text[REDIRECT_URI_MAX + 1] = 0;
	assert_false(redirect_uri_is_loopback(text));
	text[REDIRECT_URI_MAX] = 0;
	assert_true(redirect_uri_is_loopback(text));
}

TESTS(TEST(it_comes_back_as_it_was_for_ten_minutes), TEST(the_largest_fits),
	TEST(nothing_of_it_can_be_changed), TEST(its_secrets_are_its_own_and_differ),
	TEST(pkce_is_that_of_the_rfc), TEST(a_client_is_called_back_on_its_own_machine_alone))
