/* Measures our data channels: two processes, loopback, one UDP socket each.
 *
 *     rtc [--json] [--seconds N] [--mtu N]
 *
 * The parent offers and sends, the child answers, counts and echoes; they signal over a socket
 * pair. Bulk and message rates are what the receiving side has taken within the time, CPU is that
 * of both processes; the sender keeps less than 1 MiB buffered. Set-up is from the creation of the
 * offering peer to the moment at which the channel is open at both ends. Idle figures are with 500
 * connections, the mean of both sides. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rtc_side.h"
#include "udp_floor.h"

#define SETUPS 60
#define IDLE_CONNECTIONS 500
#define WARM_UP (300 * USEC_PER_MS)

/* ---- Measuring ---- */

struct result {
	double bulk_MBps, bulk_cpu_s_per_GB;
	double msgs_200B_per_s, msgs_10k_per_s, msgs_100k_per_s;
	double rtt_us_p50, rtt_us_p99;
	double floor_us_p50, floor_us_p99; /* of plain UDP */
	double setup_ms_p50, setup_ms_max;
	double kib_per_connection, idle_cpu_percent;
	size_t mtu; /* of the bulk: the largest UDP payload sent */
};

static struct connection *begin(struct side *side, uint32_t id, const char *label)
{
	struct connection *c = &side->connections[id % IDLE_CONNECTIONS];
	connection_create(side, c, id);
	struct dpc_channel_config config = {.label = label};
	side_must_dpc(
		dpc_peer_open_channel(peer_io_peer_dpc(c->peer), net_now(), &config, &c->channel),
		"cannot open a channel");
	connection_describe(c);
	return c;
}

static void wait_open(struct side *side, const struct connection *c)
{
	usec limit = net_now() + 30 * USEC_PER_SEC;
	while (!c->open || !c->remote_open) {
		if (net_now() > limit)
			side_die("a connection is not up after 30 seconds");
		net_loop_run_once(side->loop, limit);
	}
}

static void end(struct side *side, struct connection *c)
{
	side_tell(side, CONTROL_CLOSE, c->id, "");
	connection_destroy(c);
}

