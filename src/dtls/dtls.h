/* DTLS 1.2 (RFC 6347) for data channels (RFC 8261, RFC 8827 section 6.5) through OpenSSL.
 *
 * It does no I/O: datagrams come in with dtls_receive(), handshake flights and alerts are pulled
 * with dtls_write(), decrypted records with dtls_read(). Both sides present a short-lived
 * self-signed certificate; the peer's must have the fingerprint that was expected, or the handshake
 * fails with an alert. Nothing can be sealed or read before that. Malformed records are dropped and
 * counted. libssl does the handshake and is freed behind it: the records of a connection that is
 * open are ours (docs/decisions/0005-dtls-records.md). */
#ifndef DTLS_DTLS_H
#define DTLS_DTLS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"

/* SHA-256 as 32 pairs "AB:" without the last colon, and a final zero (RFC 8122 section 5). */
#define DTLS_FINGERPRINT_TEXT_MAX 96
/* The largest datagram that a handshake flight is cut into; fits every path that WebRTC allows. */
#define DTLS_MTU_DEFAULT 1200
/* What a record adds to its plaintext at most, for every cipher we offer. */
#define DTLS_OVERHEAD_MAX 37
/* The largest record we accept or produce. */
#define DTLS_DATAGRAM_MAX 16500

struct dtls;
struct dtls_certificate;

enum dtls_state {
	DTLS_NEW, /* dtls_start() was not called */
	DTLS_HANDSHAKE,
	DTLS_OPEN,   /* the peer is the one with the expected fingerprint */
	DTLS_CLOSED, /* by close_notify of either side */
	DTLS_FAILED, /* see dtls_error() */
};

/* Who seals and opens the records of a connection that is open. */
enum dtls_records {
	DTLS_RECORDS_DEFAULT, /* as the build option `libssl_records` says */
	DTLS_RECORDS_OWN,
	DTLS_RECORDS_LIBSSL,
};

struct dtls_config {
	const struct dtls_certificate *certificate; /* borrowed for the object's life */
	bool client;                                /* RFC 8842: the side with a=setup:active */
	size_t mtu;                                 /* 0: DTLS_MTU_DEFAULT */
	enum dtls_records records;
};

struct dtls_stats {
	uint64_t records_in, records_out, dropped, retransmissions;
};

/* A new P-256 key with a self-signed certificate, valid from a day before `unix_time` (seconds) for
 * thirty days, with a random name that says nothing. ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err dtls_certificate_create(
	int64_t unix_time, struct dtls_certificate **ret_certificate);
void dtls_certificate_destroy(struct dtls_certificate *certificate);
/* "AB:CD:…", SHA-256, upper case; lives as long as the certificate. */
const char *dtls_certificate_fingerprint(const struct dtls_certificate *certificate);
/* Of a certificate that serves no further dtls_create(): all but the fingerprint is freed, which is
 * most of what an idle connection would keep. Those made before keep what they need. */
void dtls_certificate_forget_key(struct dtls_certificate *certificate);

/* ERR_CRYPTO, ERR_NOMEM. */
MUST_CHECK enum err dtls_create(const struct dtls_config *config, struct dtls **ret_dtls);
void dtls_destroy(struct dtls *dtls);

/* The peer's fingerprint from its description: hash name as in SDP ("sha-256", any case; sha-384
 * and sha-512 too) and hexadecimal pairs. Required before dtls_start(). ERR_UNSUPPORTED,
 * ERR_MALFORMED. */
MUST_CHECK enum err dtls_expect(struct dtls *dtls, struct bytes hash, struct bytes fingerprint);

/* Whether this is the fingerprint that was expected. */
bool dtls_expects(const struct dtls *dtls, struct bytes hash, struct bytes fingerprint);

/* The tls-id of both descriptions (RFC 8842 section 4), borrowed for the object's life. Our hello
 * says ours, and one that says another than theirs ends the handshake (RFC 8844). Before
 * dtls_start(); not called where not both have one. */
void dtls_set_ids(struct dtls *dtls, struct bytes ours, struct bytes theirs);

/* Whether a datagram may be for this one of the connections that share a path. */
enum dtls_claim {
	DTLS_CLAIM_NONE,
	DTLS_CLAIM_GUESS,  /* nothing tells; a handshake of ours is not done */
	DTLS_CLAIM_SHARED, /* for whoever can open it: all may be given it */
	DTLS_CLAIM_CERTAIN /* it names us */
};
enum dtls_claim dtls_claims(const struct dtls *dtls, struct bytes datagram);

/* How long a datagram and its answer take on this path, as ICE measured it: sets the first timeout
 * of the flights that follow. Without it that is 100 ms. */
void dtls_set_round_trip(struct dtls *dtls, usec round_trip);

/* Begins the handshake: a client has a ClientHello to write then. What was received before is taken
 * up, so a ClientHello that is ahead of the description is not lost. */
void dtls_start(struct dtls *dtls, usec now);

/* One UDP datagram, of one or more records; borrowed until dtls_read() returns false. Afterwards
 * pull dtls_write() and dtls_read(): records that are not read before the next datagram is received
 * are discarded. */
void dtls_receive(struct dtls *dtls, usec now, struct bytes datagram);
/* Retransmits a flight when its time has come. */
void dtls_advance(struct dtls *dtls, usec now);
usec dtls_deadline(const struct dtls *dtls);

/* The next handshake or alert datagram, copied into `data`; its size, or 0 when there is none.
 * `capacity` is at least DTLS_DATAGRAM_MAX, or the mtu given at creation. */
size_t dtls_write(struct dtls *dtls, uint8_t *data, size_t capacity);

/* The plaintext of the next application record, opened into `data`; false when there is none, and
 * then `data` may have been written to. An empty record is skipped, one longer than `capacity` is
 * dropped: DTLS_DATAGRAM_MAX always suffices. */
bool dtls_read(struct dtls *dtls, uint8_t *data, size_t capacity, size_t *ret_size);

/* How far behind the beginning of a record its plaintext is: the same for all of a connection that
 * is open, less than DTLS_OVERHEAD_MAX, 0 before. */
size_t dtls_headroom(const struct dtls *dtls);

/* Makes an application record, in place, of `size` bytes at record + dtls_headroom(), one at least.
 * ERR_STATE unless open; ERR_TOO_LARGE when `size` plus DTLS_OVERHEAD_MAX exceeds `capacity`;
 * ERR_LIMIT when the keys are used up, and ERR_CRYPTO. The connection has ended with ERR_LIMIT. */
MUST_CHECK enum err dtls_seal(
	struct dtls *dtls, uint8_t *record, size_t capacity, size_t size, size_t *ret_size);

/* Queues a close_notify; the state becomes DTLS_CLOSED. Idempotent. */
void dtls_close(struct dtls *dtls);

enum dtls_state dtls_state(const struct dtls *dtls);
/* Why it failed, in words for a log: "peer certificate does not have the expected fingerprint".
 * Never NULL. */
const char *dtls_error(const struct dtls *dtls);
const struct dtls_stats *dtls_stats(const struct dtls *dtls);

#endif
