/* Two peers joined by a perfect network in memory, in virtual time: for tests and fuzz targets that
 * need a connection and care about something else. */
#ifndef SUPPORT_PEER_PAIR_H
#define SUPPORT_PEER_PAIR_H

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
	uint8_t last[64]; /* the first bytes of the latest message */
	const char *close_text;
};

struct peer_pair {
	struct pair_end ends[2];
	int64_t now;
	bool cut; /* nothing arrives any more */
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
