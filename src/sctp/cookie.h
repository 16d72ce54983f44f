/* The state cookie (RFC 9260 section 5.1.3): everything we need to set up the association when the
 * peer echoes it, under a message authentication code.
 *
 * The code is SipHash-2-4 under two independent 128-bit keys, 128 bits of output. That is less than
 * HMAC-SHA-256, and enough here: the keys belong to one association, never leave it, and a cookie
 * travels inside DTLS only, so the only one who could try to forge it is the authenticated peer,
 * whom it would gain nothing. */
#ifndef SCTP_COOKIE_H
#define SCTP_COOKIE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"

#define SCTP_COOKIE_SIZE 60

struct sctp_cookie_key {
	uint8_t halves[2][16];
};

struct sctp_cookie {
	uint32_t local_tag, peer_tag;
	uint32_t local_tie, peer_tie; /* tags of the association that existed; 0: none */
	uint32_t local_tsn, peer_tsn;
	uint32_t peer_window;
	uint16_t peer_outgoing, peer_incoming; /* streams */
	bool reconfig, forward_tsn, zero_checksum, interleaving, i_forward_tsn;
	usec created; /* since the association was made, so that no clock of ours is told */
};

void sctp_cookie_seal(const struct sctp_cookie_key *key, const struct sctp_cookie *cookie,
	uint8_t sealed[SCTP_COOKIE_SIZE]);

/* ERR_UNTRUSTED: not one of ours. */
MUST_CHECK enum err sctp_cookie_open(
	const struct sctp_cookie_key *key, struct bytes sealed, struct sctp_cookie *ret_cookie);

#endif
