/* Measures what a connection makes of distance and loss, in virtual time:
 *
 *     sim [--all | --check] [--json] [--seeds N] [--from S] [--seconds N]
 *
 * The profiles run as the peer is by default and, as the baseline, with the NewReno of RFC 9260 and
 * a window of 1 MiB. --all adds what happens from one loss rate and distance to the next, when
 * datagrams overtake each other, and when two connections share a link. --check measures one seed
 * for a short time and fails when the default falls below what it has reached before.
 *
 * Rates are means over the seeds, round trips those of all seeds together. The first five seconds
 * of a run are left out. Same seeds, same numbers, on every machine. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"
#include "sim/virtual.h"
#include "sim_run.h"

#define WARM_UP_SECONDS 5
#define SEEDS_MAX 100
#define SECONDS_MAX 3600
#define CASES_MAX 64

static const char usage[] =
	"usage: sim [--all | --check] [--json] [--seeds N] [--from S] [--seconds N]\n";

#define DEFAULT                                                                                    \
	{                                                                                          \
		"default", DPC_CONGESTION_DEFAULT, 0                                               \
	}
#define BASELINE                                                                                   \
	{                                                                                          \
		"NewReno, 1 MiB", DPC_CONGESTION_NEWRENO, 1024 * 1024                              \
	}
#define CUBIC                                                                                      \
	{                                                                                          \
		"CUBIC", DPC_CONGESTION_CUBIC, 0                                                   \
	}
#define BBR                                                                                        \
	{                                                                                          \
		"BBR", DPC_CONGESTION_BBR, 0                                                       \
	}

/* BBR is the default: it has rows of its own only where two meet. */
static const struct link_contender contenders[] = {DEFAULT, BASELINE, CUBIC};
#define BASE_CONTENDERS 2 /* those of the profiles */
#define ALL_CONTENDERS (sizeof contenders / sizeof contenders[0])

/* ---- What is measured ---- */

/* What is to be reached, and what --check demands of the default: Mbit/s at least; with chat,
 * milliseconds of its 95th percentile at most. */
struct goal {
	struct link_profile profile;
	double target, check;
};

static const struct goal goals[] = {
	{{.name = "100 Mbit/s, 100 ms", .rate = 100000000, .round_trip = 100 * USEC_PER_MS}, 95,
		90},
	{{.name = "1 Gbit/s, 20 ms", .rate = 1000000000, .round_trip = 20 * USEC_PER_MS}, 900, 880},
	{{.name = "50 Mbit/s, 50 ms, 1 % loss",
		 .rate = 50000000,
		 .round_trip = 50 * USEC_PER_MS,
		 .loss_ppm = 10000},
		35, 40},
	{{.name = "10 Mbit/s, 40 ms, chat",
		 .rate = 10000000,
		 .round_trip = 40 * USEC_PER_MS,
		 .chat = true},
		60, 56},
};
#define GOALS (sizeof goals / sizeof goals[0])

struct cases {
	struct sim_case list[CASES_MAX];
	size_t count;
};

static void add(struct cases *cases, const struct link_profile *profile, size_t contender_count)
{
	for (size_t i = 0; i < contender_count; i++) {
		CHECK(cases->count < CASES_MAX);
		cases->list[cases->count++] = (struct sim_case){
			.profile = *profile, .flows = 1, .contenders = {contenders[i]}};
	}
}

static void add_goals(struct cases *cases)
{
	for (size_t i = 0; i < GOALS; i++)
		add(cases, &goals[i].profile, BASE_CONTENDERS);
}

static void add_losses(struct cases *cases)
{
	static const uint32_t ppm[] = {0, 1000, 2000, 5000, 10000, 20000, 50000};
	for (size_t i = 0; i < sizeof ppm / sizeof ppm[0]; i++)
		add(cases,
			&(struct link_profile){.name = "50 Mbit/s, 50 ms, loss",
				.rate = 50000000,
				.round_trip = 50 * USEC_PER_MS,
				.loss_ppm = ppm[i]},
			ALL_CONTENDERS);
}

static void add_distances(struct cases *cases)
{
	static const usec ms[] = {1, 3, 10, 20, 50, 100, 300};
	for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++)
		add(cases,
			&(struct link_profile){.name = "100 Mbit/s, distance",
				.rate = 100000000,
				.round_trip = ms[i] * USEC_PER_MS},
			ALL_CONTENDERS);
}

