#include "cli/ping_stats.h"

void ping_stats_answer(struct ping_stats *stats, double rtt_ms)
{
	if (stats->received == 0) {
		stats->min = stats->max = rtt_ms;
	} else {
		double step = rtt_ms - stats->last;
		stats->jitter_sum += step < 0 ? -step : step;
	}
	stats->min = rtt_ms < stats->min ? rtt_ms : stats->min;
	stats->max = rtt_ms > stats->max ? rtt_ms : stats->max;
	stats->sum += rtt_ms;
	stats->last = rtt_ms;
	stats->sent++;
	stats->received++;
}

void ping_stats_loss(struct ping_stats *stats)
{
	stats->sent++;
}

double ping_stats_mean(const struct ping_stats *stats)
{
	return stats->received > 0 ? stats->sum / stats->received : 0;
}

double ping_stats_jitter(const struct ping_stats *stats)
{
	return stats->received > 1 ? stats->jitter_sum / (stats->received - 1) : 0;
}

double ping_stats_loss_rate(const struct ping_stats *stats)
{
	return stats->sent > 0 ? (double)(stats->sent - stats->received) / stats->sent : 0;
}
