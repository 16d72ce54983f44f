/* Measures many connections at once: two processes, loopback, one UDP socket each.
 *
 *     scale [--json] [--connections N] [--seconds N]
 *
 * The parent offers, the child answers; they signal over a socket pair. WINDOW connections are in
 * the making at a time, until all are open at both ends. Then all of them are idle: what they keep
 * in memory is how much the processes grew, what they cost is the CPU time of N seconds. In the
 * end the parent closes all gracefully, and the child must have learnt of every close. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rtc_side.h"

#define WINDOW 64
/* The last handshakes' timers, and the consent checks of a first round, are not idleness. */
#define SETTLE (6 * USEC_PER_SEC)
/* Nothing gets on for so long: it hangs. */
#define PATIENCE (30 * USEC_PER_SEC)

/* What one side needs. */
struct cost {
	double kib_per_connection, heap_kib_per_connection;
	double idle_cpu_percent, datagrams_per_s, calls_per_s;
	double kib_left_per_connection;
};

struct result {
	double setup_s, close_s;
	struct cost offerer, answerer;
};

static void begin(struct side *side, uint32_t id)
{
	struct connection *c = &side->connections[id];
	connection_create(side, c, id);
	struct dpc_channel_config config = {.label = "idle"};
	side_must_dpc(
		dpc_peer_open_channel(peer_io_peer_dpc(c->peer), net_now(), &config, &c->channel),
		"cannot open a channel");
	connection_describe(c);
}

/* Runs the loop until something happened; dies when nothing does for too long. */
static void wait_for_progress(struct side *side, uint64_t progress)
{
	static uint64_t last = UINT64_MAX;
	static usec since;
	usec now = net_now();
	if (progress != last) {
		last = progress;
		since = now;
	}
	if (now - since > PATIENCE) {
		fprintf(stderr, "scale: nothing gets on after %zu of %zu connections\n",
			(size_t)progress, side->capacity);
		exit(1);
	}
	net_loop_run_once(side->loop, now + USEC_PER_SEC);
}

static double connect_all(struct side *side)
{
	usec begun = net_now();
	size_t started = 0;
	while (side->connected < side->capacity) {
		while (started < side->capacity && started - side->connected < WINDOW)
			begin(side, (uint32_t)started++);
		wait_for_progress(side, side->connected);
	}
	return (double)(net_now() - begun) / 1e6;
}

static double close_all(struct side *side)
{
	usec begun = net_now();
	side->closing = true;
	for (size_t i = 0; i < side->capacity; i++) {
		struct peer_io_peer *peer = side->connections[i].peer;
		dpc_peer_close(peer_io_peer_dpc(peer), net_now());
		peer_io_kick(peer);
		if (i % WINDOW == 0)
			net_loop_run_once(side->loop, net_now());
	}
	while (side->closed < side->capacity)
		wait_for_progress(side, side->closed);
	uint64_t closed;
	while ((closed = side_count_other(side).closed) < side->capacity)
		wait_for_progress(side, side->capacity + closed);
	return (double)(net_now() - begun) / 1e6;
}

static double per_connection(const struct side *side, uint64_t bytes, uint64_t bytes_before)
{
	return ((double)bytes - (double)bytes_before) / 1024 / (double)side->capacity;
}

static void note_memory(const struct side *side, const struct counts *before,
	const struct counts *now, struct cost *cost)
{
	cost->kib_per_connection = per_connection(side, now->rss_bytes, before->rss_bytes);
	cost->heap_kib_per_connection = per_connection(side, now->heap_bytes, before->heap_bytes);
}

static void note_idle(const struct counts *before, const struct counts *now, struct cost *cost)
{
	double seconds = (double)(now->at - before->at) / 1e6;
	cost->idle_cpu_percent = (double)(now->cpu - before->cpu) / 1e4 / seconds;
	cost->datagrams_per_s = (double)(now->datagrams - before->datagrams) / seconds;
	cost->calls_per_s = (double)(now->calls - before->calls) / seconds;
}

