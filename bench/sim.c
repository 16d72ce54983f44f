/* Measures what a connection makes of distance and loss, in virtual time:
 *
 *     sim [--json] [--seeds N] [--from S] [--seconds N]
 *
 * Each profile runs with the default receive window and with a large one, once for every seed;
 * rates are means, round trips those of all seeds together. The first five seconds of a run are
 * left out. Same seeds, same numbers, on every machine. */
#include "sim_link.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "sim/virtual.h"

#define WARM_UP_SECONDS 5
#define SEEDS_MAX 100
#define SECONDS_MAX 3600

static const char usage[] = "usage: sim [--json] [--seeds N] [--from S] [--seconds N]\n";

/* A profile and what is to be reached on it. */
struct row {
	struct link_profile link;
	double target; /* Mbit/s; with chat: milliseconds of its 95th percentile, at most */
};

static const struct row rows[] = {
	{{"100 Mbit/s, 100 ms", 100000000, 100 * USEC_PER_MS, 0, false}, 95},
	{{"1 Gbit/s, 20 ms", 1000000000, 20 * USEC_PER_MS, 0, false}, 900},
	{{"50 Mbit/s, 50 ms, 1 % loss", 50000000, 50 * USEC_PER_MS, 10000, false}, 35},
	{{"10 Mbit/s, 40 ms, chat", 10000000, 40 * USEC_PER_MS, 0, true}, 60},
};

static const struct window {
	const char *name;
	uint32_t size; /* bytes; 0: the default */
} windows[] = {
	{"default", 0},
	{"8 MiB", 8 * 1024 * 1024},
};

struct options {
	bool json;
	uint32_t seeds, from, seconds;
};

/* Over all seeds. */
struct summary {
	double mbits, mbits_min, mbits_max; /* of message bytes */
	double link_percent;                /* of the link's rate, as UDP payload */
	double retransmissions, lost;       /* of a run */
	double chat_ms_p50, chat_ms_p95;
	uint64_t trace;
};

