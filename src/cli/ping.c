/* dpc ping: the round trip of our own message to a peer, over the link in use, and the path that it
 * takes. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "cli/ping_stats.h"
#include "cli/repeat.h"

#define COUNT_MAX 1000000
#define INTERVAL_DEFAULT (1 * USEC_PER_SEC)
#define INTERVAL_MIN (10 * USEC_PER_MS)
#define INTERVAL_MAX (3600 * USEC_PER_SEC)
#define ROUTE_MAX 512

struct ping {
	const struct cli *cli;
	uint32_t count;
	usec interval;
	struct ping_stats stats;
	char name[NAME_TEXT_MAX];
	char route[ROUTE_MAX]; /* of the last answer; "": none yet */
	bool has_failed;       /* nothing that another try could mend */
	char problem[CLI_PROBLEM_MAX];
};

static struct api_request next(void *user)
{
	const struct ping *ping = user;
	return (struct api_request){
		.path = "/ping", .body = json_pack("{s:s}", "peer", ping->cli->args[0])};
}

/* Where it went: the route in words, or what an older node has. */
static const char *route_of(const json_t *answer)
{
	const char *route = field_text(json_object_get(answer, "route"), "text");
	return *route ? route : field_text(answer, "path");
}

/* With --json every line is an object, and has `seq`. */
static void print_as_json(const struct ping *ping, const json_t *fields)
{
	json_t *line = json_pack("{s:I}", "seq", (json_int_t)ping->stats.sent);
	if (line && json_object_update(line, (json_t *)(uintptr_t)fields) == 0)
		print_json(line);
	json_decref(line);
}

/* "now direct: 192.0.2.7:40122 (srflx, IPv4)" */
static void show_change(const json_t *answer, const char *route)
{
	const char *kind = field_text(json_object_get(answer, "route"), "kind");
	size_t size = strlen(kind);
	bool repeats = text_starts_with(route, kind) && route[size] == ' ';
	if (size > 0 && repeats)
		printf("now %s: %s\n", kind, route + size + 1);
	else
		printf("now %s\n", route);
}

static void show_answer(struct ping *ping, const json_t *answer, double rtt)
{
	char route[ROUTE_MAX];
	text_safe(route_of(answer), route, sizeof(route));
	name_text(json_object_get(answer, "peer"), ping->name);
	bool changed = ping->route[0] && strcmp(ping->route, route) != 0;
	text_copy(ping->route, sizeof(ping->route), route);
	if (ping->cli->json) {
		print_as_json(ping, answer);
		return;
	}
	if (changed)
		show_change(answer, route);
	printf("%s answers over %s in %.2f ms\n", ping->name, route, rtt);
}

static void show_problem(const struct ping *ping, const char *problem)
{
	json_t *fields = json_pack("{s:s}", "error", problem);
	if (ping->cli->json)
		print_as_json(ping, fields);
	else
		printf("no answer: %s\n", problem);
	json_decref(fields);
}

/* The peer may be there the next time: the node was asked, and did not refuse. */
static bool is_worth_another(int http_status)
{
	return http_status >= 500 || http_status == 409 || http_status == 429;
}

static usec answered(const json_t *answer, int http_status, const char *problem, void *user)
{
	struct ping *ping = user;
	if (answer) {
		double rtt = field_number(answer, "rtt_ms", 0);
		ping_stats_answer(&ping->stats, rtt);
		show_answer(ping, answer, rtt);
	} else {
		ping_stats_loss(&ping->stats);
		ping->has_failed = ping->count == 1 || !is_worth_another(http_status);
		text_copy(ping->problem, sizeof(ping->problem), problem);
		if (!ping->has_failed)
			show_problem(ping, problem);
	}
	fflush(stdout);
	bool over = ping->has_failed || (ping->count > 0 && ping->stats.sent >= ping->count);
	return over ? REPEAT_END : ping->interval;
}

static void print_summary(const struct ping *ping)
{
	const struct ping_stats *stats = &ping->stats;
	double mean = ping_stats_mean(stats), jitter = ping_stats_jitter(stats);
	double loss = ping_stats_loss_rate(stats);
	if (ping->cli->json) {
		json_t *summary = json_pack("{s:{s:I, s:I, s:f, s:f, s:f, s:f, s:f}}", "summary",
			"sent", (json_int_t)stats->sent, "received", (json_int_t)stats->received,
			"loss", loss, "min_ms", stats->min, "mean_ms", mean, "max_ms", stats->max,
			"jitter_ms", jitter);
		print_json(summary);
		json_decref(summary);
		return;
	}
	printf("--- %s: %u sent, %u answered, %.0f %% lost\n",
		ping->name[0] ? ping->name : ping->cli->args[0], stats->sent, stats->received,
		100 * loss);
	if (stats->received > 0)
		printf("round trip min/mean/max/jitter %.2f/%.2f/%.2f/%.2f ms\n", stats->min, mean,
			stats->max, jitter);
}

/* Seconds with at most three decimals. */
static bool parse_interval(const char *text, usec *ret_interval)
{
	const char *point = strchr(text, '.');
	struct bytes whole = point ? bytes_of(text, (size_t)(point - text)) : bytes_of_text(text);
	uint64_t seconds = 0, fraction = 0;
	usec unit = USEC_PER_SEC;
	if (!bytes_to_u64(whole, &seconds) || seconds > INTERVAL_MAX / USEC_PER_SEC)
		return false;
	if (point && (strlen(point + 1) > 3 || !text_to_u64(point + 1, &fraction)))
		return false;
	for (const char *at = point ? point + 1 : ""; *at; at++)
		unit /= 10;
	usec interval = (usec)seconds * USEC_PER_SEC + (usec)fraction * unit;
	if (interval < INTERVAL_MIN || interval > INTERVAL_MAX)
		return false;
	*ret_interval = interval;
	return true;
}

int command_ping(const struct cli *cli)
{
	const char *count = cli_value(cli, "count"), *interval = cli_value(cli, "interval");
	struct ping ping = {.cli = cli, .count = 1, .interval = INTERVAL_DEFAULT};
	if (count && (!text_to_u32(count, &ping.count) || ping.count > COUNT_MAX))
		return cli_wrong(cli, "'--count' is a number from 0 to %d", COUNT_MAX);
	if (interval && !parse_interval(interval, &ping.interval))
		return cli_wrong(cli, "'--interval' is a number of seconds from 0.01 to 3600");
	int status = repeat_run(
		&(struct repeat){.cli = cli, .ask = next, .answered = answered, .user = &ping});
	if (status != CLI_DONE)
		return status;
	if (ping.has_failed)
		return cli_fail("%s", ping.problem);
	if (ping.count != 1)
		print_summary(&ping);
	return ping.stats.received > 0 ? CLI_DONE : CLI_FAILED;
}
