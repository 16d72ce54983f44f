#include "node/signalling.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "crypto/certificate.h"
#include "dpc/peer.h"
#include "node/events.h"
#include "node/hub_client.h"
#include "node/internal.h"
#include "node/session.h"
#include "node/strangers.h"

/* ---- Sending ---- */

static enum err send_signal(struct node *node, const char *target, const struct signal *signal)
{
	json_t *payload;
	enum err err = signal_encode(signal, &payload);
	return err ? err : hub_client_signal(node->hub, target, payload);
}

static bool is_restart(const struct signal *signal)
{
	return signal->type == SIGNAL_RESTART || signal->type == SIGNAL_RESTART_ANSWER;
}

/* Of what is signed besides the fingerprint: see struct assertion. */
static void hash_sdp(const struct signal *signal, const char *offer_sdp, uint8_t *ret_hash)
{
	const char *sdp = is_restart(signal) ? signal->sdp : offer_sdp;
	if (sdp)
		hash_sha256(bytes_of_text(sdp), ret_hash);
}

static enum err sign(struct node *node, struct signal *signal, const char *target,
	const char *fingerprint, const char *offer_sdp)
{
	struct signal_identity *identity = &signal->identity;
	identity->certificate = certificate_pem(identity_certificate(node->identity));
	identity->assertion = (struct assertion){.type = signal_assertion_type(signal->type),
		.session_id = signal->session_id,
		.sender = node->id,
		.target = target,
		.fingerprint = fingerprint,
		.expiry = net_unix_now() / USEC_PER_SEC + ASSERTION_LIFETIME_S};
	hash_sdp(signal, offer_sdp, identity->assertion.sdp_hash);
	signal->has_identity = true;
	return assertion_sign(node->identity, &identity->assertion, identity->signature,
		&identity->signature_size);
}

enum err signalling_send_description(struct node *node, const char *target, enum signal_type type,
	const char *session_id, const char *sdp, const char *fingerprint, const char *offer_sdp)
{
	struct signal signal = {
		.type = type, .session_id = session_id, .sdp = sdp, .sdp_mline_index = -1};
	/* To an older peer, which named no session, there is nothing to sign for. */
	enum err err = session_id ? sign(node, &signal, target, fingerprint, offer_sdp) : ERR_OK;
	return err ? err : send_signal(node, target, &signal);
}

enum err signalling_send_candidate(
	struct node *node, const char *target, const char *session_id, const char *candidate)
{
	struct signal signal = {.type = SIGNAL_CANDIDATE,
		.session_id = session_id,
		.candidate = candidate,
		.sdp_mid = "0",
		.sdp_mline_index = 0};
	return send_signal(node, target, &signal);
}

void signalling_send_bye(
	struct node *node, const char *target, const char *session_id, const char *reason)
{
	struct signal signal = {.type = SIGNAL_BYE,
		.session_id = session_id,
		.reason = reason,
		.sdp_mline_index = -1};
	if (session_id && send_signal(node, target, &signal) != ERR_OK)
		log_debug("cannot tell '%s' that it is refused", target);
}

/* ---- Believing ---- */

enum err signalling_verify(struct node *node, const struct signal *signal, const char *sender,
	const char *fingerprint, const char *offer_sdp, struct node_pin *ret_pin,
	const char **ret_reason)
{
	struct certificate *certificate;
	const struct signal_identity *identity = &signal->identity;
	if (!signal->has_identity || !signal->session_id) {
		*ret_reason = "the description is not signed";
		return ERR_NOT_FOUND;
	}
	enum err err = certificate_parse(bytes_of_text(identity->certificate), &certificate);
	if (err) {
		*ret_reason = "the certificate cannot be read";
		return err;
	}
	struct assertion claimed = identity->assertion;
	struct assertion expected = {.type = signal_assertion_type(signal->type),
		.session_id = signal->session_id,
		.sender = sender,
		.target = node->id,
		.fingerprint = fingerprint};
	hash_sdp(signal, offer_sdp, expected.sdp_hash);
	/* It need not be said: who signed it saw the description that came. */
	if (is_restart(signal))
		memcpy(claimed.sdp_hash, expected.sdp_hash, sizeof(claimed.sdp_hash));
	err = assertion_verify(&claimed, &expected, certificate,
		bytes_of(identity->signature, identity->signature_size),
		net_unix_now() / USEC_PER_SEC, ret_reason);
	if (!err)
		*ret_pin = certificate_info(certificate)->pin;
	certificate_destroy(certificate);
	return err;
}

/* The same for an offer for which there is no peer yet: one is made only to read the description,
 * so that it is read by the same code as later. */
static enum err verify_offer(struct node *node, const struct signal *offer, const char *sender,
	struct node_pin *ret_pin, const char **ret_reason)
{
	struct dpc_peer *peer;
	struct dpc_peer_config config = {.unix_time = net_unix_now() / USEC_PER_SEC};
	if (dpc_peer_create(&config, net_now(), &peer) != DPC_OK)
		return ERR_NOMEM;
	enum err err = ERR_MALFORMED;
	*ret_reason = "the description cannot be read";
	if (dpc_peer_set_remote_description(peer, net_now(), offer->sdp, strlen(offer->sdp)) ==
		DPC_OK)
		err = signalling_verify(node, offer, sender, dpc_peer_remote_fingerprint(peer),
			NULL, ret_pin, ret_reason);
	dpc_peer_destroy(peer);
	return err;
}

/* ---- Contacts ---- */

static void refuse(struct node *node, const char *sender, const char *name,
	const struct signal *signal, const char *reason)
{
	event_refused(node, sender, name, "webrtc", reason);
	signalling_send_bye(node, sender, signal->session_id, "refused");
}

