/* The simulator: whole connections in virtual time, each from one seed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/text.h"
#include "connection.h"
#include "virtual.h"

#define CONNECTIONS_MAX 4    /* in one world */
#define SEED_STEP 1000000007 /* between the seeds of a world's connections */

static const char usage[] =
	"usage: sim --seeds N [--from S]   run the seeds S (1) to S + N - 1\n"
	"       sim --seed S [--log]       run one seed, and say all that happens\n";

struct totals {
	uint64_t failures, connections, messages, bytes, datagrams;
	double virtual_seconds;
};

/* What runs at once in one virtual time: mostly one connection, sometimes several, which share the
 * process and nothing else. */
struct world {
	struct connection connections[CONNECTIONS_MAX];
	size_t count;
	uint64_t trace; /* of all that was sent in it */
};

static struct world world; /* the latest */

static size_t draw_count(uint64_t seed)
{
	struct rng rng = rng_seeded(seed ^ UINT64_C(0x776f726c64));
	return rng_below(&rng, 4) ? 1 : 2 + rng_below(&rng, CONNECTIONS_MAX - 1);
}

static void world_run(uint64_t seed, FILE *log)
{
	world.count = draw_count(seed);
	virtual_start(seed);
	virtual_set_time(SIM_START);
	for (size_t i = 0; i < world.count; i++)
		connection_init(&world.connections[i], seed + i * SEED_STEP, log);
	usec now = SIM_START, next;
	do {
		next = USEC_NEVER;
		for (size_t i = 0; i < world.count; i++)
			next = usec_min(next, connection_advance(&world.connections[i], now));
		if (next != USEC_NEVER)
			virtual_set_time(next);
		now = next;
	} while (next != USEC_NEVER);
	world.trace = 0;
	for (size_t i = 0; i < world.count; i++) {
		world.trace ^= world.connections[i].network.trace;
		connection_deinit(&world.connections[i]);
	}
}

static void count(const struct connection *c, FILE *log, struct totals *totals)
{
	uint64_t sent = c->network.ends[0].sent + c->network.ends[1].sent;
	totals->connections++;
	totals->messages += c->messages;
	totals->bytes += c->bytes;
	totals->datagrams += sent;
	totals->virtual_seconds += (double)c->finished / 1e6;
	if (log)
		fprintf(log,
			"%" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64
			" datagrams, %.3f s, trace %016" PRIx64 "\n",
			c->messages, c->bytes, sent, (double)c->finished / 1e6, c->network.trace);
}

/* Runs one seed; true when no checker objected. */
static bool run_seed(uint64_t seed, FILE *log, struct totals *totals)
{
	size_t heap_before = virtual_heap_bytes();
	char memory[64];
	const char *failure = NULL;
	world_run(seed, log);
	for (size_t i = 0; i < world.count; i++) {
		count(&world.connections[i], log, totals);
		if (!failure && world.connections[i].failure[0])
			failure = world.connections[i].failure;
	}
	if (!failure && virtual_heap_bytes() != heap_before) {
		snprintf(memory, sizeof memory, "%zu bytes of memory are left after the end",
			virtual_heap_bytes() - heap_before);
		failure = memory;
	}
	if (!failure)
		return true;
	printf("seed %" PRIu64 " fails: %s\n  replay: ./dev sim --seed %" PRIu64 " --log\n", seed,
		failure, seed);
	totals->failures++;
	return false;
}

/* Two runs of a seed send the same bytes at the same times, or nothing here can be replayed. */
static bool replays(uint64_t seed)
{
	struct totals ignored = {0};
	run_seed(seed, NULL, &ignored);
	uint64_t trace = world.trace;
	run_seed(seed, NULL, &ignored);
	return trace == world.trace;
}

static int run_seeds(uint64_t from, uint64_t seeds)
{
	struct totals totals = {0};
	for (uint64_t i = 0; i < seeds; i++)
		run_seed(from + i, NULL, &totals);
	printf("%" PRIu64 " seeds, %" PRIu64 " failures: %" PRIu64 " connections, %" PRIu64
	       " messages, %.1f MB, %" PRIu64 " datagrams in %.0f virtual seconds\n",
		seeds, totals.failures, totals.connections, totals.messages,
		(double)totals.bytes / 1e6, totals.datagrams, totals.virtual_seconds);
	if (!replays(from)) {
		printf("seed %" PRIu64 " does not replay: two runs differ\n", from);
		return 1;
	}
	return totals.failures > 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"from", required_argument, NULL, 'f'},
		{"log", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	uint64_t seeds = 0, seed = 0, from = 1;
	bool log = false, wrong = false;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			wrong |= !text_to_u64(optarg, &seeds);
			break;
		case 's':
			wrong |= !text_to_u64(optarg, &seed);
			break;
		case 'f':
			wrong |= !text_to_u64(optarg, &from);
			break;
		case 'l':
			log = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			wrong = true;
		}
	}
	if (wrong || optind < argc || (seeds == 0) == (seed == 0)) {
		fputs(usage, stderr);
		return 2;
	}
	virtual_warm_up();
	if (seeds > 0)
		return run_seeds(from, seeds);
	struct totals totals = {0};
	return !run_seed(seed, log ? stdout : stderr, &totals);
}
