/* Congestion control (RFC 9260 section 7.2): how many bytes may be in flight, and how fast they may
 * leave. An algorithm is a table of functions; it sees bytes and times only. */
#ifndef SCTP_CONGESTION_H
#define SCTP_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"
#include "sctp/bbr.h"
#include "sctp/cubic.h"
#include "sctp/delivery.h"
#include "sctp/newreno.h"
#include "sctp/sctp.h"

/* What one SACK has told. */
struct sctp_congestion_ack {
	usec now;
	size_t acked;            /* bytes newly acknowledged */
	size_t in_flight_before; /* bytes, before the SACK */
	size_t in_flight;        /* and after it, without what it showed to be lost */
	bool recovering;         /* a loss was noticed less than a round trip ago */
	usec round_trip;         /* newest measurement; 0: this SACK gives none */
	usec round_trip_smoothed;
	size_t lost; /* bytes found lost since the one before */
	struct sctp_delivery_sample rate;
};

struct sctp_congestion;

struct sctp_congestion_ops {
	const char *name;
	void (*init)(struct sctp_congestion *c);
	/* Data is sent after nothing was for `idle`, an RTO at least. */
	void (*on_idle)(struct sctp_congestion *c, usec now, usec idle, usec rto);
	void (*on_ack)(struct sctp_congestion *c, const struct sctp_congestion_ack *ack);
	/* The first loss since a round trip; called after on_ack() for the same SACK. */
	void (*on_loss)(struct sctp_congestion *c, usec now);
	/* The retransmission timer expired. */
	void (*on_timeout)(struct sctp_congestion *c, usec now);
	/* What the last on_loss() or on_timeout() was told had not been lost. */
	void (*on_spurious)(struct sctp_congestion *c, usec now);
};

struct sctp_congestion {
	const struct sctp_congestion_ops *ops;
	size_t mtu;           /* largest packet, bytes */
	size_t cwnd;          /* bytes that may be in flight */
	uint64_t pacing_rate; /* bytes per second; 0: not paced */
	usec last_sent;       /* 0: nothing yet */
	size_t lost_late;     /* bytes found lost by a timer since the last SACK */
	union {
		struct sctp_newreno newreno;
		struct sctp_cubic cubic;
		struct sctp_bbr bbr;
	};
};

void sctp_congestion_init(
	struct sctp_congestion *c, enum sctp_congestion_algorithm algorithm, size_t packet_max);

/* Packets may be as large as `packet_max` now. */
void sctp_congestion_set_mtu(struct sctp_congestion *c, size_t packet_max);

/* Before new data is sent while nothing is in flight. */
void sctp_congestion_on_send(struct sctp_congestion *c, usec now, usec rto);
void sctp_congestion_on_ack(struct sctp_congestion *c, const struct sctp_congestion_ack *ack);
/* Lost, as a timer has found: told to the algorithm with the next SACK. */
void sctp_congestion_on_late_loss(struct sctp_congestion *c, size_t lost);
void sctp_congestion_on_loss(struct sctp_congestion *c, usec now);
void sctp_congestion_on_timeout(struct sctp_congestion *c, usec now);
void sctp_congestion_on_spurious(struct sctp_congestion *c, usec now);

/* RFC 6928 allows ten segments, which TCP has used since 2013 and QUIC uses too; the four of RFC
 * 9260 would cost a short message an extra round trip. */
size_t sctp_congestion_initial_window(size_t mtu);

#endif
