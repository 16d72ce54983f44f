/* The peer: joins ICE, DTLS, SCTP and data channels, which do not know each other.
 *
 *     datagram -> demux -> ice                       STUN: checks, consent
 *                       -> dtls -> sctp -> channels  records, packets, messages
 *
 * Every entry point that takes a time does its one change and then peer_pump(), which looks at the
 * layers' states and carries them on. What follows from it is pulled by the caller. */
#include "peer/internal.h"

#include <stdlib.h>

#include "base/text.h"
#include "peer/convert.h"
#include "peer/demux.h"

/* RFC 5246 section 6.2.1: the content type of alerts, of which a closed peer waits for
 * close_notify.
 */
#define DTLS_ALERT 21

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

enum dpc_err dpc_peer_create(
	const struct dpc_peer_config *config, int64_t now, struct dpc_peer **ret_peer)
{
	struct dpc_peer *peer = calloc(1, sizeof *peer);
	if (!peer)
		return DPC_ERR_NOMEM;
	peer->config = *config;
	peer->config.mtu = or_default(config->mtu, DPC_MTU_DEFAULT);
	peer->config.mtu_max = (uint32_t)min_size(config->mtu_max, PEER_MTU_SEARCH_MAX);
	peer->config.message_max = or_default(config->message_max, DPC_MESSAGE_MAX_DEFAULT);
	enum err err = ERR_LIMIT;
	if (peer->config.mtu < PEER_MTU_MIN || peer->config.mtu > PEER_MTU_MAX)
		goto fail;
	if (config->quiet_max && config->quiet_max < PEER_QUIET_MIN)
		goto fail;
	peer->rng = config->seed ? rng_seeded(config->seed) : rng_system();
	peer->is_offerer = config->offerer;
	peer->created = peer->now = now;
	peer->guard = USEC_NEVER;
	peer->sdp_session = rng_u64(&peer->rng) >> 2;
	uint8_t tls_id[PEER_TLS_ID_SIZE / 2];
	rng_fill(&peer->rng, tls_id, sizeof tls_id);
	hex_encode(bytes_of(tls_id, sizeof tls_id), peer->tls_id);

	err = dtls_certificate_create(config->unix_time, &peer->certificate);
	if (err)
		goto fail;
	err = ice_agent_create(&(struct ice_config){.controlling = config->offerer,
				       .refuse_relayed = config->refuse_relayed,
				       .quiet_max = config->quiet_max,
				       .rng = &peer->rng},
		now, &peer->ice);
	if (err)
		goto fail;
	err = channels_create(&peer->channels);
	if (err)
		goto fail;
	*ret_peer = peer;
	return DPC_OK;

fail:
	dpc_peer_destroy(peer);
	return err_to_public(err);
}

void dpc_peer_destroy(struct dpc_peer *peer)
{
	if (!peer)
		return;
	channels_destroy(peer->channels);
	sctp_destroy(peer->sctp);
	dtls_destroy(peer->dtls);
	dtls_certificate_destroy(peer->certificate);
	ice_agent_destroy(peer->ice);
	for (size_t i = 0; i < peer->early_count; i++)
		free(peer->early[i]);
	free(peer->held);
	free(peer->remote_tls_id);
	free(peer);
}

size_t peer_sctp_packet_max(size_t datagram)
{
	/* A multiple of four, as all SCTP packets are: full packets then have one size. */
	return sat_sub(datagram, DTLS_OVERHEAD_MAX) & ~(size_t)3;
}

size_t peer_datagram_max(const struct dpc_peer *peer)
{
	return sctp_packet_size(peer->sctp) + DTLS_OVERHEAD_MAX;
}

/* ---- The life of the layers ---- */

void peer_set_closed(struct dpc_peer *peer, const char *reason)
{
	if (peer->state == DPC_CLOSED)
		return;
	peer->state = DPC_CLOSED;
	peer->close_reason = reason;
	peer->guard = USEC_NEVER;
}

static bool is_ended(const struct dpc_peer *peer)
{
	return peer->state == DPC_CLOSED;
}

static void take_other_path(struct dpc_peer *peer)
{
	bool replaces = peer->sctp_connected && (!peer->has_path || peer->path_silent);
	if (replaces)
		sctp_path_replaced(peer->sctp, peer->now);
	else
		sctp_path_changed(peer->sctp, peer->now);
}

