/* What the kernel measures of a TCP connection (TCP_INFO). */
#ifndef NET_TCP_STATS_H
#define NET_TCP_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/usec.h"

struct net_tcp_stats {
	usec rtt, jitter; /* smoothed, and its mean deviation (RFC 6298) */
	usec rtt_min;     /* of the last five minutes, unless the system is set otherwise */
	uint64_t segments_out, retransmissions; /* with data; the second are among the first */
	size_t cwnd;                            /* bytes */
	uint64_t delivery_rate; /* bytes per second, as of the latest flight; 0 unknown */
};

/* False: the descriptor is no connected TCP socket, or the kernel too old to tell. */
MUST_CHECK bool net_tcp_stats_read(int fd, struct net_tcp_stats *ret_stats);

#endif
