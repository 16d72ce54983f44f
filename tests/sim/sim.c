/* The simulator: whole connections in virtual time, each from one seed. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "connection.h"
#include "virtual.h"

static const char usage[] =
	"usage: sim --seeds N [--from S]   run the seeds S (1) to S + N - 1\n"
	"       sim --seed S [--log]       run one seed, and say all that happens\n";

struct totals {
	uint64_t failures, messages, bytes, datagrams;
	double virtual_seconds;
};

static struct connection connection; /* of the latest run */

/* Runs one seed; true when no checker objected. */
static bool run_seed(uint64_t seed, FILE *log, struct totals *totals)
{
	size_t heap_before = virtual_heap_bytes();
	connection_init(&connection, seed, log);
	bool good = connection_run(&connection);
	connection_deinit(&connection);
	if (good && virtual_heap_bytes() != heap_before) {
		snprintf(connection.failure, sizeof connection.failure,
			"%zu bytes of memory are left after the end",
			virtual_heap_bytes() - heap_before);
		good = false;
	}
	uint64_t sent = connection.network.ends[0].sent + connection.network.ends[1].sent;
	totals->messages += connection.messages;
	totals->bytes += connection.bytes;
	totals->datagrams += sent;
	totals->virtual_seconds += (double)connection.finished / 1e6;
	if (log)
		fprintf(log,
			"seed %" PRIu64 ": %" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64
			" datagrams, %.3f s, trace %016" PRIx64 "\n",
			seed, connection.messages, connection.bytes, sent,
			(double)connection.finished / 1e6, connection.network.trace);
	if (!good) {
		printf("seed %" PRIu64 " fails: %s\n  replay: ./dev sim --seed %" PRIu64 " --log\n",
			seed, connection.failure, seed);
		totals->failures++;
	}
	return good;
}

/* Two runs of a seed send the same bytes at the same times, or nothing here can be replayed. */
static bool replays(uint64_t seed)
{
	struct totals ignored = {0};
	run_seed(seed, NULL, &ignored);
	uint64_t trace = connection.network.trace;
	run_seed(seed, NULL, &ignored);
	return trace == connection.network.trace;
}

static int run_seeds(uint64_t from, uint64_t count)
{
	struct totals totals = {0};
	for (uint64_t i = 0; i < count; i++)
		run_seed(from + i, NULL, &totals);
	printf("%" PRIu64 " seeds, %" PRIu64 " failures: %" PRIu64 " messages, %.1f MB, %" PRIu64
	       " datagrams in %.0f virtual seconds\n",
		count, totals.failures, totals.messages, (double)totals.bytes / 1e6,
		totals.datagrams, totals.virtual_seconds);
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
