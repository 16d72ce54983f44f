#include "sctp/newreno.h"

#include "base/bytes.h"
#include "sctp/congestion.h"
#include "sctp/limits.h"

static void init(struct sctp_congestion *c)
{
	c->newreno = (struct sctp_newreno){.ssthresh = SCTP_CWND_MAX};
}

static void on_idle(struct sctp_congestion *c, usec now, usec idle, usec rto)
{
	(void)now;
	/* RFC 9260 section 7.2.1: "When the endpoint does not transmit data on a given transport
	 * address, the cwnd of the transport address SHOULD be adjusted to max(cwnd / 2, 4 * PMDCS)
	 * once per RTO." Not below what a new association may send at once. */
	struct sctp_newreno *n = &c->newreno;
	size_t floor = sctp_congestion_initial_window(c->mtu);
	for (; idle >= rto && c->cwnd > floor; idle -= rto) {
		n->ssthresh = max_size(n->ssthresh, c->cwnd - c->cwnd / 4);
		c->cwnd = max_size(c->cwnd / 2, floor);
	}
}

static void on_ack(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	/* RFC 9260 section 7.2.1 raises the window only while it is fully used, and by one packet
	 * at most for a SACK (L = 1). Receivers acknowledge whole batches today, so the limit L is
	 * left away, as in RFC 9002 section 7.3.1; during slow start a window that is half used
	 * counts as used, for a flight that doubles is the next one. */
	struct sctp_newreno *n = &c->newreno;
	if (ack->recovering)
		return;
	if (c->cwnd <= n->ssthresh) {
		if (ack->in_flight_before + c->mtu > c->cwnd / 2)
			c->cwnd += min_size(ack->acked, c->cwnd);
	} else if (ack->in_flight_before + c->mtu > c->cwnd) {
		n->partial_bytes_acked += ack->acked;
		if (n->partial_bytes_acked >= c->cwnd) {
			n->partial_bytes_acked -= c->cwnd;
			c->cwnd += c->mtu;
		}
	}
	c->cwnd = min_size(c->cwnd, SCTP_CWND_MAX);
}

static void reduce(struct sctp_congestion *c)
{
	struct sctp_newreno *n = &c->newreno;
	n->undo_cwnd = c->cwnd;
	n->undo_ssthresh = n->ssthresh;
	n->ssthresh = max_size(c->cwnd / 2, 4 * c->mtu);
	n->partial_bytes_acked = 0;
}

static void on_loss(struct sctp_congestion *c, usec now)
{
	(void)now;
	reduce(c);
	c->cwnd = c->newreno.ssthresh;
}

static void on_timeout(struct sctp_congestion *c, usec now)
{
	(void)now;
	reduce(c);
	c->cwnd = c->mtu;
}

static void on_spurious(struct sctp_congestion *c, usec now)
{
	(void)now;
	struct sctp_newreno *n = &c->newreno;
	if (n->undo_cwnd == 0)
		return;
	c->cwnd = max_size(c->cwnd, n->undo_cwnd);
	n->ssthresh = max_size(n->ssthresh, n->undo_ssthresh);
	n->undo_cwnd = 0;
}

const struct sctp_congestion_ops sctp_newreno_ops = {
	.name = "newreno",
	.init = init,
	.on_idle = on_idle,
	.on_ack = on_ack,
	.on_loss = on_loss,
	.on_timeout = on_timeout,
	.on_spurious = on_spurious,
};