static void notice_path(struct dpc_peer *peer)
{
	struct ice_event event;
	while (ice_agent_next_event(peer->ice, &event))
		continue;
	struct ice_selected selected;
	bool has_path = ice_agent_selected(peer->ice, &selected);
	if (has_path && (!peer->has_path || !path_equal(&peer->path, &selected.path))) {
		peer->path = selected.path;
		peer->path_changed = true;
		if (peer->sctp)
			take_other_path(peer);
	}
	peer->has_path = has_path;
}

/* Nothing can be sent until there is a path again; it is for ICE to say when that is hopeless. */
static void note_silence(struct dpc_peer *peer)
{
	peer->path_silent = true;
	if (peer->state == DPC_CONNECTED)
		peer->state = DPC_DISCONNECTED;
}

static void notice_ice(struct dpc_peer *peer)
{
	notice_path(peer);
	switch (ice_agent_state(peer->ice)) {
	case ICE_FAILED:
		peer_set_closed(peer, peer->sctp_connected ? "the path to the peer is lost"
							   : "no path to the peer works");
		return;
	case ICE_DISCONNECTED:
		note_silence(peer);
		return;
	case ICE_CONNECTED:
	case ICE_COMPLETED:
		if (peer->path_silent && peer->sctp)
			sctp_path_is_back(peer->sctp, peer->now);
		peer->path_silent = false;
		if (peer->state == DPC_DISCONNECTED)
			peer->state = DPC_CONNECTED;
		return;
	case ICE_NEW:
	case ICE_CHECKING:
		if (peer->sctp_connected)
			note_silence(peer);
		return;
	}
}

/* Hands the records that DTLS has opened to SCTP. Whether there were any. */
static bool drain_records(struct dpc_peer *peer)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	bool any = false;
	while (dtls_read(peer->dtls, data, sizeof data, &size)) {
		sctp_receive(peer->sctp, peer->now, bytes_of(data, size));
		any = true;
	}
	return any;
}

/* That the peer is heard is told to ICE, which needs it to the tenth of a second. */
#define HEARD_GRAIN (100 * USEC_PER_MS)

static void note_heard(struct dpc_peer *peer, const struct path *path)
{
	if (peer->now - peer->heard_at < HEARD_GRAIN)
		return;
	peer->heard_at = peer->now;
	ice_agent_note_heard(peer->ice, peer->now, path);
}

static void receive_dtls(struct dpc_peer *peer, const struct path *path, struct bytes datagram)
{
	dtls_receive(peer->dtls, peer->now, datagram);
	/* RFC 8831 section 6.1: no SCTP before the handshake is complete and the peer verified. */
	if (dtls_state(peer->dtls) == DTLS_OPEN && !peer->sctp_started) {
		peer->sctp_started = true;
		sctp_connect(peer->sctp, peer->now);
	}
	if (drain_records(peer))
		note_heard(peer, path);
}

/* Of another connection on the path, where it came before the description that tells. */
static bool is_foreign(const struct dpc_peer *peer, const struct early_datagram *early)
{
	return dtls_claims(peer->dtls, bytes_of(early->data, early->size)) == DTLS_CLAIM_NONE;
}

/* A datagram from elsewhere may be anybody's, and a handshake is not authentic before its end: it
 * waits for a check of the peer on its path, at the longest until the handshake is over. */
static void release_early(struct dpc_peer *peer)
{
	size_t kept = 0;
	for (size_t i = 0; i < peer->early_count; i++) {
		struct early_datagram *early = peer->early[i];
		bool is_known = ice_agent_path_is_valid(peer->ice, &early->path);
		if (!is_known && dtls_state(peer->dtls) <= DTLS_HANDSHAKE) {
			peer->early[kept++] = early;
			continue;
		}
		if (is_known && !is_foreign(peer, early))
			receive_dtls(peer, &early->path, bytes_of(early->data, early->size));
		else
			peer->dropped++;
		free(early);
	}
	peer->early_count = kept;
}

/* A server waits for the hello from the first, so the round trip is often known only later. */
static void set_round_trip(struct dpc_peer *peer)
{
	usec round_trip = ice_agent_stats(peer->ice)->rtt;
	if (round_trip > 0)
		dtls_set_round_trip(peer->dtls, round_trip);
}

static void notice_dtls(struct dpc_peer *peer)
{
	switch (dtls_state(peer->dtls)) {
	case DTLS_NEW:
		/* A client has nothing to send its hello on before there is a path. */
		if (peer->dtls_client && !peer->has_path)
			return;
		set_round_trip(peer);
		dtls_start(peer->dtls, peer->now);
		return;
	case DTLS_HANDSHAKE:
		set_round_trip(peer);
		return;
	case DTLS_OPEN:
		return;
	case DTLS_CLOSED:
		/* What SCTP delivered before the goodbye is still pulled: see next_event. */
		return;
	case DTLS_FAILED:
		peer_set_closed(peer, dtls_error(peer->dtls));
		return;
	}
}

