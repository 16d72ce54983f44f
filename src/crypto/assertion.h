/* The identity assertion that travels with an offer or an answer: "the node with this certificate
 * will use this DTLS fingerprint, in this session, with that node, until then".
 *
 * Without it a hub could put its own fingerprint into a description and sit in the middle. An
 * answer also names the SHA-256 of the offer it answers, so a changed offer shows as well. A
 * restart of a connection that is up, and the answer to one, name that of their own SDP: a hub,
 * which may refuse to connect two nodes, cannot lead a connection that they have elsewhere. Signed,
 * under the context "dpc-assertion-v1", are these fields in this order, each with its length in
 * front as uint16: type ("offer", "answer", "restart" or "restart-answer"), session id, sender,
 * target, fingerprint (upper case), expiry (uint64), hash (empty in an offer). */
#ifndef CRYPTO_ASSERTION_H
#define CRYPTO_ASSERTION_H

#include "crypto/identity.h"

enum assertion_type {
	ASSERTION_OFFER,
	ASSERTION_ANSWER,
	ASSERTION_RESTART,
	ASSERTION_RESTART_ANSWER,
};

/* How long ours are good for, in seconds. */
#define ASSERTION_LIFETIME_S 300

struct assertion {
	enum assertion_type type;
	const char *session_id;
	const char *sender, *target;   /* node ids */
	const char *fingerprint;       /* "AB:CD:…": SHA-256 of the DTLS certificate */
	int64_t expiry;                /* unix seconds */
	uint8_t sdp_hash[SHA256_SIZE]; /* unused in an offer; in an answer of the offer's SDP as
					* it travelled, in a restart and its answer of the own */
};

/* `signature` has room for IDENTITY_SIGNATURE_MAX. ERR_MALFORMED (a field that cannot be right),
 * ERR_MISMATCH (the sender is not this identity), ERR_CRYPTO. */
MUST_CHECK enum err assertion_sign(const struct identity *identity,
	const struct assertion *assertion, uint8_t *signature, size_t *ret_size);

/* Checks what another node asserted (`claimed`, from its message) against what we know ourselves
 * (`expected`): type, session, that we are the target, the fingerprint that its SDP has, the hash
 * of the offer that we sent, or of the SDP; and `sender` unless NULL in `expected`.
 * `expected->expiry` is not used; `unix_time` is the present. Checks the certificate too, and that
 * its id is the sender's. Whether the pin is the one of the contact is the caller's to compare.
 * `*ret_reason` is "" or a static text that says which part is wrong; NULL if nobody asks.
 * ERR_MALFORMED, ERR_MISMATCH, ERR_EXPIRED (or too far in the future), ERR_UNTRUSTED (signature or
 * certificate), ERR_UNSUPPORTED (its key). */
MUST_CHECK enum err assertion_verify(const struct assertion *claimed,
	const struct assertion *expected, const struct certificate *certificate,
	struct bytes signature, int64_t unix_time, const char **ret_reason);

#endif
