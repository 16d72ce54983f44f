/* A provider's public keys (RFC 7517), and signatures by them (RFC 7515, RFC 7518).
 *
 * The algorithms are RS256, PS256 and ES256. A key says what it is good for by its own kind and
 * `alg`; which algorithms count at all is the configuration's to say, and never a token's. Keys of
 * other kinds, for encryption, or that are malformed or weak, are left out. */
#ifndef HUB_JWKS_H
#define HUB_JWKS_H

#include "base/bytes.h"
#include "base/err.h"
#include "hub/limits.h"

enum jws_algorithm {
	JWS_RS256 = 1,
	JWS_PS256 = 2,
	JWS_ES256 = 4,
};

struct jwk {
	char id[JWK_ID_MAX + 1]; /* "": it has none */
	unsigned algorithms;     /* of enum jws_algorithm: what it can be used for */
	struct evp_pkey_st *key;
};

struct jwks {
	struct jwk keys[JWKS_KEYS_MAX];
	size_t count;
};

/* "RS256"; false for all but the three. */
bool jws_algorithm_parse(const char *name, enum jws_algorithm *ret_algorithm);

/* {"keys":[…]}; those beyond JWKS_KEYS_MAX are left out. ERR_MALFORMED, also when no key is of use;
 * ERR_NOMEM. */
MUST_CHECK enum err jwks_parse(struct bytes text, struct jwks *ret_keys);
/* Accepts a zeroed one. */
void jwks_deinit(struct jwks *keys);

/* Whether a key signed this. With an id only that key is asked, without one all are. ERR_NOT_FOUND:
 * there is no such key for this algorithm; ERR_UNTRUSTED. */
MUST_CHECK enum err jwks_verify(const struct jwks *keys, const char *id,
	enum jws_algorithm algorithm, struct bytes message, struct bytes signature);

#endif
