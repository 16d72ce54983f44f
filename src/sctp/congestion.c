#include "sctp/congestion.h"

#include "base/bytes.h"
#include "sctp/limits.h"

size_t sctp_congestion_initial_window(size_t mtu)
{
	return min_size(10 * mtu, max_size(2 * mtu, 14600));
}

static const struct sctp_congestion_ops *find(enum sctp_congestion_algorithm algorithm)
{
	switch (algorithm) {
	case SCTP_CUBIC:
		return &sctp_cubic_ops;
	case SCTP_CONGESTION_DEFAULT:
	case SCTP_BBR:
		return &sctp_bbr_ops;
	case SCTP_NEWRENO:
		return &sctp_newreno_ops;
	}
	UNREACHABLE();
}

void sctp_congestion_init(
	struct sctp_congestion *c, enum sctp_congestion_algorithm algorithm, size_t packet_max)
{
	CHECK(packet_max >= SCTP_PACKET_MAX_MIN);
	*c = (struct sctp_congestion){
		.ops = find(algorithm),
		.mtu = packet_max,
		.cwnd = sctp_congestion_initial_window(packet_max),
	};
	c->ops->init(c);
}

void sctp_congestion_set_mtu(struct sctp_congestion *c, size_t packet_max)
{
	CHECK(packet_max >= SCTP_PACKET_MAX_MIN);
	c->mtu = packet_max;
	/* One packet may always be in flight. */
	c->cwnd = max_size(c->cwnd, packet_max);
}

void sctp_congestion_on_send(struct sctp_congestion *c, usec now, usec rto)
{
	if (c->last_sent > 0 && now - c->last_sent >= rto)
		c->ops->on_idle(c, now, now - c->last_sent, rto);
	c->last_sent = now;
}

void sctp_congestion_on_ack(struct sctp_congestion *c, const struct sctp_congestion_ack *ack)
{
	struct sctp_congestion_ack whole = *ack;
	whole.lost += c->lost_late;
	c->lost_late = 0;
	c->ops->on_ack(c, &whole);
}

void sctp_congestion_on_late_loss(struct sctp_congestion *c, size_t lost)
{
	c->lost_late += lost;
}

void sctp_congestion_on_loss(struct sctp_congestion *c, usec now)
{
	c->ops->on_loss(c, now);
}

void sctp_congestion_on_timeout(struct sctp_congestion *c, usec now)
{
	c->ops->on_timeout(c, now);
}

void sctp_congestion_on_spurious(struct sctp_congestion *c, usec now)
{
	c->ops->on_spurious(c, now);
}
