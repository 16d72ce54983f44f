/* The certificate of a node, ours or another's: X.509 v3, signed by its own key, CN = node id.
 *
 * Parsing accepts whatever libcrypto reads and says what is in it; certificate_check() then decides
 * whether it is one that a node may present. Nothing else may be believed before that. The object
 * does not change after it was made, so threads may share it. */
#ifndef CRYPTO_CERTIFICATE_H
#define CRYPTO_CERTIFICATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/limits.h"
#include "crypto/node_id.h"

struct evp_pkey_st; /* EVP_PKEY */
struct x509_st;     /* X509 */

enum certificate_key {
	CERTIFICATE_KEY_OTHER, /* refused by certificate_check() */
	CERTIFICATE_KEY_P256,
	CERTIFICATE_KEY_RSA,
};

struct certificate_info {
	char node_id[NODE_ID_MAX]; /* derived from the key, 16 digits */
	struct node_pin pin;
	/* "" when there is none, several, or one that does not fit */
	char common_name[CERTIFICATE_COMMON_NAME_MAX + 1];
	enum certificate_key key;
	unsigned key_bits;
	int64_t not_before, not_after; /* unix seconds */
};

struct certificate;

/* PEM or DER, nothing before and nothing behind it but white space. ERR_MALFORMED, ERR_TOO_LARGE,
 * ERR_NOMEM. */
MUST_CHECK enum err certificate_parse(
	struct bytes pem_or_der, struct certificate **ret_certificate);
/* Of what a TLS peer presented; the X509 stays the caller's. */
MUST_CHECK enum err certificate_of_x509(struct x509_st *x509, struct certificate **ret_certificate);
void certificate_destroy(struct certificate *certificate);

const struct certificate_info *certificate_info(const struct certificate *certificate);
/* All of these live as long as the certificate. */
struct bytes certificate_der(const struct certificate *certificate);
const char *certificate_pem(const struct certificate *certificate);
const char *certificate_public_key_pem(const struct certificate *certificate);
/* For libssl; borrowed, although not const, since libssl counts references. */
struct x509_st *certificate_x509(const struct certificate *certificate);

/* All that makes it a node's: X.509 v3, signed by its own key, valid at `unix_time`, a key of P-256
 * or of RSA with 2048 to 4096 bits, CN = an id derived from the key, and equal to `node_id` unless
 * that is NULL. `*ret_reason` is "" or a static text that says what is wrong, for a log or an
 * answer; NULL if nobody asks. ERR_MALFORMED, ERR_UNSUPPORTED (the key), ERR_EXPIRED (or not valid
 * yet), ERR_MISMATCH (the id), ERR_UNTRUSTED (the signature). */
MUST_CHECK enum err certificate_check(const struct certificate *certificate, int64_t unix_time,
	const char *node_id, const char **ret_reason);

/* Whether the node signed `message` for this `context` (see identity_sign()). ERR_UNTRUSTED when it
 * did not. Only for certificates that passed certificate_check(). */
MUST_CHECK enum err certificate_verify(const struct certificate *certificate, const char *context,
	struct bytes message, struct bytes signature);

#endif