static void begin_closing(struct dpc_peer *peer)
{
	peer->state = DPC_CLOSING;
	peer->guard = peer->now + PEER_CLOSE_TIMEOUT;
	peer->closing_acked = sctp_stats(peer->sctp)->bytes_acked;
}

/* The other side's graceful close is ours too, and has the same time: its last word may be lost. */
static void notice_sctp(struct dpc_peer *peer)
{
	enum sctp_state state = sctp_state(peer->sctp);
	if ((state == SCTP_SHUTDOWN_RECEIVED || state == SCTP_SHUTDOWN_ACK_SENT) &&
		(peer->state == DPC_CONNECTED || peer->state == DPC_DISCONNECTED))
		begin_closing(peer);
}

void peer_pump(struct dpc_peer *peer)
{
	if (is_ended(peer))
		return;
	notice_ice(peer);
	if (is_ended(peer) || !peer->dtls)
		return;
	notice_dtls(peer);
	if (!is_ended(peer) && peer->early_count > 0) {
		release_early(peer);
		notice_dtls(peer);
	}
	notice_sctp(peer);
}

/* ---- Input and time ---- */

static void keep_early(struct dpc_peer *peer, const struct path *path, struct bytes datagram)
{
	if (peer->early_count >= PEER_EARLY_DATAGRAMS_MAX || datagram.size > DTLS_DATAGRAM_MAX) {
		peer->dropped++;
		return;
	}
	struct early_datagram *early = malloc(sizeof *early + datagram.size);
	if (!early) {
		peer->dropped++;
		return;
	}
	early->size = datagram.size;
	early->path = *path;
	memcpy(early->data, datagram.data, datagram.size);
	peer->early[peer->early_count++] = early;
}

/* The other side has not heard that it is over, or says that it has. */
static void receive_after_end(struct dpc_peer *peer, const struct path *path, struct bytes datagram)
{
	peer->dropped++;
	if (!peer->has_path || !path_equal(path, &peer->path))
		return;
	enum demux kind = demux(datagram);
	if (kind == DEMUX_DTLS || kind == DEMUX_STUN)
		farewell_receive(&peer->farewell, peer->now, datagram.data[0] == DTLS_ALERT);
}

void dpc_peer_receive(struct dpc_peer *peer, int64_t now, const struct dpc_path *public_path,
	const void *data, size_t size)
{
	struct path path = path_from_public(public_path);
	struct bytes datagram = bytes_of(data, size);
	peer->now = now;
	if (is_ended(peer)) {
		receive_after_end(peer, &path, datagram);
		return;
	}
	peer->bytes_in += size;
	switch (demux(datagram)) {
	case DEMUX_STUN:
		ice_agent_receive(peer->ice, now, &path, datagram);
		break;
	case DEMUX_DTLS:
		if (peer->dtls && ice_agent_path_is_valid(peer->ice, &path))
			receive_dtls(peer, &path, datagram);
		else
			keep_early(peer, &path, datagram);
		break;
	case DEMUX_TURN_CHANNEL:
	case DEMUX_UNKNOWN:
		peer->dropped++;
		return;
	}
	peer_pump(peer);
}

void dpc_peer_lose_path(struct dpc_peer *peer, int64_t now, const struct dpc_path *public_path)
{
	struct path path = path_from_public(public_path);
	peer->now = now;
	if (is_ended(peer) || path.remote.transport != ADDR_TCP)
		return;
	ice_agent_lose_path(peer->ice, now, &path);
	peer_pump(peer);
}

bool dpc_peer_can_dial(const struct dpc_peer *peer)
{
	return ice_agent_can_dial(peer->ice);
}

/* A graceful close has as long as it takes, while it gets on. */
static bool closing_gets_on(struct dpc_peer *peer)
{
	if (peer->state != DPC_CLOSING)
		return false;
	uint64_t acked = sctp_stats(peer->sctp)->bytes_acked;
	if (acked == peer->closing_acked)
		return false;
	peer->closing_acked = acked;
	peer->guard = peer->now + PEER_CLOSE_TIMEOUT;
	return true;
}

static void guard_expired(struct dpc_peer *peer)
{
	if (closing_gets_on(peer))
		return;
	const char *reason = "the connection was not set up in time";
	if (peer->state == DPC_CLOSING)
		reason = sctp_stats(peer->sctp)->send_queue_bytes == 0
				 ? "closed"
				 : "closed, though not all was confirmed in time";
	if (peer->sctp)
		sctp_abort(peer->sctp, peer->now);
	peer_set_closed(peer, reason);
}

