/* Proof that a client has the private key of a node: for login by key and for registration. */
#ifndef HUB_POSSESSION_H
#define HUB_POSSESSION_H

#include <jansson.h>

#include "crypto/proof.h"
#include "hub/challenge.h"

/* Why a request is refused, as it is answered. */
struct refusal {
	int status;
	const char *code, *message; /* static */
};

/* What a client says; borrowed from `body`. */
struct possession {
	json_t *body;
	const char *node_id, *certificate, *challenge, *signature;
	const char *public_key; /* NULL in a login */
};

/* POST /login/key {node_id, certificate, challenge, signature}. ERR_MALFORMED, ERR_LIMIT,
 * ERR_NOMEM, ERR_TOO_LARGE. */
MUST_CHECK enum err possession_parse_login(struct bytes text, struct possession *ret_possession);
/* POST /register-node-id {node_id, public_key, certificate, proof: {challenge, signature}}. */
MUST_CHECK enum err possession_parse_registration(
	struct bytes text, struct possession *ret_possession);
void possession_deinit(struct possession *possession);

/* All of it: the certificate and the public key are well-formed and belong together, signature,
 * dates, kind and size of key, CN = node id = the id derived from the key, a fresh challenge of
 * ours, and its signature for one of the `origins` by which nodes know this hub. NULL: it
 * is right, and the certificate is the caller's to destroy. That the challenge was not answered
 * before is for store_challenge_spend(). */
const struct refusal *possession_check(const struct possession *possession, const char *purpose,
	const struct challenges *challenges, const char *const *origins, size_t origin_count,
	int64_t now, struct certificate **ret_certificate);

#endif
