/* Proof of possession of a node key, for login by key and for registration at a hub.
 *
 * The node signs the hub's challenge together with what it is for, with its own id, and with the
 * name of the hub as the node sees it: so a proof is good for one hub, one purpose and one
 * challenge, and a hub cannot use it to log in at another. Signed, under the context
 * "dpc-proof-v1", is each field in this order with its length in front as uint16: purpose, hub,
 * node id, challenge. That a challenge is fresh and used once is the hub's to see to. */
#ifndef CRYPTO_PROOF_H
#define CRYPTO_PROOF_H

#include "crypto/identity.h"

/* Purposes; they appear in the signed bytes. */
#define PROOF_PURPOSE_LOGIN "login"
#define PROOF_PURPOSE_REGISTER "register"

struct proof {
	const char *purpose;    /* one of the above */
	const char *hub;        /* origin in the client's configuration: "https://hub.example" */
	const char *node_id;    /* who signs */
	struct bytes challenge; /* as the hub gave it out, byte by byte */
};

/* `signature` has room for IDENTITY_SIGNATURE_MAX. ERR_TOO_LARGE, ERR_MISMATCH when the proof names
 * another node, ERR_CRYPTO. */
MUST_CHECK enum err proof_make(const struct identity *identity, const struct proof *proof,
	uint8_t *signature, size_t *ret_size);

/* The certificate must have passed certificate_check() for the proof's node id. ERR_UNTRUSTED,
 * ERR_TOO_LARGE, ERR_MISMATCH. */
MUST_CHECK enum err proof_verify(
	const struct certificate *certificate, const struct proof *proof, struct bytes signature);

#endif
