/* Who this node is: its private key, and the certificate that shows the public one.
 *
 * It lives in a directory as `node.key` (PKCS#8 PEM, mode 0600), `node.crt` (PEM) and `node.id`.
 * The key alone is the identity; the certificate can be made anew from it, keeping id and pin. Does
 * not change once loaded, but for identity_renew(). */
#ifndef CRYPTO_IDENTITY_H
#define CRYPTO_IDENTITY_H

#include "crypto/certificate.h"

enum identity_key {
	IDENTITY_KEY_P256,
	IDENTITY_KEY_RSA2048,
	IDENTITY_KEY_RSA3072,
	IDENTITY_KEY_RSA4096,
};

/* A self-signed certificate counts from a day before it was made (clocks differ) for ten years. */
#define IDENTITY_VALIDITY_S (INT64_C(3652) * 86400)

/* Room for the line that says what is wrong with a file. */
#define IDENTITY_PROBLEM_MAX 512

struct identity;

/* "p256", "rsa2048", "rsa3072", "rsa4096". */
bool identity_key_parse(const char *name, enum identity_key *ret_key);

/* A new key. RSA takes a second or so. ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err identity_create(
	enum identity_key key, int64_t unix_time, struct identity **ret_identity);
void identity_destroy(struct identity *identity);

/* ERR_NOT_FOUND when the directory has no node.key; ERR_CORRUPT when a file is missing, damaged, or
 * does not belong to the others; ERR_UNSUPPORTED (kind of key), ERR_IO, ERR_NOMEM. `problem`, with
 * room for IDENTITY_PROBLEM_MAX, then names the file and the cause; otherwise it is "". That the
 * certificate has run out is no failure here: see identity_renew(). */
MUST_CHECK enum err identity_load(
	const char *directory, char *problem, struct identity **ret_identity);
/* Writes the three files, each whole or not at all, into a directory that exists. ERR_EXISTS, and
 * nothing is changed, when another identity is there already; ERR_IO. `problem` as above. */
MUST_CHECK enum err identity_save(
	const struct identity *identity, const char *directory, char *problem);

/* A new certificate for the same key; save it then. References to the old one become invalid. */
MUST_CHECK enum err identity_renew(struct identity *identity, int64_t unix_time);

const char *identity_node_id(const struct identity *identity);
const struct node_pin *identity_pin(const struct identity *identity);
const struct certificate *identity_certificate(const struct identity *identity);
/* For libssl; borrowed. */
struct evp_pkey_st *identity_private_key(const struct identity *identity);

/* Signs `context`, a line feed, and the message: ECDSA in DER form, or RSA PKCS #1 v1.5, with
 * SHA-256. The context ("dpc-proof-v1") says what the signature is for, so that none can be passed
 * off as another; it contains no line feed. `signature` has room for IDENTITY_SIGNATURE_MAX.
 * ERR_CRYPTO. */
MUST_CHECK enum err identity_sign(const struct identity *identity, const char *context,
	struct bytes message, uint8_t *signature, size_t *ret_size);

#endif
