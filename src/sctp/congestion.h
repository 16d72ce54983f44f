/* Congestion control (RFC 9260 section 7.2): how many bytes may be in flight. It sees bytes and
 * times only, so that another algorithm can take its place. */
#ifndef SCTP_CONGESTION_H
#define SCTP_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

struct sctp_congestion {
	size_t mtu; /* largest packet, bytes */
	size_t cwnd, ssthresh, partial_bytes_acked;
	usec last_sent; /* 0: nothing yet */
};

void sctp_congestion_init(struct sctp_congestion *c, size_t packet_max);

/* Before new data is sent: a window that was not used for a while is no longer known to be good. */
void sctp_congestion_on_send(struct sctp_congestion *c, usec now, usec rto);

/* A SACK has advanced the cumulative TSN outside of fast recovery: `acked` bytes of the
 * `in_flight` before it left the network. */
void sctp_congestion_on_ack(struct sctp_congestion *c, size_t acked, size_t in_flight);

/* Fast recovery begins. */
void sctp_congestion_on_loss(struct sctp_congestion *c);

/* The retransmission timer expired. */
void sctp_congestion_on_timeout(struct sctp_congestion *c);

#endif
