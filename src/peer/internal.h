/* The peer object: shared by the files of this folder, seen by nobody else. */
#ifndef PEER_INTERNAL_H
#define PEER_INTERNAL_H

#include "base/addr.h"
#include "base/buffer.h"
#include "base/rng.h"
#include "base/usec.h"
#include "channel/channel.h"
#include "dpc/peer.h"
#include "dtls/dtls.h"
#include "ice/agent.h"
#include "peer/farewell.h"
#include "peer/limits.h"
#include "peer/sdp.h"
#include "sctp/sctp.h"

struct early_datagram {
	size_t size;
	struct path path;
	uint8_t data[];
};

struct dpc_peer_budget {
	struct sctp_budget sctp;
};

struct dpc_peer {
	struct dpc_peer_config config;
	struct rng rng;
	usec created, now; /* now: the latest time that was given */

	/* The layers. sctp exists from the first description on, dtls from the remote one. */
	struct ice_agent *ice;
	struct dtls_certificate *certificate;
	struct dtls *dtls;
	struct sctp_assoc *sctp;
	struct channels *channels;

	enum dpc_state state, reported_state;
	const char *close_reason; /* static text; set with DPC_CLOSED */
	bool close_reported;
	bool sctp_started, sctp_connected;
	bool has_accepted; /* a message, perhaps before there was a connection */
	usec guard;        /* deadline of set-up, later of a graceful close; USEC_NEVER: none */
	uint64_t closing_acked; /* bytes delivered when the guard of the close was set */
	usec setup_duration;

	/* Descriptions. */
	uint64_t sdp_session;
	bool is_offerer; /* of the latest exchange: our description is the offer */
	bool restarted;
	bool described; /* our description was made: later candidates are trickled */
	bool end_of_local, end_reported;
	size_t candidates_told; /* in the description or as events, or nobody's business */
	bool repeat_candidate;  /* tell the first once more: the answer is there */
	bool has_remote;
	bool remote_legacy, dtls_client;
	char mid[SDP_MID_MAX + 1];
	bool snap; /* both descriptions carry an INIT: SCTP needs no handshake */
	char tls_id[PEER_TLS_ID_SIZE + 1];
	char *remote_tls_id; /* NULL: none */
	char remote_fingerprint[DTLS_FINGERPRINT_TEXT_MAX];
	size_t remote_message_max;
	char candidate_text[ICE_CANDIDATE_TEXT_MAX]; /* lent out with an event */

	/* The path, as last reported. */
	bool path_changed, has_path, path_silent;
	usec heard_at;     /* when ICE was last told of a record of the peer */
	uint64_t timeouts; /* of SCTP, that ICE knows of */
	struct path path;

	/* DTLS datagrams that came too early. */
	struct early_datagram *early[PEER_EARLY_DATAGRAMS_MAX];
	size_t early_count;

	/* A sealed datagram that was larger than the segments of the last flight: it opens the
	 * next. */
	uint8_t *held;
	size_t held_size, held_capacity;

	struct farewell farewell;
	bool has_last_word; /* of SCTP: the other side may not know that it is over */

	bool sendable; /* tell so: sends were refused before the association existed */
	uint64_t dropped, bytes_in, bytes_out;
};

static inline enum dpc_err err_to_public(enum err err)
{
	switch (err) {
	case ERR_OK:
		return DPC_OK;
	case ERR_MALFORMED:
		return DPC_ERR_MALFORMED;
	case ERR_MISMATCH:
	case ERR_UNTRUSTED:
	case ERR_EXPIRED:
		return DPC_ERR_MISMATCH;
	case ERR_AGAIN:
		return DPC_ERR_AGAIN;
	case ERR_TOO_LARGE:
		return DPC_ERR_TOO_LARGE;
	case ERR_NOT_FOUND:
		return DPC_ERR_NOT_FOUND;
	case ERR_EXISTS:
		return DPC_ERR_EXISTS;
	case ERR_LIMIT:
		return DPC_ERR_LIMIT;
	case ERR_NOMEM:
		return DPC_ERR_NOMEM;
	case ERR_CRYPTO:
		return DPC_ERR_CRYPTO;
	case ERR_UNSUPPORTED:
	case ERR_DENIED:
		return DPC_ERR_UNSUPPORTED;
	case ERR_STATE:
	case ERR_CLOSED:
	case ERR_TIMEOUT:
	case ERR_IO:
	case ERR_UNREACHABLE:
	case ERR_REFUSED:
	case ERR_ADDRESS_IN_USE:
	case ERR_CORRUPT:
	case ERR_COUNT:
		return DPC_ERR_STATE;
	}
	return DPC_ERR_STATE;
}

/* The whole SCTP packet that fits a datagram of this size under DTLS. */
size_t peer_sctp_packet_max(size_t datagram);
/* The largest datagram sent now, probes of the path apart. */
size_t peer_datagram_max(const struct dpc_peer *peer);

/* Whether the other side is told of a candidate of ours. An active one of TCP is to it what comes
 * when we connect, so that its name would only be words. */
bool peer_tells(const struct ice_candidate *candidate);

/* Carries the layers on after any input: starts DTLS when there is a path, SCTP when DTLS is up,
 * and ends the peer when a layer has ended. */
void peer_pump(struct dpc_peer *peer);

/* The end. `reason` is static text. */
void peer_set_closed(struct dpc_peer *peer, const char *reason);

#endif
