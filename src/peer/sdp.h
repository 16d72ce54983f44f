/* Session descriptions for data channels (RFC 8866, 8839, 8841, 8842, 8829): one media section.
 *
 * Two forms are read and written: today's "UDP/DTLS/SCTP webrtc-datachannel" with a=sctp-port, and
 * that of draft-ietf-mmusic-sctp-sdp-06, "DTLS/SCTP 5000" with a=sctpmap, which older
 * implementations write. Media of other kinds is not ours: a description that offers some is
 * refused whole. */
#ifndef PEER_SDP_H
#define PEER_SDP_H

#include "base/bytes.h"
#include "base/err.h"
#include "peer/limits.h"

/* RFC 4145 section 4, RFC 8842 section 5. */
enum sdp_setup {
	SDP_ACTPASS,
	SDP_ACTIVE,
	SDP_PASSIVE,
};

/* Views into the text that was parsed, or of the caller's own texts when it is written. */
struct sdp {
	bool legacy;
	bool ice_lite;
	bool end_of_candidates;
	unsigned ice_pacing; /* ms, RFC 8839 section 5.5; the default where it is absent */
	enum sdp_setup setup;
	uint16_t sctp_port;
	size_t message_max; /* never 0 after parsing: see the limits */
	struct bytes mid;
	struct bytes ufrag, pwd;
	struct bytes fingerprint_hash, fingerprint;
	struct bytes tls_id;    /* RFC 8842 section 4; empty: none */
	struct bytes sctp_init; /* draft-hancke-tsvwg-snap, in base64; empty: none */
	struct bytes candidates[SDP_CANDIDATES_MAX]; /* "candidate:…" */
	size_t candidate_count;
};

/* ERR_MALFORMED: something required is missing or wrong. ERR_UNSUPPORTED: media that is not ours,
 * or is refused. ERR_LIMIT: more lines than SDP_LINES_MAX; candidates beyond
 * SDP_CANDIDATES_MAX are left out. */
MUST_CHECK enum err sdp_parse(struct bytes text, struct sdp *ret_sdp);

/* `session_id` is a number below 2^62 (RFC 8829 section 5.2.1). Fails by w->failed. */
void sdp_write(struct writer *w, const struct sdp *sdp, uint64_t session_id);

#endif
