/* What the files of dtls/ share. */
#ifndef DTLS_INTERNAL_H
#define DTLS_INTERNAL_H

#include "base/buffer.h"
#include "crypto/openssl.h"
#include "dtls/datagram_bio.h"
#include "dtls/dtls.h"
#include "dtls/record.h"
#include "dtls/record_layer.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

/* "peer's alert: " and libssl's longest reason fit. */
#define DTLS_ERROR_MAX 96

struct dtls_certificate {
	EVP_PKEY *key;
	X509 *x509;
	char fingerprint[DTLS_FINGERPRINT_TEXT_MAX];
};

struct dtls {
	SSL *ssl; /* NULL once nobody can need it any more: see handover.c */
	struct datagram_bio datagrams;
	struct datagram_queue early; /* what came before dtls_start() */
	enum dtls_state state;
	bool client;
	bool own_records;          /* as configured */
	struct record_layer layer; /* from DTLS_OPEN on, with own_records */
	const struct suite *suite; /* from DTLS_OPEN on */

	/* What is to be read: whole records in a row, first those that were ahead of their keys. */
	struct buffer ahead;
	size_t ahead_read;   /* of them */
	struct bytes input;  /* the rest of the datagram, borrowed */
	size_t input_unread; /* application records in it */

	usec deadline;
	usec timeout_first;
	const EVP_MD *expected_hash; /* NULL until dtls_expect() */
	uint8_t expected[EVP_MAX_MD_SIZE];
	bool impostor;              /* the peer's certificate was another one */
	struct bytes id, remote_id; /* of the descriptions, borrowed; empty: none */
	struct dtls_stats stats;
	char error[DTLS_ERROR_MAX];
};

/* Whether a certificate, in DER, has the fingerprint that dtls_expect() was told. */
bool dtls_is_expected(const struct dtls *dtls, struct bytes certificate);

/* The one SSL_CTX of the process; NULL when it could not be made. The app data of an SSL made with
 * it is its struct dtls. */
SSL_CTX *dtls_context(void);

/* The end, for a reason. */
void dtls_fail(struct dtls *dtls, const char *what, const char *reason);

/* ---- handshake.c: libssl, as long as it is there ---- */

MUST_CHECK enum err handshake_prepare(
	struct dtls *dtls, const struct dtls_certificate *certificate);
void handshake_step(struct dtls *dtls);
/* A record that arrives while the handshake goes on. */
void handshake_receive(struct dtls *dtls, const struct dtls_record *record);
/* A record of a handshake that is done, such as a repetition of the peer's last flight, or an
 * alert.
 */
void handshake_receive_late(struct dtls *dtls, const struct dtls_record *record);
void handshake_advance(struct dtls *dtls);
/* How long until handshake_advance(); false: never. */
bool handshake_timeout(struct dtls *dtls, usec *ret_left);

/* libssl's own records: those of a connection that is configured so, and what we write until the
 * hand-over. As record_layer_seal() and record_layer_open(). */
MUST_CHECK enum err handshake_seal(
	struct dtls *dtls, uint8_t *record, size_t size, size_t *ret_size);
bool handshake_open(struct dtls *dtls, const struct dtls_record *record, uint8_t *data,
	size_t capacity, size_t *ret_size);
void handshake_close(struct dtls *dtls);

/* ---- handover.c: from libssl to the record layer ---- */

/* When the handshake is done on our side. ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err handover_begin(struct dtls *dtls);
/* When a record has come that only a peer can have sealed whose handshake is done too. */
void handover_finish(struct dtls *dtls);

#endif