static void add_reordering(struct cases *cases)
{
	add(cases,
		&(struct link_profile){.name = "50 Mbit/s, 50 ms, 2 % late by 10 ms",
			.rate = 50000000,
			.round_trip = 50 * USEC_PER_MS,
			.reorder_ppm = 20000,
			.reorder_delay = 10 * USEC_PER_MS},
		ALL_CONTENDERS);
}

static void add_sharing(struct cases *cases)
{
	static const struct link_contender pairs[][LINK_FLOWS_MAX] = {
		{DEFAULT, DEFAULT},
		{BASELINE, BASELINE},
		{CUBIC, CUBIC},
		{CUBIC, BASELINE},
		{BBR, BASELINE},
		{BBR, CUBIC},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		CHECK(cases->count < CASES_MAX);
		cases->list[cases->count++] = (struct sim_case){
			.profile = {.name = "20 Mbit/s, 40 ms, two connections",
				.rate = 20000000,
				.round_trip = 40 * USEC_PER_MS},
			.flows = 2,
			.contenders = {pairs[i][0], pairs[i][1]},
		};
	}
}

static const struct section {
	const char *name;
	bool always;
	void (*add)(struct cases *cases);
} sections[] = {
	{"profiles", true, add_goals},
	{"loss", false, add_losses},
	{"distance", false, add_distances},
	{"reordering", false, add_reordering},
	{"sharing", false, add_sharing},
};

/* ---- Telling ---- */

static const struct goal *goal_of(const struct sim_case *c)
{
	for (size_t i = 0; i < GOALS; i++)
		if (goals[i].profile.name == c->profile.name)
			return &goals[i];
	return NULL;
}

static void print_head(const char *name)
{
	printf("%s\n\n| %-35s | %-14s | %7s | %7s | %12s | %15s | %-21s |\n", name, "link",
		"connection", "Mbit/s", "of link", "queue, ms", "retransmissions", "");
	printf("|---|---|--:|--:|--:|--:|---|\n");
}

/* What is particular to a case: its loss, its distance, its chats, its shares. */
static void note(const struct sim_case *c, const struct sim_summary *s, char *text, size_t size)
{
	const struct goal *goal = goal_of(c);
	if (c->flows > 1)
		snprintf(text, size, "%.1f + %.1f, Jain %.2f", s->flow_mbits[0], s->flow_mbits[1],
			s->jain);
	else if (c->profile.chat)
		snprintf(text, size, "%.0f / %.0f ms (<= %.0f)", s->chat_ms_p50, s->chat_ms_p95,
			goal ? goal->target : 0);
	else if (goal)
		snprintf(text, size, ">= %.0f Mbit/s", goal->target);
	else
		snprintf(text, size, "%.0f ms, %.1f %% lost", (double)c->profile.round_trip / 1000,
			(double)c->profile.loss_ppm / 10000);
}

static void print_row(const struct sim_case *c, const struct sim_summary *s)
{
	char text[64], name[64], queue[32];
	note(c, s, text, sizeof text);
	snprintf(queue, sizeof queue, "%.1f / %.0f", s->queue_ms, s->queue_ms_max);
	snprintf(name, sizeof name, "%s%s%s", c->contenders[0].name, c->flows > 1 ? " + " : "",
		c->flows > 1 ? c->contenders[1].name : "");
	printf("| %-35s | %-14s | %7.1f | %5.1f %% | %12s | %15.0f | %-21s |\n", c->profile.name,
		name, s->mbits, s->link_percent, queue, s->retransmissions, text);
}

static void print_json_flows(const struct sim_case *c, const struct sim_summary *s)
{
	printf(", \"jain\": %.4f, \"flows\": [", s->jain);
	for (size_t i = 0; i < c->flows; i++)
		printf("%s{\"connection\": \"%s\", \"mbits\": %.2f}", i > 0 ? ", " : "",
			c->contenders[i].name, s->flow_mbits[i]);
	printf("]");
}

