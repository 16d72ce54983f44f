/* A login that is on its way through a provider's pages, without I/O.
 *
 * The hub remembers none of them: all that it has to know when the browser comes back travels in a
 * cookie of that browser, with a MAC over it; and the values that only we may know (state, nonce,
 * PKCE verifier) are derived from its random id. So nobody can push others' logins out of a table,
 * and a state counts in the browser alone that was sent on its way with it. */
#ifndef HUB_PENDING_H
#define HUB_PENDING_H

#include "base/err.h"
#include "base/rng.h"
#include "hub/limits.h"

#define PENDING_KEY_SIZE 32
#define PENDING_ID_SIZE 16
/* 32 bytes in base64url, and a final zero. */
#define PENDING_SECRET_MAX 44
/* The longest cookie, and a final zero. */
#define PENDING_TEXT_MAX 2048

struct pending {
	uint8_t id[PENDING_ID_SIZE];
	int64_t expires;
	char provider[PROVIDER_NAME_MAX + 1];
	/* What a client is to be given on its loopback address… */
	char redirect_uri[REDIRECT_URI_MAX + 1];
	char challenge[PENDING_SECRET_MAX]; /* its PKCE challenge, S256 */
	char state[CLIENT_STATE_MAX + 1];
	/* …or the device that is let in; "": none. */
	char user_code[USER_CODE_MAX + 1];
};

struct pending_secrets {
	char state[PENDING_SECRET_MAX], nonce[PENDING_SECRET_MAX];
	char verifier[PENDING_SECRET_MAX], challenge[PENDING_SECRET_MAX]; /* PKCE (RFC 7636) */
};

/* Sets id and end, and writes all of it as text, to be freed; NULL when memory is out. */
char *pending_seal(
	struct pending *pending, const uint8_t key[PENDING_KEY_SIZE], struct rng *rng, int64_t now);
/* ERR_MALFORMED, ERR_UNTRUSTED (not ours), ERR_EXPIRED, ERR_NOMEM. */
MUST_CHECK enum err pending_open(const char *text, const uint8_t key[PENDING_KEY_SIZE], int64_t now,
	struct pending *ret_pending);
/* What goes with its id. */
void pending_secrets(const struct pending *pending, const uint8_t key[PENDING_KEY_SIZE],
	struct pending_secrets *ret_secrets);

/* 43 characters of base64url: what SHA-256 makes of a verifier. */
bool pkce_challenge_is_valid(const char *challenge);
/* Whether the verifier is well-formed (RFC 7636 section 4.1) and makes this challenge. */
bool pkce_verify(const char *verifier, const char *challenge);
/* At most CLIENT_STATE_MAX characters that need no encoding in a URL. */
bool client_state_is_valid(const char *state);
/* Whether a client may be sent there: http, an address of loopback as digits, a port, a path (RFC
 * 8252 section 7.3). */
bool redirect_uri_is_loopback(const char *uri);

#endif
