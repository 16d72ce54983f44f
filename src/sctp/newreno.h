/* The window of RFC 9260 section 7.2 (NewReno's): slow start, one packet a round trip, half after a
 * loss. The baseline that the others are measured against. */
#ifndef SCTP_NEWRENO_H
#define SCTP_NEWRENO_H

#include <stddef.h>

struct sctp_newreno {
	size_t ssthresh, partial_bytes_acked;
	size_t undo_cwnd, undo_ssthresh; /* before the last reduction; 0: none */
};

extern const struct sctp_congestion_ops sctp_newreno_ops;

#endif
