#include "sctp/congestion.h"

#include "base/bytes.h"
#include "sctp/limits.h"

/* RFC 6928 allows ten segments, which TCP has used since 2013 and QUIC uses too; the four of RFC
 * 9260 would cost a short message an extra round trip. */
static size_t initial_window(size_t mtu)
{
	return min_size(10 * mtu, max_size(2 * mtu, 14600));
}

void sctp_congestion_init(struct sctp_congestion *c, size_t packet_max)
{
	CHECK(packet_max >= SCTP_PACKET_MAX_MIN);
	*c = (struct sctp_congestion){
		.mtu = packet_max,
		.cwnd = initial_window(packet_max),
		.ssthresh = SCTP_CWND_MAX,
	};
}

void sctp_congestion_on_send(struct sctp_congestion *c, usec now, usec rto)
{
	/* RFC 9260 section 7.2.1: "When the endpoint does not transmit data on a given transport
	 * address, the cwnd of the transport address SHOULD be adjusted to max(cwnd / 2, 4 * PMDCS)
	 * once per RTO." Not below what a new association may send at once. */
	size_t floor = initial_window(c->mtu);
	for (usec idle = now - c->last_sent; c->last_sent > 0 && idle >= rto && c->cwnd > floor;
		idle -= rto) {
		c->ssthresh = max_size(c->ssthresh, c->cwnd - c->cwnd / 4);
		c->cwnd = max_size(c->cwnd / 2, floor);
	}
	c->last_sent = now;
}

void sctp_congestion_on_ack(struct sctp_congestion *c, size_t acked, size_t in_flight)
{
	/* RFC 9260 section 7.2.1 raises the window only while it is fully used, and by one packet
	 * at most for a SACK (L = 1). Receivers acknowledge whole batches today, so the limit L is
	 * left away, as in RFC 9002 section 7.3.1; during slow start a window that is half used
	 * counts as used, for a flight that doubles is the next one. */
	if (c->cwnd <= c->ssthresh) {
		if (in_flight + c->mtu > c->cwnd / 2)
			c->cwnd += min_size(acked, c->cwnd);
	} else if (in_flight + c->mtu > c->cwnd) {
		c->partial_bytes_acked += acked;
		if (c->partial_bytes_acked >= c->cwnd) {
			c->partial_bytes_acked -= c->cwnd;
			c->cwnd += c->mtu;
		}
	}
	c->cwnd = min_size(c->cwnd, SCTP_CWND_MAX);
}

void sctp_congestion_on_loss(struct sctp_congestion *c)
{
	c->ssthresh = max_size(c->cwnd / 2, 4 * c->mtu);
	c->cwnd = c->ssthresh;
	c->partial_bytes_acked = 0;
}

void sctp_congestion_on_timeout(struct sctp_congestion *c)
{
	c->ssthresh = max_size(c->cwnd / 2, 4 * c->mtu);
	c->cwnd = c->mtu;
	c->partial_bytes_acked = 0;
}