static int compare_usec(const void *a, const void *b)
{
	usec x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

/* In thousandths, of sorted values. */
static usec quantile(const usec *sorted, size_t n, size_t thousandth)
{
	return n > 0 ? sorted[(n - 1) * thousandth / 1000] : 0;
}

static void measure_setup(struct side *side, struct result *result)
{
	usec times[SETUPS];
	for (uint32_t i = 0; i < SETUPS; i++) {
		usec begun = net_now();
		struct connection *c = begin(side, i, "setup");
		wait_open(side, c);
		times[i] = usec_max(c->opened_at, c->remote_opened_at) - begun;
		end(side, c);
	}
	qsort(times, SETUPS, sizeof(times[0]), compare_usec);
	result->setup_ms_p50 = (double)quantile(times, SETUPS, 500) / 1000;
	result->setup_ms_max = (double)times[SETUPS - 1] / 1000;
}

struct rate {
	size_t mtu;             /* at the end */
	double bytes, messages; /* a second */
	double cpu_s_per_GB;
};

static struct rate measure_rate(struct side *side, size_t size, usec duration)
{
	static uint32_t id = SETUPS;
	struct connection *c = begin(side, id++, "sink");
	wait_open(side, c);
	side->message_size = size;
	connection_fill(c);
	side_run_for(side, WARM_UP);
	struct counts before = side_count_other(side);
	usec cpu_before = side_count(side).cpu;
	side_run_for(side, duration);
	struct counts after = side_count_other(side);
	usec cpu = side_count(side).cpu - cpu_before + after.cpu - before.cpu;
	side->message_size = 0;
	struct dpc_stats stats;
	dpc_peer_stats(peer_io_peer_dpc(c->peer), &stats);
	end(side, c);
	double seconds = (double)(after.at - before.at) / 1e6;
	double bytes = (double)(after.bytes - before.bytes);
	return (struct rate){.mtu = stats.mtu,
		.bytes = bytes / seconds,
		.messages = (double)(after.messages - before.messages) / seconds,
		.cpu_s_per_GB = bytes > 0 ? (double)cpu / 1e6 / (bytes / 1e9) : 0};
}

static void measure_rtt(struct side *side, usec duration, struct result *result)
{
	struct connection *c = begin(side, 2 * SETUPS, "echo");
	wait_open(side, c);
	side->pinging = true;
	connection_ping(c);
	side_run_for(side, WARM_UP);
	side->ping_count = 0;
	side_run_for(side, duration);
	side->pinging = false;
	end(side, c);
	qsort(side->pings, side->ping_count, sizeof(usec), compare_usec);
	result->rtt_us_p50 = (double)quantile(side->pings, side->ping_count, 500);
	result->rtt_us_p99 = (double)quantile(side->pings, side->ping_count, 990);
}

static void measure_floor(struct side *side, usec duration, struct result *result)
{
	size_t count = udp_floor_measure(duration, side->pings, PINGS_MAX);
	if (count == 0)
		side_die("cannot measure the round trip of UDP");
	qsort(side->pings, count, sizeof(usec), compare_usec);
	result->floor_us_p50 = (double)quantile(side->pings, count, 500);
	result->floor_us_p99 = (double)quantile(side->pings, count, 990);
}

static void measure_idle(struct side *side, usec duration, struct result *result)
{
	struct counts before = side_count_other(side);
	uint64_t rss_before = side_count(side).rss_bytes;
	for (uint32_t i = 0; i < IDLE_CONNECTIONS; i++)
		wait_open(side, begin(side, i, "idle"));
	side_run_for(side, USEC_PER_SEC);
	struct counts idle = side_count_other(side);
	uint64_t rss = side_count(side).rss_bytes - rss_before + idle.rss_bytes - before.rss_bytes;
	result->kib_per_connection = (double)rss / 2 / 1024 / IDLE_CONNECTIONS;

	usec cpu = side_count(side).cpu;
	side_run_for(side, usec_max(duration, 5 * USEC_PER_SEC));
	struct counts after = side_count_other(side);
	cpu = side_count(side).cpu - cpu + after.cpu - idle.cpu;
	result->idle_cpu_percent = 100.0 * (double)cpu / 2 / (double)(after.at - idle.at);
}

static struct result measure(struct side *side, usec duration)
{
	struct result result = {0};
	/* First, while memory is as small as in a process that has done nothing else. */
	measure_idle(side, duration, &result);
	for (size_t i = 0; i < IDLE_CONNECTIONS; i++)
		end(side, &side->connections[i]);
	measure_setup(side, &result);
	struct rate bulk = measure_rate(side, 16384, duration);
	result.bulk_MBps = bulk.bytes / 1e6;
	result.mtu = bulk.mtu;
	result.bulk_cpu_s_per_GB = bulk.cpu_s_per_GB;
	result.msgs_200B_per_s = measure_rate(side, 200, duration).messages;
	result.msgs_10k_per_s = measure_rate(side, 10000, duration).messages;
	result.msgs_100k_per_s = measure_rate(side, 100000, duration).messages;
	measure_rtt(side, duration, &result);
	measure_floor(side, duration, &result);
	return result;
}

/* ---- Telling ---- */

static void print_json(const struct result *r)
{
	printf("{\"bulk_MBps\": %.1f, \"bulk_cpu_s_per_GB\": %.2f, \"msgs_200B_per_s\": %.0f, "
	       "\"msgs_10k_per_s\": %.0f, \"msgs_100k_per_s\": %.0f, \"rtt_us_p50\": %.0f, "
	       "\"rtt_us_p99\": %.0f, \"udp_rtt_us_p50\": %.0f, \"udp_rtt_us_p99\": %.0f, "
	       "\"setup_ms_p50\": %.2f, \"kib_per_connection\": %.1f, "
	       "\"idle_cpu_percent\": %.2f, \"mtu\": %zu}\n",
		r->bulk_MBps, r->bulk_cpu_s_per_GB, r->msgs_200B_per_s, r->msgs_10k_per_s,
		r->msgs_100k_per_s, r->rtt_us_p50, r->rtt_us_p99, r->floor_us_p50, r->floor_us_p99,
		r->setup_ms_p50, r->kib_per_connection, r->idle_cpu_percent, r->mtu);
}

static void print_table(const struct result *r)
{
	printf("data channels, two processes, loopback, UDP payloads of %zu bytes at most\n\n"
	       "  bulk, 16 KiB messages          %10.1f MB/s\n"
	       "  CPU, both sides                %10.2f s/GB\n"
	       "  messages of 200 B              %10.0f /s\n"
	       "  messages of 10 kB              %10.0f /s\n"
	       "  messages of 100 kB             %10.0f /s\n"
	       "  round trip of 64 B, p50 / p99  %10.0f / %.0f us\n"
	       "  the same over plain UDP        %10.0f / %.0f us\n"
	       "  set-up, median / slowest of %d %10.2f / %.2f ms\n"
	       "  memory of an idle connection   %10.1f KiB a side\n"
	       "  CPU of %d idle connections    %10.2f %% of a core, a side\n",
		r->mtu, r->bulk_MBps, r->bulk_cpu_s_per_GB, r->msgs_200B_per_s, r->msgs_10k_per_s,
		r->msgs_100k_per_s, r->rtt_us_p50, r->rtt_us_p99, r->floor_us_p50, r->floor_us_p99,
		SETUPS, r->setup_ms_p50, r->setup_ms_max, r->kib_per_connection, IDLE_CONNECTIONS,
		r->idle_cpu_percent);
}

static int wrong_usage(void)
{
	fprintf(stderr, "usage: rtc [--json] [--seconds N] [--mtu N]\n");
	return 2;
}

int main(int argc, char **argv)
{
	bool json = false;
	uint32_t seconds = 3, mtu_max = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			if (!text_to_u32(argv[++i], &seconds) || seconds == 0 || seconds > 3600)
				return wrong_usage();
		} else if (strcmp(argv[i], "--mtu") == 0 && i + 1 < argc) {
			if (!text_to_u32(argv[++i], &mtu_max))
				return wrong_usage();
		} else {
			return wrong_usage();
		}
	}
	struct side *side = side_create(IDLE_CONNECTIONS, mtu_max);
	struct result result = measure(side, (usec)seconds * USEC_PER_SEC);
	side_destroy(side);
	if (json)
		print_json(&result);
	else
		print_table(&result);
	return 0;
}
