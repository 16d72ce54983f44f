/* A peer's candidates and descriptions: offer and answer (RFC 8829, 8839, 8841, 8842), trickle (RFC
 * 8838). */
#include <stdlib.h>

#include "base/text.h"
#include "peer/convert.h"
#include "peer/internal.h"

enum dpc_err dpc_peer_add_host(struct dpc_peer *peer, int64_t now, const struct dpc_addr *addr)
{
	struct addr host = addr_from_public(addr);
	if (host.family == ADDR_NONE || (host.transport == ADDR_TCP && host.port == 0))
		return DPC_ERR_MALFORMED;
	peer->now = now;
	enum err err = ice_agent_add_host(peer->ice, now, &host);
	peer_pump(peer);
	return err_to_public(err);
}

enum dpc_err dpc_peer_add_reflexive(struct dpc_peer *peer, int64_t now,
	const struct dpc_addr *public_base, const struct dpc_addr *reflexive)
{
	struct addr base = addr_from_public(public_base), mapped = addr_from_public(reflexive);
	if (base.family == ADDR_NONE || base.family != mapped.family)
		return DPC_ERR_MALFORMED;
	peer->now = now;
	enum err err = ice_agent_add_reflexive(peer->ice, now, &base, &mapped);
	peer_pump(peer);
	return err_to_public(err);
}

enum dpc_err dpc_peer_add_relayed(struct dpc_peer *peer, int64_t now, const struct dpc_addr *addr)
{
	struct addr relayed = addr_from_public(addr);
	if (relayed.family == ADDR_NONE)
		return DPC_ERR_MALFORMED;
	peer->now = now;
	enum err err = ice_agent_add_relayed(peer->ice, now, &relayed);
	peer_pump(peer);
	return err_to_public(err);
}

void dpc_peer_end_of_candidates(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	peer->end_of_local = true;
	ice_agent_end_of_local(peer->ice, now);
	peer_pump(peer);
}

enum dpc_err dpc_peer_remove_host(
	struct dpc_peer *peer, int64_t now, const struct dpc_addr *public_addr)
{
	struct addr addr = addr_from_public(public_addr);
	peer->now = now;
	/* Of those that were told, fewer are left. */
	size_t told = 0;
	for (size_t i = 0; i < peer->candidates_told; i++)
		told += !addr_equal(&ice_agent_local(peer->ice, i)->base, &addr);
	enum err err = ice_agent_remove_local(peer->ice, now, &addr);
	if (!err)
		peer->candidates_told = told;
	peer_pump(peer);
	return err_to_public(err);
}

/* ---- Ours ---- */

bool peer_tells(const struct ice_candidate *candidate)
{
	return candidate->tcp != ICE_TCP_ACTIVE;
}

static size_t format_candidates(struct dpc_peer *peer, struct sdp *sdp,
	char texts[SDP_CANDIDATES_MAX][ICE_CANDIDATE_TEXT_MAX])
{
	size_t count = min_size(ice_agent_local_count(peer->ice), SDP_CANDIDATES_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct ice_candidate *c = ice_agent_local(peer->ice, i);
		char *text = texts[sdp->candidate_count];
		if (!peer_tells(c))
			continue;
		ice_candidate_format(c, text);
		sdp->candidates[sdp->candidate_count++] = bytes_of_text(text);
	}
	return count;
}

static enum sctp_congestion_algorithm congestion_of(enum dpc_congestion congestion)
{
	switch (congestion) {
	case DPC_CONGESTION_DEFAULT:
		return SCTP_CONGESTION_DEFAULT;
	case DPC_CONGESTION_CUBIC:
		return SCTP_CUBIC;
	case DPC_CONGESTION_BBR:
		return SCTP_BBR;
	case DPC_CONGESTION_NEWRENO:
		return SCTP_NEWRENO;
	}
	return SCTP_CONGESTION_DEFAULT; /* the configuration is the caller's */
}

/* The association is made with the first description of either side, since ours carries its INIT.
 */
static enum err create_association(struct dpc_peer *peer)
{
	if (peer->sctp)
		return ERR_OK;
	const struct sctp_config config = {
		.local_port = SCTP_PORT,
		.remote_port = SCTP_PORT,
		.packet_max = peer_sctp_packet_max(peer->config.mtu),
		.packet_limit = peer_sctp_packet_max(peer->config.mtu_max),
		.message_max = peer->config.message_max,
		.receive_window = peer->config.receive_window,
		.send_queue_max = peer->config.send_queue_max,
		.budget = peer->config.budget ? &peer->config.budget->sctp : NULL,
		.congestion = congestion_of(peer->config.congestion),
		.zero_checksum = true,
		.no_interleaving = peer->config.no_interleaving,
		.no_partial_reliability = peer->config.no_partial_reliability,
		.rng = &peer->rng,
	};
	return sctp_create(&config, peer->now, &peer->sctp);
}

