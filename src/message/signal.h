/* What two nodes tell each other through the hub to set a connection up: the payloads of its
 * "signal" messages. The hub does not look inside, and can change them; so an offer and an answer
 * carry an identity assertion (crypto/assertion.h), and nothing in here is to be believed before
 * that is verified. Older peers send no session id and no identity.
 *
 *     {"type":"offer","offer":{"type":"offer","sdp":"…"},"session_id":"…","identity":{…}}
 *     {"type":"answer","answer":{"type":"answer","sdp":"…"},"session_id":"…","identity":{…}}
 *     {"type":"ice-candidate","candidate":{"candidate":"candidate:…","sdpMid":"0",
 *      "sdpMLineIndex":0},"session_id":"…"}
 *     {"type":"restart","restart":{"type":"restart","sdp":"…"},"session_id":"…","identity":{…}}
 *     {"type":"restart-answer","restart-answer":{"type":"restart-answer","sdp":"…"},
 *      "session_id":"…","identity":{…}}
 *     {"type":"bye","session_id":"…","reason":"…"}
 *
 * with the identity
 *
 *     {"certificate":"-----BEGIN …","signature":"<base64>","sender":"dpc-node-…",
 *      "target":"dpc-node-…","fingerprint":"AB:CD:…","expiry":1753000000,
 *      "offer_hash":"<64 hex digits, in an answer>"}
 *
 * A restart is the offer of an ICE restart of a connection that is up. It and its answer also
 * travel over the connection itself, as the message `signal`, without an identity: who is at the
 * other end is known there. What is signed in theirs is the hash of their own SDP, which need not
 * be said. */
#ifndef MESSAGE_SIGNAL_H
#define MESSAGE_SIGNAL_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/assertion.h"
#include "message/limits.h"

enum signal_type {
	SIGNAL_NONE = 0,
	SIGNAL_OFFER,
	SIGNAL_ANSWER,
	SIGNAL_CANDIDATE,
	SIGNAL_RESTART,
	SIGNAL_RESTART_ANSWER,
	SIGNAL_BYE,
	SIGNAL_TYPE_COUNT
};

/* An assertion as it travels. Its texts are borrowed like those of the signal. */
struct signal_identity {
	struct assertion assertion; /* type and session id are those of the signal */
	const char *certificate;    /* PEM */
	uint8_t signature[IDENTITY_SIGNATURE_MAX];
	size_t signature_size;
};

struct signal {
	enum signal_type type;
	json_t *root;           /* owned by a parsed signal; NULL when the caller made it */
	const char *session_id; /* NULL: an older peer's */

	/* SIGNAL_OFFER, SIGNAL_ANSWER, SIGNAL_RESTART, SIGNAL_RESTART_ANSWER */
	const char *sdp;
	bool has_identity;
	struct signal_identity identity;

	/* SIGNAL_CANDIDATE; the empty text is the end of candidates */
	const char *candidate;
	const char *sdp_mid; /* NULL when not given */
	int sdp_mline_index; /* -1 when not given */

	/* SIGNAL_BYE */
	const char *reason; /* "" when not given */
};

/* Reads a payload; every text in *ret_signal is borrowed from it, and *ret_signal keeps a reference
 * to it until signal_deinit(). ERR_UNSUPPORTED: an unknown type, to be ignored; ERR_MALFORMED, with
 * the field in *ret_field (a static text; may be NULL). */
MUST_CHECK enum err signal_parse(
	json_t *payload, struct signal *ret_signal, const char **ret_field);

/* The payload as a new JSON object that the caller owns. ERR_MALFORMED: a field breaks a rule;
 * ERR_NOMEM. */
MUST_CHECK enum err signal_encode(const struct signal *signal, json_t **ret_payload);

/* Accepts a zeroed one. */
void signal_deinit(struct signal *signal);

/* "offer", "answer", "ice-candidate", "restart", "restart-answer", "bye". */
const char *signal_type_name(enum signal_type type);
/* What is signed in the identity of a description. */
enum assertion_type signal_assertion_type(enum signal_type type);

#endif