static int compare_usec(const void *a, const void *b)
{
	usec x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static double quantile_ms(const usec *sorted, size_t count, size_t percent)
{
	return count > 0 ? (double)sorted[(count - 1) * percent / 100] / 1000 : 0;
}

/* All round trips of the seeds so far, in one array. */
static void collect_chats(usec **chats, size_t *count, struct link_result *result)
{
	if (result->chat_count > 0) {
		usec *grown = realloc(*chats, (*count + result->chat_count) * sizeof(usec));
		CHECK(grown != NULL);
		memcpy(grown + *count, result->chats, result->chat_count * sizeof(usec));
		*chats = grown;
		*count += result->chat_count;
	}
	free(result->chats);
}

static struct summary measure(
	const struct row *row, const struct window *window, const struct options *options)
{
	struct summary s = {0};
	usec *chats = NULL;
	size_t chat_count = 0;
	double seconds = (double)options->seconds, runs = (double)options->seeds;
	for (uint32_t i = 0; i < options->seeds; i++) {
		const struct link_run run = {.profile = &row->link,
			.receive_window = window->size,
			.seed = (uint64_t)options->from + i,
			.warm_up = WARM_UP_SECONDS * USEC_PER_SEC,
			.duration = (usec)options->seconds * USEC_PER_SEC};
		struct link_result r = link_measure(&run);
		double mbits = (double)r.message_bytes * 8 / 1e6 / seconds;
		s.mbits += mbits / runs;
		s.mbits_min = i == 0 || mbits < s.mbits_min ? mbits : s.mbits_min;
		s.mbits_max = mbits > s.mbits_max ? mbits : s.mbits_max;
		s.link_percent += 100.0 * (double)r.datagram_bytes * 8 / seconds /
				  (double)row->link.rate / runs;
		s.retransmissions += (double)r.retransmissions / runs;
		s.lost += (double)r.lost / runs;
		s.trace ^= r.trace;
		collect_chats(&chats, &chat_count, &r);
	}
	if (chat_count > 0)
		qsort(chats, chat_count, sizeof(usec), compare_usec);
	s.chat_ms_p50 = quantile_ms(chats, chat_count, 50);
	s.chat_ms_p95 = quantile_ms(chats, chat_count, 95);
	free(chats);
	return s;
}

/* ---- Telling ---- */

static void print_head(const struct options *options)
{
	if (options->json) {
		printf("{\"seeds\": %u, \"seconds\": %u, \"rows\": [", options->seeds,
			options->seconds);
		return;
	}
	printf("| %-26s | %-7s | %7s | %7s | %15s | %16s | %-14s |\n", "link and round trip",
		"window", "Mbit/s", "of link", "retransmissions", "chat p50/p95, ms", "target");
	printf("|---|---|--:|--:|--:|--:|---|\n");
}

static void print_row(const struct row *row, const struct window *window, const struct summary *s)
{
	char chat[32] = "", target[32];
	if (row->link.chat) {
		snprintf(chat, sizeof chat, "%.0f / %.0f", s->chat_ms_p50, s->chat_ms_p95);
		snprintf(target, sizeof target, "<= %.0f ms p95", row->target);
	} else {
		snprintf(target, sizeof target, ">= %.0f Mbit/s", row->target);
	}
	printf("| %-26s | %-7s | %7.1f | %5.1f %% | %15.0f | %16s | %-14s |\n", row->link.name,
		window->name, s->mbits, s->link_percent, s->retransmissions, chat, target);
	fflush(stdout);
}

static void print_json_row(
	const struct row *row, const struct window *window, const struct summary *s, bool first)
{
	printf("%s{\"profile\": \"%s\", \"receive_window\": \"%s\", \"mbits\": %.2f, "
	       "\"mbits_min\": %.2f, \"mbits_max\": %.2f, \"link_percent\": %.2f, "
	       "\"retransmissions\": %.1f, \"datagrams_lost\": %.1f, ",
		first ? "" : ", ", row->link.name, window->name, s->mbits, s->mbits_min,
		s->mbits_max, s->link_percent, s->retransmissions, s->lost);
	if (row->link.chat)
		printf("\"chat_ms_p50\": %.2f, \"chat_ms_p95\": %.2f, \"target_chat_ms_p95\": %.0f",
			s->chat_ms_p50, s->chat_ms_p95, row->target);
	else
		printf("\"target_mbits\": %.0f", row->target);
	printf(", \"trace\": \"%016" PRIx64 "\"}", s->trace);
}

static void run(const struct options *options)
{
	print_head(options);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t k = 0; k < sizeof windows / sizeof windows[0]; k++) {
			struct summary s = measure(&rows[i], &windows[k], options);
			if (options->json)
				print_json_row(&rows[i], &windows[k], &s, i + k == 0);
			else
				print_row(&rows[i], &windows[k], &s);
		}
	if (options->json)
		printf("]}\n");
}

static bool parse_number(const char *text, uint32_t max, uint32_t *ret_number)
{
	uint32_t number;
	if (!text_to_u32(text, &number) || number == 0 || number > max)
		return false;
	*ret_number = number;
	return true;
}

static bool parse_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"seeds", required_argument, NULL, 'n'},
		{"from", required_argument, NULL, 'f'},
		{"seconds", required_argument, NULL, 's'},
		{0},
	};
	struct options o = {.seeds = 3, .from = 1, .seconds = 25};
	bool good = true;
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'j':
			o.json = true;
			break;
		case 'n':
			good &= parse_number(optarg, SEEDS_MAX, &o.seeds);
			break;
		case 'f':
			good &= parse_number(optarg, UINT32_MAX, &o.from);
			break;
		case 's':
			good &= parse_number(optarg, SECONDS_MAX, &o.seconds);
			break;
		default:
			good = false;
		}
	}
	*ret_options = o;
	return good && optind == argc;
}

int main(int argc, char **argv)
{
	struct options options;
	if (!parse_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return 2;
	}
	virtual_warm_up();
	run(&options);
	return 0;
}