/* Our INIT in base64 for the description: in an offer, and in the answer to one that had the
 * peer's. NULL: memory is out. */
static char *format_init(const struct dpc_peer *peer)
{
	uint8_t init[SCTP_INIT_MAX];
	return base64_encode(bytes_of(init, sctp_local_init(peer->sctp, init, sizeof init)));
}

static bool describes_init(const struct dpc_peer *peer, bool legacy)
{
	/* The association of a restart exists. */
	if (peer->restarted)
		return false;
	if (!peer->config.offerer)
		return peer->snap;
	return !legacy && !peer->config.no_snap;
}

enum dpc_err dpc_peer_local_description(struct dpc_peer *peer, char *text, size_t capacity)
{
	CHECK(capacity > 0);
	if (peer->state == DPC_CLOSED || (!peer->is_offerer && !peer->has_remote))
		return DPC_ERR_STATE;
	enum err err = create_association(peer);
	if (err)
		return err_to_public(err);
	struct sdp sdp = {
		.legacy = peer->config.offerer ? peer->config.legacy_sdp : peer->remote_legacy,
		.end_of_candidates = peer->end_of_local,
		.ice_pacing = ICE_PACING_MS,
		.sctp_port = SCTP_PORT,
		.message_max = peer->config.message_max,
		.mid = bytes_of_text(peer->mid[0] ? peer->mid : "0"),
		.ufrag = bytes_of_text(ice_agent_ufrag(peer->ice)),
		.pwd = bytes_of_text(ice_agent_pwd(peer->ice)),
		.fingerprint_hash = bytes_of_text("sha-256"),
		.fingerprint = bytes_of_text(dpc_peer_fingerprint(peer)),
	};
	/* RFC 8842 section 5.2: an offer leaves the choice to the answer. */
	if (!peer->is_offerer)
		sdp.setup = peer->dtls_client ? SDP_ACTIVE : SDP_PASSIVE;
	/* RFC 8842 section 5.3: in an answer only to an offer with one. */
	if (!sdp.legacy && (peer->config.offerer || peer->remote_tls_id))
		sdp.tls_id = bytes_of_text(peer->tls_id);
	char *init = NULL;
	if (describes_init(peer, sdp.legacy)) {
		init = format_init(peer);
		if (!init)
			return DPC_ERR_NOMEM;
		sdp.sctp_init = bytes_of_text(init);
	}
	char(*texts)[ICE_CANDIDATE_TEXT_MAX] = malloc(SDP_CANDIDATES_MAX * sizeof *texts);
	if (!texts) {
		free(init);
		return DPC_ERR_NOMEM;
	}
	size_t count = format_candidates(peer, &sdp, texts);
	struct writer w = writer_of(text, capacity - 1);
	sdp_write(&w, &sdp, peer->sdp_session);
	free(texts);
	free(init);
	if (w.failed) {
		text[0] = 0;
		return DPC_ERR_TOO_LARGE;
	}
	text[w.size] = 0;
	peer->described = true;
	peer->candidates_told = count;
	peer->end_reported = peer->end_of_local;
	return DPC_OK;
}

const char *dpc_peer_user(const struct dpc_peer *peer)
{
	return ice_agent_ufrag(peer->ice);
}

const char *dpc_peer_former_user(const struct dpc_peer *peer)
{
	return ice_agent_former_ufrag(peer->ice);
}

const char *dpc_peer_fingerprint(const struct dpc_peer *peer)
{
	return dtls_certificate_fingerprint(peer->certificate);
}

const char *dpc_peer_remote_fingerprint(const struct dpc_peer *peer)
{
	return peer->remote_fingerprint;
}

/* ---- Theirs ---- */

/* Which side is the DTLS client (RFC 8842 section 5.3): as the answerer we choose to be, where the
 * offer leaves the choice, since our ClientHello then leaves as soon as a pair works. */
static enum err choose_role(const struct dpc_peer *peer, enum sdp_setup remote, bool *ret_client)
{
	switch (remote) {
	case SDP_ACTPASS:
		if (peer->config.offerer)
			return ERR_MALFORMED;
		*ret_client = true;
		return ERR_OK;
	case SDP_ACTIVE:
		*ret_client = false;
		return ERR_OK;
	case SDP_PASSIVE:
		*ret_client = true;
		return ERR_OK;
	}
	UNREACHABLE();
}

/* Draft-hancke-tsvwg-snap. An INIT in an offer is taken up when it is one, else the answer is
 * without and SCTP shakes hands. One in an answer means that the peer counts on ours, so it has to
 * be right; but one that is ours comes from a stack that repeats what it does not know. */
