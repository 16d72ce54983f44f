/* A SHA-256 of what comes in portions. Like the digests of crypto/hash.h it cannot fail but for
 * memory that has run out inside libcrypto, which aborts. */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include "base/bytes.h"
#include "crypto/hash.h"

struct digest;

/* Of nothing so far. NULL: memory is out. */
struct digest *digest_create(void);
/* Accepts NULL. */
void digest_destroy(struct digest *digest);

void digest_add(struct digest *digest, struct bytes b);
/* Of what was added; more may follow. */
void digest_value(const struct digest *digest, uint8_t value[SHA256_SIZE]);
/* Makes it one of nothing again, or of what `from` is of. */
void digest_reset(struct digest *digest);
void digest_copy(struct digest *digest, const struct digest *from);

#endif
