/* Signalling: what nodes tell each other through the hub to set a WebRTC link up, and whom to
 * believe. The hub relays it and could change it, so an offer or an answer counts for nothing
 * before its assertion is verified: signed by the key of the node that it claims to come from, for
 * us, for this session and this DTLS fingerprint. Only a contact that the user marked as
 * hub-vouched is taken on the hub's word. */
#ifndef NODE_SIGNALLING_H
#define NODE_SIGNALLING_H

#include <jansson.h>

#include "message/signal.h"
#include "node/failure.h"
#include "node/store.h"

struct node;

/* A payload from the hub. `sender` is what the hub says. */
void signalling_receive(struct node *node, const char *sender, json_t *payload);
/* The hub could not deliver our last signal to this node. */
void signalling_undeliverable(struct node *node, const char *target, const struct failure *failure);

/* Sends a payload, signed when it is an offer or an answer with `fingerprint`. `offer_sdp` is the
 * offer that an answer answers. ERR_STATE: the hub is not connected; ERR_CRYPTO, ERR_LIMIT,
 * ERR_NOMEM. */
MUST_CHECK enum err signalling_send_description(struct node *node, const char *target,
	enum signal_type type, const char *session_id, const char *sdp, const char *fingerprint,
	const char *offer_sdp);
MUST_CHECK enum err signalling_send_candidate(
	struct node *node, const char *target, const char *session_id, const char *candidate);
void signalling_send_bye(
	struct node *node, const char *target, const char *session_id, const char *reason);

/* Whether the description was really made by `sender` for us. `fingerprint` is the one in its SDP,
 * as the DTLS layer will check it; `offer_sdp` the offer that we sent, for an answer. On success
 * the key is in *ret_pin. ERR_NOT_FOUND: there is no assertion at all. `reason` says what is wrong.
 */
MUST_CHECK enum err signalling_verify(struct node *node, const struct signal *signal,
	const char *sender, const char *fingerprint, const char *offer_sdp,
	struct node_pin *ret_pin, const char **ret_reason);

#endif