static struct result measure(struct side *side, usec duration)
{
	struct result result = {0};
	struct counts before[2] = {side_count(side), side_count_other(side)};
	result.setup_s = connect_all(side);
	side_run_for(side, SETTLE);
	struct counts idle[2] = {side_count(side), side_count_other(side)};
	note_memory(side, &before[0], &idle[0], &result.offerer);
	note_memory(side, &before[1], &idle[1], &result.answerer);
	side_run_for(side, duration);
	struct counts after[2] = {side_count(side), side_count_other(side)};
	note_idle(&idle[0], &after[0], &result.offerer);
	note_idle(&idle[1], &after[1], &result.answerer);
	result.close_s = close_all(side);
	struct counts end[2] = {side_count(side), side_count_other(side)};
	result.offerer.kib_left_per_connection =
		per_connection(side, end[0].heap_bytes, before[0].heap_bytes);
	result.answerer.kib_left_per_connection =
		per_connection(side, end[1].heap_bytes, before[1].heap_bytes);
	return result;
}

/* ---- Telling ---- */

static void print_cost(const char *name, const struct cost *c)
{
	printf("\"%s\": {\"kib_per_connection\": %.1f, \"heap_kib_per_connection\": %.1f, "
	       "\"idle_cpu_percent\": %.2f, \"datagrams_per_s\": %.0f, \"calls_per_s\": %.0f, "
	       "\"kib_left_per_connection\": %.2f}",
		name, c->kib_per_connection, c->heap_kib_per_connection, c->idle_cpu_percent,
		c->datagrams_per_s, c->calls_per_s, c->kib_left_per_connection);
}

static void print_json(const struct result *r, size_t connections)
{
	printf("{\"connections\": %zu, \"kib_per_connection\": %.1f, \"idle_cpu_percent\": %.2f, "
	       "\"connects_per_s\": %.0f, \"closes_per_s\": %.0f, ",
		connections, (r->offerer.kib_per_connection + r->answerer.kib_per_connection) / 2,
		(r->offerer.idle_cpu_percent + r->answerer.idle_cpu_percent) / 2,
		(double)connections / r->setup_s, (double)connections / r->close_s);
	print_cost("offerer", &r->offerer);
	printf(", ");
	print_cost("answerer", &r->answerer);
	printf("}\n");
}

static void print_table(const struct result *r, size_t connections)
{
	const struct cost *o = &r->offerer, *a = &r->answerer;
	printf("%zu idle data channel connections, two processes, loopback\n\n"
	       "                                      offerer   answerer\n"
	       "  memory of one, KiB               %10.1f %10.1f\n"
	       "    of it allocated                %10.1f %10.1f\n"
	       "    left after the close           %10.2f %10.2f\n"
	       "  CPU of all, %% of a core          %10.2f %10.2f\n"
	       "  datagrams both ways, /s          %10.0f %10.0f\n"
	       "  system calls for them, /s        %10.0f %10.0f\n"
	       "  connects, /s                     %10.0f\n"
	       "  graceful closes, /s              %10.0f\n",
		connections, o->kib_per_connection, a->kib_per_connection,
		o->heap_kib_per_connection, a->heap_kib_per_connection, o->kib_left_per_connection,
		a->kib_left_per_connection, o->idle_cpu_percent, a->idle_cpu_percent,
		o->datagrams_per_s, a->datagrams_per_s, o->calls_per_s, a->calls_per_s,
		(double)connections / r->setup_s, (double)connections / r->close_s);
}

static const char usage[] =
	"usage: scale [--json] [--connections N] [--seconds N]\n"
	"\n"
	"Opens N connections (10000 by default) between two processes on one UDP socket each,\n"
	"leaves them idle for N seconds (10 by default), and closes them.\n";

static int wrong_usage(void)
{
	fputs(usage, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool json = false;
	uint32_t connections = PEER_IO_PEERS_MAX, seconds = 10;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			fputs(usage, stdout);
			return 0;
		} else if (strcmp(argv[i], "--json") == 0) {
			json = true;
		} else if (strcmp(argv[i], "--connections") == 0 && i + 1 < argc) {
			if (!text_to_u32(argv[++i], &connections) || connections == 0 ||
				connections > PEER_IO_PEERS_MAX)
				return wrong_usage();
		} else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			if (!text_to_u32(argv[++i], &seconds) || seconds == 0 || seconds > 3600)
				return wrong_usage();
		} else {
			return wrong_usage();
		}
	}
	struct side *side = side_create(connections, 0);
	struct result result = measure(side, (usec)seconds * USEC_PER_SEC);
	side_destroy(side);
	if (json)
		print_json(&result, connections);
	else
		print_table(&result, connections);
	return 0;
}
