/* Making keys and certificates that sign themselves, for nodes and for DTLS. */
#ifndef CRYPTO_SELF_SIGNED_H
#define CRYPTO_SELF_SIGNED_H

#include "base/err.h"
#include <stdint.h>

struct evp_pkey_st; /* EVP_PKEY */
struct x509_st;     /* X509 */

/* A new key on P-256. ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err self_signed_p256_key(struct evp_pkey_st **ret_key);

/* X.509 v3 without extensions, which keeps it small: CN = `name`, a random serial number, valid
 * between two unix times. ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err self_signed_certificate(struct evp_pkey_st *key, const char *name,
	int64_t not_before, int64_t not_after, struct x509_st **ret_x509);

#endif
