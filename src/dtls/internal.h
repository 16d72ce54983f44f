/* What the files of dtls/ share. */
#ifndef DTLS_INTERNAL_H
#define DTLS_INTERNAL_H

#include "crypto/openssl.h"
#include "dtls/datagram_bio.h"
#include "dtls/dtls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

/* "peer's alert: " and libssl's longest reason fit. */
#define DTLS_ERROR_MAX 128

struct dtls_certificate {
	EVP_PKEY *key;
	X509 *x509;
	char fingerprint[DTLS_FINGERPRINT_TEXT_MAX];
};

struct dtls {
	SSL *ssl;
	struct datagram_bio datagrams;
	struct datagram_queue early; /* what came before dtls_start() */
	enum dtls_state state;
	bool client;
	bool readable; /* libssl holds a decrypted record, or one it has not looked at */
	bool alone;    /* nothing can be behind that record */
	usec deadline;
	usec timeout_first;
	const EVP_MD *expected_hash; /* NULL until dtls_expect() */
	uint8_t expected[EVP_MAX_MD_SIZE];
	bool impostor;     /* the peer's certificate was another one */
	uint64_t awaiting; /* application records given to libssl that have not come out */
	struct dtls_stats stats;
	char error[DTLS_ERROR_MAX];
};

/* Whether a certificate has the fingerprint that dtls_expect() was told. */
bool dtls_is_expected(const struct dtls *dtls, const X509 *certificate);

/* The one SSL_CTX of the process; NULL when it could not be made. The app data of an SSL made with
 * it is its struct dtls. */
SSL_CTX *dtls_context(void);

#endif