static enum err take_init(struct dpc_peer *peer, const struct sdp *sdp)
{
	uint8_t init[SCTP_INIT_MAX];
	size_t size = 0;
	bool wanted = sdp->sctp_init.size > 0 && !sdp->legacy && !peer->config.no_snap;
	enum err err = ERR_MALFORMED;
	if (!wanted || base64_decode(sdp->sctp_init, init, sizeof init, &size))
		err = sctp_set_remote_init(peer->sctp, bytes_of(init, size));
	peer->snap = wanted && !err;
	if (err == ERR_MALFORMED && peer->config.offerer)
		return err;
	if (err == ERR_MALFORMED)
		peer->dropped++;
	return ERR_OK;
}

static enum err create_transport(struct dpc_peer *peer, const struct sdp *sdp, bool client)
{
	enum err err = dtls_create(&(struct dtls_config){.certificate = peer->certificate,
					   .client = client,
					   .mtu = peer->config.mtu},
		&peer->dtls);
	if (err)
		return err;
	err = dtls_expect(peer->dtls, sdp->fingerprint_hash, sdp->fingerprint);
	if (err)
		goto fail_dtls;
	err = create_association(peer);
	if (err)
		goto fail_dtls;
	sctp_set_remote_port(peer->sctp, sdp->sctp_port);
	return ERR_OK;

fail_dtls:
	dtls_destroy(peer->dtls);
	peer->dtls = NULL;
	return err;
}

static enum err add_candidate(struct dpc_peer *peer, struct bytes text)
{
	struct ice_candidate candidate;
	enum err err = ice_candidate_parse(text, &candidate);
	return err ? err : ice_agent_add_remote(peer->ice, peer->now, &candidate);
}

/* Candidates that are not for us (host names) are passed over; so are those beyond the limit.
 */
static void add_candidates(struct dpc_peer *peer, const struct sdp *sdp)
{
	for (size_t i = 0; i < sdp->candidate_count; i++) {
		enum err err = add_candidate(peer, sdp->candidates[i]);
		if (err == ERR_MALFORMED || err == ERR_LIMIT)
			peer->dropped++;
	}
	if (sdp->end_of_candidates)
		ice_agent_end_of_remote(peer->ice, peer->now);
}

static enum err copy_texts(struct dpc_peer *peer, const struct sdp *sdp)
{
	peer->remote_fingerprint[0] = 0;
	bool is_sha256 = bytes_equal_text_ignoring_case(sdp->fingerprint_hash, "sha-256");
	if (!text_copy_bytes(peer->mid, sizeof peer->mid, sdp->mid) ||
		(is_sha256 && !text_copy_bytes(peer->remote_fingerprint,
				      sizeof peer->remote_fingerprint, sdp->fingerprint)))
		return ERR_MALFORMED;
	free(peer->remote_tls_id);
	peer->remote_tls_id = NULL;
	if (sdp->tls_id.size == 0)
		return ERR_OK;
	peer->remote_tls_id = text_duplicate_bytes(sdp->tls_id);
	return peer->remote_tls_id ? ERR_OK : ERR_NOMEM;
}

/* The answer is there, and with it comes what opens our NAT to the checks of the answerer. Where
 * none of them has come, they are probably lost; a candidate that it knows already tells it to
 * check again. */
static void note_answer(struct dpc_peer *peer, enum sdp_setup setup)
{
	peer->repeat_candidate = setup != SDP_ACTPASS && !ice_agent_was_checked(peer->ice);
}

/* ICE comes last: what it is told once it cannot be told again. */
static enum err set_remote(struct dpc_peer *peer, struct bytes text)
{
	struct sdp sdp;
	enum err err = sdp_parse(text, &sdp);
	if (err)
		return err;
	bool client;
	err = choose_role(peer, sdp.setup, &client);
	if (err)
		return err;
	err = create_transport(peer, &sdp, client);
	if (err)
		return err;
	err = copy_texts(peer, &sdp);
	if (!err && peer->remote_tls_id)
		dtls_set_ids(peer->dtls, bytes_of_text(peer->tls_id),
			bytes_of_text(peer->remote_tls_id));
	if (!err)
		err = take_init(peer, &sdp);
	ice_agent_set_pacing(peer->ice, sdp.ice_pacing);
	note_answer(peer, sdp.setup);
	if (!err)
		err = ice_agent_set_remote(peer->ice, peer->now, sdp.ufrag, sdp.pwd, sdp.ice_lite);
	if (err) {
		dtls_destroy(peer->dtls);
		peer->dtls = NULL;
		return err;
	}
	peer->has_remote = true;
	/* Another DTLS association would be another peer: see compare_remote(). */
	dtls_certificate_forget_key(peer->certificate);
	peer->remote_legacy = sdp.legacy;
	peer->dtls_client = client;
	peer->remote_message_max = sdp.message_max;
	peer->guard = peer->now + PEER_SETUP_TIMEOUT;
	peer->state = DPC_CONNECTING;
	/* RFC 8832 section 6: the DTLS client takes the even streams. */
	channels_attach(peer->channels, peer->now, peer->sctp, client, sdp.message_max);
	peer->sendable = true;
	add_candidates(peer, &sdp);
	return ERR_OK;
}

