/* Access tokens: JWT (RFC 7519) signed with HMAC-SHA-256 by the hub, for the hub alone.
 *
 * Checked as RFC 8725 asks: the algorithm is ours to choose, not the token's; issuer, audience,
 * times and kind are compared; nothing in a token is used before its signature is right. */
#ifndef HUB_TOKEN_H
#define HUB_TOKEN_H

#include "hub/store.h"

#define TOKEN_SECRET_SIZE 32

struct token_secret {
	uint8_t bytes[TOKEN_SECRET_SIZE];
};

struct token_claims {
	struct store_session session; /* sub, node_id, and the beginning of jti */
	int64_t issued, expires;      /* iat, exp: unix seconds */
};

/* Reads `directory`/token.secret, or makes it (mode 0600). ERR_CORRUPT (not 64 hexadecimal digits),
 * ERR_IO. */
MUST_CHECK enum err token_secret_load(const char *directory, struct token_secret *ret_secret);

/* A token for the session, to be freed; NULL when memory is out. */
char *token_issue(
	const struct token_secret *secret, const struct store_session *session, int64_t now);

/* ERR_MALFORMED, ERR_UNTRUSTED (signature or algorithm), ERR_MISMATCH (made for something else),
 * ERR_EXPIRED. That the session was not revoked is for store_session_check(). */
MUST_CHECK enum err token_check(const struct token_secret *secret, const char *token, int64_t now,
	struct token_claims *ret_claims);

#endif
