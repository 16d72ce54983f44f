/* CUBIC (RFC 9438) with HyStart++ (RFC 9406), paced. */
#ifndef SCTP_CUBIC_H
#define SCTP_CUBIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "sctp/hystart.h"

/* What a reduction changes, so that it can be taken back. */
struct sctp_cubic_curve {
	size_t ssthresh;
	size_t window_max;  /* W_max */
	size_t window_reno; /* W_est */
	usec epoch;         /* when this stage of congestion avoidance began; 0: not yet */
	usec k;             /* when the curve is back at window_max, after `epoch` */
	uint64_t grown;     /* of window_reno, in bytes times the window */
};

struct sctp_cubic {
	struct sctp_cubic_curve curve, undo;
	size_t undo_cwnd; /* before the last reduction; 0: none */
	struct sctp_hystart hystart;
	uint64_t round_end; /* bytes delivered */
	usec last_ack;
};

extern const struct sctp_congestion_ops sctp_cubic_ops;

#endif