static void receive_offer(struct session *session, const struct signal *signal)
{
	struct node *node = session->node;
	struct link *ours = link_rtc_pending_offer(session);
	struct failure failure;
	if (!rate_take(&session->offer_rate, net_now(), NODE_OFFERS_PER_MINUTE)) {
		refuse(node, session->id, session->name, signal, "too many offers");
		return;
	}
	/* An offer that was answered already comes again only from a hub that repeats it. */
	if (signal->session_id && link_rtc_find(session, signal->session_id))
		return;
	if (ours && glare_ours_wins(node->id, session->id)) {
		log_debug("offers crossed with '%s': ours stands", session->name);
		return;
	}
	if (link_rtc_accept(session, signal, &failure) != ERR_OK) {
		refuse(node, session->id, session->name, signal, failure.fault.text);
		return;
	}
	/* Theirs stands, and takes the place of ours in this round. */
	if (ours) {
		struct link *theirs = CONTAINER_OF(session->links.prev, struct link, node);
		log_debug("offers crossed with '%s': theirs stands", session->name);
		theirs->attempt = ours->attempt;
		link_destroy(ours);
	}
}

static bool may_signal(
	struct node *node, const struct store_contact *contact, const struct signal *signal)
{
	if (contact->blocked) {
		node->counters.refused++;
		return false;
	}
	if (contact->policy == STORE_POLICY_LAN_ONLY) {
		refuse(node, contact->node_id, contact->name, signal,
			"the policy of this contact allows links in one's own network only");
		return false;
	}
	if (contact->policy == STORE_POLICY_RELAY_ONLY && peer_io_relay_count(node->io) == 0) {
		refuse(node, contact->node_id, contact->name, signal,
			"the policy of this contact allows links through a relay only, and there "
			"is none");
		return false;
	}
	return true;
}

static void receive_from_contact(
	struct node *node, const struct store_contact *contact, const struct signal *signal)
{
	struct session *session;
	if (!may_signal(node, contact, signal))
		return;
	if (session_get(node, contact->node_id, &session) != ERR_OK) {
		log_warn("cannot answer '%s': out of memory", contact->name);
		return;
	}
	if (signal->type == SIGNAL_OFFER) {
		receive_offer(session, signal);
		return;
	}
	if (is_restart(signal) &&
		!rate_take(&session->offer_rate, net_now(), NODE_OFFERS_PER_MINUTE)) {
		node->counters.refused++;
		return;
	}
	struct link *link = link_rtc_find(session, signal->session_id);
	if (link)
		link_rtc_signal(link, signal, false);
	else if (signal->type == SIGNAL_RESTART)
		/* We were started again, or have given it up. */
		signalling_send_bye(node, session->id, signal->session_id, "unknown session");
}

/* ---- Strangers ---- */

static void receive_stranger_offer(
	struct node *node, const char *sender, const struct signal *signal, json_t *payload)
{
	struct node_pin pin;
	struct store_contact contact;
	const char *reason = "";
	if (node->config.strangers == CONFIG_STRANGERS_DENY) {
		refuse(node, sender, NULL, signal, "no contact, and strangers are denied");
		return;
	}
	if (!rate_take(&node->stranger_offers, net_now(), NODE_OFFERS_PER_MINUTE)) {
		node->counters.refused++;
		return;
	}
	enum err err = verify_offer(node, signal, sender, &pin, &reason);
	if (err) {
		refuse(node, sender, NULL, signal, reason[0] ? reason : err_text(err));
		return;
	}
	/* No stranger: a contact, perhaps a blocked one, by the other form of its id. */
	if (node_contact_of_pin(node, &pin, &contact) != ERR_NOT_FOUND) {
		refuse(node, sender, NULL, signal, "the key is that of a contact with another id");
		return;
	}
	if (node->config.strangers == CONFIG_STRANGERS_ASK)
		strangers_add_offer(node, sender, &pin, payload);
	else if (strangers_befriend(node, sender, &contact) == ERR_OK)
		signalling_receive(node, sender, payload);
}

static void receive_from_stranger(
	struct node *node, const char *sender, const struct signal *signal, json_t *payload)
{
	struct stranger *stranger = strangers_find(&node->strangers, sender);
	switch (signal->type) {
	case SIGNAL_OFFER:
		receive_stranger_offer(node, sender, signal, payload);
		break;
	case SIGNAL_CANDIDATE:
		if (stranger)
			strangers_add_candidate(stranger, payload);
		break;
	case SIGNAL_NONE:
	case SIGNAL_ANSWER:
	case SIGNAL_RESTART:
	case SIGNAL_RESTART_ANSWER:
	case SIGNAL_BYE:
	case SIGNAL_TYPE_COUNT:
		break;
	}
}

/* ---- What the hub brings ---- */

void signalling_receive(struct node *node, const char *sender, json_t *payload)
{
	struct signal signal = {0};
	struct store_contact contact;
	const char *field = "";
	if (!node_id_is_valid(sender) || strcmp(sender, node->id) == 0) {
		node->counters.malformed++;
		return;
	}
	enum err err = signal_parse(payload, &signal, &field);
	if (err) {
		node->counters.malformed++;
		log_debug("a signal of '%s' cannot be read: '%s'", sender, field);
		return;
	}
	err = store_contact_get(node->store, sender, &contact);
	if (err == ERR_NOT_FOUND)
		receive_from_stranger(node, sender, &signal, payload);
	else if (err)
		log_warn("%s", store_fault_text(node->store));
	else
		receive_from_contact(node, &contact, &signal);
	signal_deinit(&signal);
}

void signalling_undeliverable(struct node *node, const char *target, const struct failure *failure)
{
	struct session *session = session_find(node, target);
	struct link *link = session ? link_rtc_pending_offer(session) : NULL;
	if (link)
		link_rtc_hub_error(link, failure);
}
