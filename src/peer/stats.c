/* A peer in numbers and words: what its caller shows to people. */
#include "peer/convert.h"
#include "peer/internal.h"

/* What a direct path could be made of. */
static void count_addresses(const struct ice_agent *ice, struct dpc_stats *stats)
{
	bool ours[2] = {false}, theirs[2] = {false}; /* IPv4, IPv6 */
	for (size_t i = 0; i < ice_agent_local_count(ice); i++) {
		const struct ice_candidate *c = ice_agent_local(ice, i);
		stats->own_addresses += c->type != ICE_RELAYED;
		ours[c->addr.family == ADDR_IPV6] |= c->type != ICE_RELAYED;
	}
	for (size_t i = 0; i < ice_agent_remote_count(ice); i++) {
		const struct ice_candidate *c = ice_agent_remote(ice, i);
		stats->peer_addresses += c->type != ICE_RELAYED;
		theirs[c->addr.family == ADDR_IPV6] |= c->type != ICE_RELAYED;
	}
	stats->common_family = (ours[0] && theirs[0]) || (ours[1] && theirs[1]);
}

void dpc_peer_stats(struct dpc_peer *peer, struct dpc_stats *ret_stats)
{
	struct dpc_stats stats = {
		.has_path = peer->has_path,
		.local_type = "",
		.remote_type = "",
		.setup_us = peer->setup_duration,
		.remote_message_max = (uint32_t)peer->remote_message_max,
		.bytes_in = peer->bytes_in,
		.bytes_out = peer->bytes_out,
	};
	const struct ice_stats *ice = ice_agent_stats(peer->ice);
	stats.rtt_us = stats.rtt_min_us = ice->rtt;
	stats.dropped = peer->dropped + ice->dropped_malformed + ice->dropped_unauthenticated +
			ice->dropped_unexpected + channels_stats(peer->channels)->dropped;
	struct ice_selected selected;
	if (ice_agent_selected(peer->ice, &selected)) {
		stats.path = path_to_public(&selected.path);
		stats.local_type = ice_type_name(selected.local_type);
		stats.remote_type = ice_type_name(selected.remote_type);
	}
	enum ice_state checks = ice_agent_state(peer->ice);
	stats.searching = checks == ICE_CHECKING || checks == ICE_CONNECTED;
	count_addresses(peer->ice, &stats);
	if (peer->dtls) {
		const struct sctp_stats *sctp = sctp_stats(peer->sctp);
		if (sctp->srtt > 0) {
			stats.rtt_us = sctp->srtt;
			stats.rtt_min_us = sctp->rtt_min;
			stats.jitter_us = sctp->rttvar;
		}
		stats.messages_in = sctp->messages_in;
		stats.messages_out = sctp->messages_out;
		stats.messages_abandoned = sctp->messages_abandoned;
		stats.pieces_out = sctp->data_chunks_out;
		stats.retransmissions = sctp->retransmitted_chunks;
		stats.cwnd = sctp->cwnd;
		stats.interleaving = sctp->interleaving;
		stats.interleaved_in = sctp->interleaved_in;
		stats.mtu = peer_datagram_max(peer);
		stats.send_queue_bytes = sctp->send_queue_bytes;
		stats.receive_queue_bytes = sctp->receive_queue_bytes;
		stats.dropped += dtls_stats(peer->dtls)->dropped + sctp->dropped_checksum +
				 sctp->dropped_tag + sctp->dropped_malformed + sctp->dropped_late;
	}
	*ret_stats = stats;
}

const char *dpc_peer_state_name(enum dpc_state state)
{
	static const char *const names[] = {
		[DPC_NEW] = "new",
		[DPC_CONNECTING] = "connecting",
		[DPC_CONNECTED] = "connected",
		[DPC_DISCONNECTED] = "disconnected",
		[DPC_CLOSING] = "closing",
		[DPC_CLOSED] = "closed",
	};
	CHECK((size_t)state < sizeof names / sizeof names[0]);
	return names[state];
}

const char *dpc_peer_err_text(enum dpc_err err)
{
	switch (err) {
	case DPC_OK:
		return "done";
	case DPC_ERR_MALFORMED:
		return "malformed input";
	case DPC_ERR_UNSUPPORTED:
		return "not supported";
	case DPC_ERR_MISMATCH:
		return "does not match what was agreed";
	case DPC_ERR_STATE:
		return "not possible in this state";
	case DPC_ERR_AGAIN:
		return "queue full, try again later";
	case DPC_ERR_TOO_LARGE:
		return "too large";
	case DPC_ERR_NOT_FOUND:
		return "not found";
	case DPC_ERR_EXISTS:
		return "already exists";
	case DPC_ERR_LIMIT:
		return "limit reached";
	case DPC_ERR_NOMEM:
		return "out of memory";
	case DPC_ERR_CRYPTO:
		return "cryptographic operation failed";
	}
	return "unknown error";
}
