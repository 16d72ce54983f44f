/* Between identity.c and identity_file.c. */
#ifndef CRYPTO_INTERNAL_H
#define CRYPTO_INTERNAL_H

#include "crypto/identity.h"

struct identity {
	struct evp_pkey_st *key;
	struct certificate *certificate;
};

/* Whether the certificate is the key's, and the key works. */
bool identity_is_consistent(const struct identity *identity);

#endif
