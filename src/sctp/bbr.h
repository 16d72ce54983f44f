/* BBR after draft-ietf-ccwg-bbr (version 3): a model of the path, its rate and its smallest round
 * trip, says how fast to send; loss above a threshold bounds how much may be in flight. */
#ifndef SCTP_BBR_H
#define SCTP_BBR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

enum sctp_bbr_state {
	SCTP_BBR_STARTUP,
	SCTP_BBR_DRAIN,
	SCTP_BBR_DOWN, /* the phases of ProbeBW */
	SCTP_BBR_CRUISE,
	SCTP_BBR_REFILL,
	SCTP_BBR_UP,
	SCTP_BBR_PROBE_RTT,
};

/* The short-term model: what to be content with until the next probe. */
struct sctp_bbr_bounds {
	uint64_t rate;    /* bytes per second; UINT64_MAX: no bound */
	size_t in_flight; /* bytes; SIZE_MAX: no bound */
};

struct sctp_bbr {
	enum sctp_bbr_state state;
	uint64_t random; /* for the time of probes */

	/* Rate: the largest of this cycle of probing and the one before. */
	uint64_t rate_max[2];
	struct sctp_bbr_bounds low;
	size_t in_flight_high; /* what a probe has shown to be too much; SIZE_MAX: nothing yet */

	/* Round trip */
	usec min_rtt, min_rtt_at;
	usec probe_min, probe_min_at; /* of a shorter window, which triggers PROBE_RTT */
	usec probe_rtt_done;          /* 0: not yet down to its window */
	bool probe_rtt_round;

	/* Rounds, in bytes delivered */
	uint64_t round_end, loss_round_end;
	bool round_start, loss_round_start;
	unsigned rounds_since_probe;

	/* The end of startup */
	bool full; /* the pipe has been filled once */
	uint64_t full_rate;
	unsigned full_rounds;

	/* What the round has shown */
	uint64_t rate_latest;
	size_t in_flight_latest;
	size_t round_lost; /* bytes */
	size_t loss_round_lost;
	usec loss_round_rtt; /* the smallest */
	bool loss_in_round;

	/* Probing */
	usec cycle_at, probe_wait;
	bool probe_samples;  /* loss now is due to our probe */
	bool filter_pending; /* the cycle is over: next round the filter moves on */
	unsigned up_rounds;
	size_t up_count, up_acked;
	bool held_back; /* by in_flight_high, in this round */

	/* SACKs that come in heaps (extra_acked) */
	usec heap_at;
	uint64_t heap_bytes;
	size_t heap_max[2];
	unsigned heap_rounds;

	bool idle_restart;
	size_t saved_cwnd, undo_cwnd;
	struct sctp_bbr_bounds undo_low;
};

extern const struct sctp_congestion_ops sctp_bbr_ops;

#endif
