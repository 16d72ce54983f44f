/* Digests, MACs, and comparison and erasure of secrets. None of it can fail but for memory that has
 * run out inside libcrypto, which aborts. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include "base/bytes.h"

#define SHA256_SIZE 32
#define SHA1_SIZE 20
#define MD5_SIZE 16

void hash_sha256(struct bytes b, uint8_t digest[SHA256_SIZE]);
/* Over the parts, one behind the other, without anything between them. */
void hash_sha256_parts(const struct bytes *parts, size_t count, uint8_t digest[SHA256_SIZE]);

void hash_hmac_sha256(struct bytes key, struct bytes message, uint8_t mac[SHA256_SIZE]);

/* For STUN and TURN alone (RFC 8489 sections 14.5 and 9.2.2): MESSAGE-INTEGRITY, the key of
 * long-term credentials, and passwords from a secret that is shared with a relay. */
void hash_hmac_sha1(struct bytes key, struct bytes message, uint8_t mac[SHA1_SIZE]);
void hash_md5(struct bytes b, uint8_t digest[MD5_SIZE]);

/* For the handshake of WebSocket alone (RFC 6455 section 4.2.2). */
void hash_sha1(struct bytes b, uint8_t digest[SHA1_SIZE]);

/* In a time that depends on the sizes alone: for MACs, tokens and challenges. */
bool secret_equal(struct bytes a, struct bytes b);
/* Overwrites; the compiler cannot leave it out. */
void secret_cleanse(void *data, size_t size);

#endif
