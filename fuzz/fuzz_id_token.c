/* What a provider, and a browser, send the hub in a login: id tokens, sets of keys, cookies, codes
 * that people type, and addresses of clients. None of it makes a login without a signature. */
#include "hub/device_grant.h"
#include "hub/id_token.h"
#include "hub/pending.h"

#include "base/text.h"

#include "fuzz.h"

#include <stdlib.h>

static void fuzz_text(const char *text)
{
	static const uint8_t key[PENDING_KEY_SIZE];
	static const struct jwks none;
	struct id_token_wanted wanted = {.issuer = "https://i.example",
		.client_id = "c",
		.nonce = "n",
		.algorithms = JWS_RS256 | JWS_PS256 | JWS_ES256};
	struct id_token token;
	struct pending pending;
	const char *reason = NULL;
	char code[USER_CODE_MAX + 1], again[USER_CODE_MAX + 1], hash[2 * SHA256_SIZE + 1];
	CHECK(id_token_check(text, &none, &wanted, 0, &token, &reason) != ERR_OK);
	CHECK(reason && reason[0]);
	CHECK(pending_open(text, key, 0, &pending) != ERR_OK);
	if (user_code_parse(text, code))
		CHECK(user_code_parse(code, again) && strcmp(code, again) == 0);
	(void)device_code_parse(text, code, hash);
	(void)pkce_challenge_is_valid(text);
	if (redirect_uri_is_loopback(text))
		CHECK(strlen(text) <= REDIRECT_URI_MAX && !strpbrk(text, "\r\n@?#"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jwks keys;
	if (jwks_parse(bytes_of(data, size), &keys) == ERR_OK) {
		CHECK(keys.count > 0);
		jwks_deinit(&keys);
	}
	char *text = text_duplicate_bytes(bytes_of(data, size));
	if (text)
		fuzz_text(text);
	free(text);
	return 0;
}
