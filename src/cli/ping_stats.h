/* The answers of a row of pings in figures, as ping(8) has them. */
#ifndef CLI_PING_STATS_H
#define CLI_PING_STATS_H

#include <stdint.h>

/* Zero is the beginning. */
struct ping_stats {
	uint32_t sent, received;
	double min, max, sum; /* ms */
	double last, jitter_sum;
};

void ping_stats_answer(struct ping_stats *stats, double rtt_ms);
void ping_stats_loss(struct ping_stats *stats);

/* All 0 before the first answer. */
double ping_stats_mean(const struct ping_stats *stats);
/* The mean difference between an answer's round trip and that of the one before. */
double ping_stats_jitter(const struct ping_stats *stats);
/* From 0 to 1. */
double ping_stats_loss_rate(const struct ping_stats *stats);

#endif