/* ---- Afterwards ---- */

/* New credentials of ours, unless those that we have are still to be answered. */
static enum err restart(struct dpc_peer *peer)
{
	enum err err = ice_agent_restart(peer->ice, peer->now);
	if (err && err != ERR_EXISTS)
		return err;
	peer->restarted = true;
	peer->described = false;
	peer->candidates_told = 0;
	peer->end_of_local = peer->end_reported = false;
	return ERR_OK;
}

enum dpc_err dpc_peer_restart_ice(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	if (!peer->has_remote || peer->state == DPC_CLOSED)
		return DPC_ERR_STATE;
	enum err err = restart(peer);
	if (!err)
		peer->is_offerer = true;
	peer_pump(peer);
	return err_to_public(err);
}

/* The other side's new credentials: its answer to a restart of ours, or its offer of one. An offer
 * that meets ours says all that an answer would. */
static enum err take_restart(struct dpc_peer *peer, const struct sdp *sdp)
{
	bool is_offer = sdp->setup == SDP_ACTPASS, is_open = !ice_agent_has_remote(peer->ice);
	if (ice_agent_was_remote(peer->ice, sdp->ufrag, sdp->pwd) || !(is_offer || is_open))
		return ERR_STATE;
	enum err err = is_open ? ERR_OK : restart(peer);
	if (err)
		return err;
	ice_agent_set_pacing(peer->ice, sdp->ice_pacing);
	note_answer(peer, sdp->setup);
	err = ice_agent_set_remote(peer->ice, peer->now, sdp->ufrag, sdp->pwd, sdp->ice_lite);
	if (err)
		return err;
	if (is_offer)
		peer->is_offerer = false;
	add_candidates(peer, sdp);
	return ERR_OK;
}

/* A description after the first. RFC 8842 section 4: another fingerprint or tls-id asks for a new
 * DTLS association, which is a new peer here, and so does another role in one; RFC 8839
 * section 4.4.1.1.1: another user name or password asks for an ICE restart. What is left is a
 * repetition. */
static enum err update_remote(struct dpc_peer *peer, struct bytes text)
{
	struct sdp sdp;
	enum err err = sdp_parse(text, &sdp);
	if (err)
		return err;
	const char *tls_id = peer->remote_tls_id ? peer->remote_tls_id : "";
	if (!dtls_expects(peer->dtls, sdp.fingerprint_hash, sdp.fingerprint) ||
		!bytes_equal_text(sdp.tls_id, tls_id))
		return ERR_MISMATCH;
	if (sdp.setup != SDP_ACTPASS && (sdp.setup == SDP_PASSIVE) != peer->dtls_client)
		return ERR_MISMATCH;
	if (!ice_agent_is_remote(peer->ice, sdp.ufrag, sdp.pwd))
		return take_restart(peer, &sdp);
	if (sdp.setup == SDP_ACTPASS)
		peer->is_offerer = false;
	add_candidates(peer, &sdp);
	return ERR_EXISTS;
}

enum dpc_err dpc_peer_set_remote_description(
	struct dpc_peer *peer, int64_t now, const char *sdp, size_t size)
{
	peer->now = now;
	if (peer->state == DPC_CLOSED ||
		(peer->config.offerer && !peer->has_remote && !peer->described))
		return DPC_ERR_STATE;
	struct bytes text = bytes_of(sdp, size);
	enum err err = peer->has_remote ? update_remote(peer, text) : set_remote(peer, text);
	peer_pump(peer);
	return err_to_public(err);
}

enum dpc_err dpc_peer_add_remote_candidate(
	struct dpc_peer *peer, int64_t now, const char *text, size_t size)
{
	peer->now = now;
	if (!peer->has_remote || peer->state == DPC_CLOSED)
		return DPC_ERR_STATE;
	if (size == 0) {
		ice_agent_end_of_remote(peer->ice, now);
		peer_pump(peer);
		return DPC_OK;
	}
	enum err err = add_candidate(peer, bytes_of(text, size));
	peer_pump(peer);
	return err_to_public(err);
}
