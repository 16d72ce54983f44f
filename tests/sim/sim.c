/* The simulator: whole connections in virtual time, each from one seed. */
#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/text.h"
#include "jobs.h"
#include "virtual.h"
#include "world.h"

static const char usage[] =
	"usage: sim --seeds N [--from S] [--jobs J]  run the seeds S (1) to S + N - 1\n"
	"       sim --seed S [--log]                run one seed, and say all that happens\n";

struct options {
	uint64_t seeds, seed, from, jobs;
	bool log, help;
};

static uint64_t processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count > JOBS_MAX ? JOBS_MAX : (uint64_t)count;
}

static bool parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{"seeds", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"from", required_argument, NULL, 'f'},
		{"jobs", required_argument, NULL, 'j'},
		{"log", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct options o = {.from = 1, .jobs = processors()};
	bool good = true;
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'n':
			good &= text_to_u64(optarg, &o.seeds);
			break;
		case 's':
			good &= text_to_u64(optarg, &o.seed);
			break;
		case 'f':
			good &= text_to_u64(optarg, &o.from);
			break;
		case 'j':
			good &= text_to_u64(optarg, &o.jobs) && o.jobs > 0 && o.jobs <= JOBS_MAX;
			break;
		case 'l':
			o.log = true;
			break;
		case 'h':
			o.help = true;
			break;
		default:
			good = false;
		}
	}
	*ret_options = o;
	return good && optind == argc && (o.help || (o.seeds == 0) != (o.seed == 0));
}

static bool run_one(uint64_t seed, FILE *log)
{
	struct world_result result;
	world_run(seed, log, &result);
	if (result.failure[0])
		printf("seed %" PRIu64 " fails: %s\n", seed, result.failure);
	else
		printf("seed %" PRIu64 " holds: %" PRIu64 " messages, trace %016" PRIx64 "\n", seed,
			result.messages, result.trace);
	return !result.failure[0];
}

int main(int argc, char **argv)
{
	struct options o;
	if (!parse_options(argc, argv, &o)) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.help) {
		fputs(usage, stdout);
		return 0;
	}
	virtual_warm_up();
	if (o.seeds > 0)
		return !jobs_run(o.from, o.seeds, (size_t)o.jobs);
	return !run_one(o.seed, o.log ? stdout : NULL);
}
