/* Access tokens: JWT (RFC 7519) signed with HMAC-SHA-256 by the hub, for the hub alone.
 *
 * Checked as RFC 8725 asks: the algorithm is ours to choose, not the token's; issuer, audience,
 * times and kind are compared; nothing in a token is used before its signature is right. */
#ifndef HUB_TOKEN_H
#define HUB_TOKEN_H

#include "hub/token_keys.h"

struct token_claims {
	struct store_session session; /* sub, node_id, and the beginning of jti */
	int64_t issued, expires;      /* iat, exp: unix seconds */
};

/* A token for the session, signed with the newest key, to be freed; NULL when memory is out. */
char *token_issue(const struct token_keys *keys, const struct store_session *session, int64_t now);

/* ERR_MALFORMED, ERR_UNTRUSTED (signature or algorithm), ERR_NOT_FOUND (a key that is not known, or
 * has retired), ERR_MISMATCH (made for something else), ERR_EXPIRED. That the session was not
 * revoked is for store_session_check(). */
MUST_CHECK enum err token_check(const struct token_keys *keys, const char *token, int64_t now,
	struct token_claims *ret_claims);

#endif
