/* The cipher suites that we offer, best first. All are AEAD (RFC 5288 and 5289 AES-GCM, RFC 7905
 * ChaCha20-Poly1305), and all are ones whose records record_layer.h can seal and open. */
#ifndef DTLS_SUITE_H
#define DTLS_SUITE_H

#include "crypto/openssl.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#define SUITE_KEY_MAX 32
#define SUITE_IV_SIZE 12 /* of the nonce: what is derived, and what is explicit, together */
#define SUITE_TAG_SIZE 16

struct suite {
	uint16_t id; /* as in the handshake */
	const char *name, *hash;
	const EVP_CIPHER *(*cipher)(void);
	size_t key_size;
	size_t salt_size;     /* of the nonce's part that is derived with the key */
	size_t explicit_size; /* of its part that each record carries */
	uint64_t blocks_max;  /* see DTLS_SEALED_BLOCKS_MAX */
};

extern const struct suite suites[];
extern const size_t suite_count;

/* NULL when it is not one of ours. */
const struct suite *suite_find(uint16_t id);

#endif
