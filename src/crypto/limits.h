/* The named limits of crypto/. */
#ifndef CRYPTO_LIMITS_H
#define CRYPTO_LIMITS_H

/* A certificate that a peer presents, PEM or DER. One with an RSA key of 4096 bits takes 1.9 KB as
 * PEM; anything much longer is not a node's. */
#define CERTIFICATE_SIZE_MAX 8192

/* RFC 5280 appendix A.1: ub-common-name. */
#define CERTIFICATE_COMMON_NAME_MAX 64

/* A signature with RSA of 4096 bits; ECDSA with P-256 takes 72 bytes. */
#define IDENTITY_SIGNATURE_MAX 512

/* node.key, node.crt and node.id: what is read of each. */
#define IDENTITY_FILE_MAX 16384

/* Session ids are chosen by the offering side; ours have 32 characters. */
#define ASSERTION_SESSION_ID_MAX 128

/* How far in the future an assertion may end, in seconds. It is made for ASSERTION_LIFETIME_S; the
 * rest is for clocks that disagree. */
#define ASSERTION_LIFETIME_MAX_S 900

/* A challenge that a hub gives out, and the name under which the client reached it. */
#define PROOF_CHALLENGE_MAX 128
#define PROOF_HUB_MAX 255

#endif
