/* The id token of an OpenID provider (OpenID Connect Core 1.0 sections 2 and 3.1.3.7), checked as
 * RFC 8725 asks: nothing in it is used before its signature is right by a key of the provider, with
 * an algorithm that the configuration allows; then issuer, audience, times and nonce are compared.
 */
#ifndef HUB_ID_TOKEN_H
#define HUB_ID_TOKEN_H

#include "hub/jwks.h"

/* What a token must be for. */
struct id_token_wanted {
	const char *issuer, *client_id, *nonce;
	unsigned algorithms; /* of enum jws_algorithm */
};

enum email_state {
	EMAIL_NONE,       /* the provider names none, or does not say whether it is verified */
	EMAIL_UNVERIFIED, /* it says that it is not */
	EMAIL_VERIFIED,
};

struct id_token {
	char subject[SUBJECT_MAX + 1]; /* who it is, for this issuer and for ever */
	char email[EMAIL_MAX + 1];
	enum email_state email_state;
};

/* ERR_NOT_FOUND: none of these keys is the one it names, so it may be a new one; ERR_MALFORMED,
 * ERR_TOO_LARGE; ERR_UNSUPPORTED (the algorithm); ERR_UNTRUSTED (the signature); ERR_MISMATCH (made
 * by or for somebody else); ERR_EXPIRED (or not valid yet); ERR_NOMEM. `*ret_reason` is a static
 * text that says it for a log, "" when all is well. */
MUST_CHECK enum err id_token_check(const char *token, const struct jwks *keys,
	const struct id_token_wanted *wanted, int64_t now, struct id_token *ret_token,
	const char **ret_reason);

#endif