/* What was sent and is not acknowledged in time may be lost, or the path may be gone: consent
 * checks alone would ask only some seconds later. */
static void watch_timeouts(struct dpc_peer *peer)
{
	uint64_t timeouts = sctp_stats(peer->sctp)->timeouts;
	if (timeouts != peer->timeouts)
		ice_agent_doubt(peer->ice, peer->now);
	peer->timeouts = timeouts;
}

void dpc_peer_advance(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	if (!is_ended(peer) && now >= peer->guard)
		guard_expired(peer);
	if (is_ended(peer)) {
		farewell_advance(&peer->farewell, now);
		return;
	}
	ice_agent_advance(peer->ice, now);
	if (peer->dtls) {
		dtls_advance(peer->dtls, now);
		if (dtls_state(peer->dtls) == DTLS_OPEN) {
			sctp_advance(peer->sctp, now);
			watch_timeouts(peer);
		}
	}
	channels_advance(peer->channels, now);
	peer_pump(peer);
}

void dpc_peer_check_path(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	if (is_ended(peer))
		return;
	ice_agent_doubt(peer->ice, now);
	peer_pump(peer);
}

int64_t dpc_peer_deadline(const struct dpc_peer *peer)
{
	if (is_ended(peer))
		return farewell_deadline(&peer->farewell);
	usec deadline = usec_min(peer->guard, ice_agent_deadline(peer->ice));
	deadline = usec_min(deadline, channels_deadline(peer->channels));
	if (peer->dtls) {
		deadline = usec_min(deadline, dtls_deadline(peer->dtls));
		if (dtls_state(peer->dtls) == DTLS_OPEN)
			deadline = usec_min(deadline, sctp_deadline(peer->sctp));
	}
	return deadline;
}

/* ---- Closing ---- */

void dpc_peer_close(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	if (is_ended(peer) || peer->state == DPC_CLOSING)
		return;
	/* What was accepted before the connection is up is delivered too. */
	if (!peer->sctp_connected && !peer->has_accepted) {
		if (peer->sctp)
			sctp_abort(peer->sctp, now);
		peer_set_closed(peer, "closed before it was connected");
		return;
	}
	begin_closing(peer);
	sctp_shutdown(peer->sctp, now);
	peer_pump(peer);
}

void dpc_peer_abort(struct dpc_peer *peer, int64_t now)
{
	peer->now = now;
	if (is_ended(peer))
		return;
	if (peer->sctp)
		sctp_abort(peer->sctp, now);
	peer_set_closed(peer, "closed by us");
}

bool dpc_peer_is_done(const struct dpc_peer *peer)
{
	if (!is_ended(peer))
		return false;
	bool has_words = peer->has_path && peer->dtls;
	return !has_words || peer->farewell.done;
}

bool dpc_peer_peek_user(const void *datagram, size_t size, const char **ret_user, size_t *ret_size)
{
	struct bytes ufrag;
	if (!ice_peek_ufrag(bytes_of(datagram, size), &ufrag))
		return false;
	*ret_user = (const char *)ufrag.data;
	*ret_size = ufrag.size;
	return true;
}

static enum dpc_claim claim_to_public(enum dtls_claim claim)
{
	switch (claim) {
	case DTLS_CLAIM_NONE:
		return DPC_CLAIM_NONE;
	case DTLS_CLAIM_GUESS:
		return DPC_CLAIM_GUESS;
	case DTLS_CLAIM_SHARED:
		return DPC_CLAIM_SHARED;
	case DTLS_CLAIM_CERTAIN:
		return DPC_CLAIM_CERTAIN;
	}
	UNREACHABLE();
}

enum dpc_claim dpc_peer_claims(const struct dpc_peer *peer, const void *data, size_t size)
{
	struct bytes datagram = bytes_of(data, size);
	switch (demux(datagram)) {
	case DEMUX_STUN:
		return DPC_CLAIM_SHARED;
	case DEMUX_DTLS:
		/* A handshake that is ahead of its description. */
		if (!peer->dtls)
			return is_ended(peer) ? DPC_CLAIM_NONE : DPC_CLAIM_GUESS;
		return claim_to_public(dtls_claims(peer->dtls, datagram));
	case DEMUX_TURN_CHANNEL:
	case DEMUX_UNKNOWN:
		return DPC_CLAIM_NONE;
	}
	UNREACHABLE();
}

enum dpc_state dpc_peer_state(const struct dpc_peer *peer)
{
	return peer->state;
}
