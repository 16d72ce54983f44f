/* Two peers joined by a network in memory, in virtual time: for tests and fuzz targets that need a
 * connection and care about something else. The network is perfect, unless a test asks for latency,
 * loss or a largest datagram. */
#ifndef SUPPORT_PEER_PAIR_H
#define SUPPORT_PEER_PAIR_H

#include "base/rng.h"
#include "dpc/peer.h"

#define PAIR_EVENTS_MAX 64
#define PAIR_DELAY_US 1000
#define PAIR_START INT64_C(1000000000)

struct pair_end {
	struct dpc_peer *peer;
	struct dpc_addr addr;
	/* Counts of what it was told. */
	size_t opened, closed_channels, messages, sendable, low;
	bool closed;
	uint16_t channel; /* the latest that opened */
	size_t last_size;
	bool last_binary;
	uint8_t last[64];   /* the first bytes of the latest message */
	int64_t message_at; /* when the first message came */
	int64_t closed_at;
	const char *close_text;
};

struct peer_pair {
	struct pair_end ends[2];
	int64_t now;
	bool cut; /* nothing arrives any more */
	/* The line between them. */
	int64_t latency;     /* one way; 0: what is sent has arrived */
	int64_t jitter;      /* so much more at most, so that datagrams overtake each other */
	unsigned loss;       /* percent */
	size_t datagram_max; /* larger ones are lost; 0: none are */
	struct rng network;
	/* Called with every datagram before it travels; false: it is lost. May be NULL. */
	bool (*on_datagram)(struct peer_pair *pair, int from, const uint8_t *data, size_t size);
	int counter; /* for on_datagram */
	/* Called with every event of an end. May be NULL. */
	void (*on_event)(struct peer_pair *pair, int end, const struct dpc_event *event);
	struct pair_datagram *first;
};

/* Two peers with a host candidate each; `configs` may be NULL. Aborts when memory is out. */
void pair_init(struct peer_pair *pair, const struct dpc_peer_config configs[2]);
void pair_deinit(struct peer_pair *pair);

/* Exchanges offer and answer as they are. */
enum dpc_err pair_describe(struct peer_pair *pair);

/* Lets `duration` microseconds pass. */
void pair_run(struct peer_pair *pair, int64_t duration);

/* pair_init, pair_describe, a channel "test" opened by end 0, and time until both have it open.
 * False when that takes more than ten virtual seconds. */
bool pair_connect(struct peer_pair *pair);

/* Pulls and counts the events of an end, and carries its datagrams to the other. */
void pair_drain(struct peer_pair *pair, int end);

#endif