static void print_json_row(const struct sim_case *c, const struct sim_summary *s)
{
	const struct goal *goal = goal_of(c);
	printf("{\"profile\": \"%s\", \"connection\": \"%s\", \"link_mbits\": %.0f, "
	       "\"round_trip_ms\": %.0f, \"loss_percent\": %.2f, \"mbits\": %.2f, "
	       "\"mbits_min\": %.2f, \"mbits_max\": %.2f, \"link_percent\": %.2f, "
	       "\"queue_ms\": %.2f, \"queue_ms_max\": %.2f, \"retransmissions\": %.1f, "
	       "\"datagrams_lost\": %.1f",
		c->profile.name, c->contenders[0].name, (double)c->profile.rate / 1e6,
		(double)c->profile.round_trip / 1000, (double)c->profile.loss_ppm / 10000, s->mbits,
		s->mbits_min, s->mbits_max, s->link_percent, s->queue_ms, s->queue_ms_max,
		s->retransmissions, s->lost);
	if (c->profile.chat)
		printf(", \"chat_ms_p50\": %.2f, \"chat_ms_p95\": %.2f", s->chat_ms_p50,
			s->chat_ms_p95);
	if (goal)
		printf(", \"%s\": %.0f", c->profile.chat ? "target_chat_ms_p95" : "target_mbits",
			goal->target);
	if (c->flows > 1)
		print_json_flows(c, s);
	printf(", \"trace\": \"%016" PRIx64 "\"}", s->trace);
}

static void run_section(const struct section *section, const struct sim_options *options, bool json)
{
	static struct cases cases;
	static struct sim_summary summaries[CASES_MAX];
	cases.count = 0;
	section->add(&cases);
	fprintf(stderr, "%s: %zu cases, %u seeds each\n", section->name, cases.count,
		options->seeds);
	sim_run(cases.list, cases.count, options, summaries);
	if (json)
		printf(", \"%s\": [", section->name);
	else
		print_head(section->name);
	for (size_t i = 0; i < cases.count; i++) {
		if (!json) {
			print_row(&cases.list[i], &summaries[i]);
			continue;
		}
		printf("%s", i > 0 ? ", " : "");
		print_json_row(&cases.list[i], &summaries[i]);
	}
	printf(json ? "]" : "\n");
}

static void run(const struct sim_options *options, bool json, bool all)
{
	if (json)
		printf("{\"seeds\": %u, \"seconds\": %u", options->seeds, options->seconds);
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		if (all || sections[i].always)
			run_section(&sections[i], options, json);
	if (json)
		printf("}\n");
}

/* ---- The test ---- */

static bool check(void)
{
	static const struct sim_options options = {
		.seeds = 1, .from = 1, .warm_up = 5, .seconds = 5};
	static struct cases cases;
	static struct sim_summary summaries[CASES_MAX];
	bool good = true;
	add_goals(&cases);
	sim_run(cases.list, cases.count, &options, summaries);
	for (size_t i = 0; i < GOALS; i++) {
		const struct sim_summary *ours = &summaries[i * BASE_CONTENDERS];
		const struct sim_summary *baseline = ours + 1;
		bool chat = goals[i].profile.chat;
		double value = chat ? ours->chat_ms_p95 : ours->mbits;
		bool holds = chat ? value <= goals[i].check : value >= goals[i].check;
		printf("%-27s %6.1f %s, %s %.0f; baseline %.1f: %s\n", goals[i].profile.name, value,
			chat ? "ms" : "Mbit/s", chat ? "at most" : "at least", goals[i].check,
			chat ? baseline->chat_ms_p95 : baseline->mbits, holds ? "holds" : "FAILS");
		good &= holds;
	}
	return good;
}

/* ---- Options ---- */

static bool parse_number(const char *text, uint32_t max, uint32_t *ret_number)
{
	uint32_t number;
	if (!text_to_u32(text, &number) || number == 0 || number > max)
		return false;
	*ret_number = number;
	return true;
}

struct options {
	struct sim_options sim;
	bool json, all, check;
};

static bool parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"all", no_argument, NULL, 'a'},
		{"check", no_argument, NULL, 'c'},
		{"seeds", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'f'},
		{"seconds", required_argument, NULL, 's'},
		{0},
	};
	struct options o = {
		.sim = {.seeds = 3, .from = 1, .warm_up = WARM_UP_SECONDS, .seconds = 25}};
	bool good = true;
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'j':
			o.json = true;
			break;
		case 'a':
			o.all = true;
			break;
		case 'c':
			o.check = true;
			break;
		case 'n':
			good &= parse_number(optarg, SEEDS_MAX, &o.sim.seeds);
			break;
		case 'f':
			good &= parse_number(optarg, UINT32_MAX, &o.sim.from);
			break;
		case 's':
			good &= parse_number(optarg, SECONDS_MAX, &o.sim.seconds);
			break;
		default:
			good = false;
		}
	}
	*ret_options = o;
	return good && optind == argc && !(o.all && o.check);
}

int main(int argc, char **argv)
{
	struct options options;
	if (!parse_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return 2;
	}
	virtual_warm_up();
	if (options.check)
		return !check();
	run(&options.sim, options.json, options.all);
	return 0;
}
