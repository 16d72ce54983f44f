/* dpc netcheck: what this network allows, and what that means for connecting. The running node
 * checks; without one this process does. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "message/json.h"
#include "node/node.h"
#include "web/limits.h"

#define TIMEOUT_MS 30000
#define LINE_MAX_TEXT 1024

struct checking {
	bool progress; /* is shown */
	json_t *report;
	char problem[CLI_PROBLEM_MAX];
};

static bool on_line(struct bytes line, void *user)
{
	struct checking *checking = user;
	json_t *object = NULL;
	if (line.size == 0)
		return true;
	if (json_parse_object(line, WEB_CLIENT_LINE_MAX, &object) != ERR_OK) {
		snprintf(checking->problem, sizeof(checking->problem),
			"the node's answer cannot be read; is it another version?");
		return true;
	}
	const char *progress = field_text(object, "progress");
	const json_t *error = json_object_get(object, "error");
	if (checking->progress)
		fprintf(stderr, "\r\033[K%s%s", progress, *progress ? " …" : "");
	if (error)
		text_safe(
			field_text(error, "message"), checking->problem, sizeof(checking->problem));
	else if (!*progress && !checking->report)
		checking->report = json_incref(object);
	json_decref(object);
	return true;
}

/* ---- For a person ---- */

static void print_row(const char *what, const char *text)
{
	printf("%s%-9s%s ", colour(COLOUR_DIM), what, colour(COLOUR_NONE));
	print_safe(stdout, text, false);
	putchar('\n');
}

/* Behind what is there already. */
static void add(char *line, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(char *line, const char *format, ...)
{
	size_t used = strlen(line);
	va_list args;
	va_start(args, format);
	vsnprintf(line + used, LINE_MAX_TEXT - used, format, args);
	va_end(args);
}

static const char *state_text(const json_t *object)
{
	static const struct {
		const char *state, *text;
	} texts[] = {
		{"ok", "works"},
		{"silent", "no answer"},
		{"no_name", "its name has no address"},
		{"no_route", "this machine has no route to it"},
		{"refused", "refused"},
		{"wrong", "what answers is something else"},
		{"failed", "does not work"},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(texts[i].state, field_text(object, "state")) == 0)
			return texts[i].text;
	}
	return "?";
}

static void print_udp(const json_t *report)
{
	const json_t *udp = json_object_get(report, "udp");
	print_row("udp", json_is_true(udp)    ? "works"
			 : json_is_false(udp) ? "no STUN server answers"
					      : "cannot be told without a STUN server");
}

static void print_family(const json_t *report, const char *name)
{
	const json_t *family = json_object_get(report, name);
	char line[LINE_MAX_TEXT] = "";
	const json_t *hairpin = json_object_get(family, "hairpin");
	if (!json_is_true(json_object_get(family, "answers"))) {
		print_row(name, json_is_true(json_object_get(family, "here"))
					? "there is an address; no STUN server was reached by it"
					: "none");
		return;
	}
	bool nat = strcmp(field_text(family, "mapping"), "none") != 0;
	add(line, "%s seen as %s", field_text(family, "local"), field_text(family, "public"));
	print_row(name, line);
	line[0] = 0;
	add(line, "%s%s, filtering %s%s", nat ? "mapping " : "none",
		nat ? field_text(family, "mapping") : "", field_text(family, "filtering"),
		json_is_true(hairpin)    ? ", hairpin works"
		: json_is_false(hairpin) ? ", no hairpin"
					 : "");
	print_row("  nat", line);
}

static void print_stun(const json_t *report)
{
	const json_t *list = json_object_get(report, "stun");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *stun = json_array_get(list, i);
		char line[LINE_MAX_TEXT] = "";
		double rtt = field_number(stun, "rtt_ms", -1);
		add(line, "%s: %s", field_text(stun, "server"), state_text(stun));
		if (rtt >= 0)
			add(line, ", %.1f ms", rtt);
		if (json_is_true(json_object_get(stun, "second_address")))
			add(line, ", has a second address");
		print_row(i == 0 ? "stun" : "", line);
	}
	if (json_array_size(list) == 0)
		print_row("stun", "none is configured");
}

static void print_relays(const json_t *report)
{
	const json_t *list = json_object_get(report, "relays");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *relay = json_array_get(list, i);
		char line[LINE_MAX_TEXT] = "";
		const char *error = field_text(relay, "error");
		bool from_hub = strcmp(field_text(relay, "from"), "hub") == 0;
		add(line, "%s from %s: %s", field_text(relay, "server"),
			from_hub ? "the hub" : "config.ini", *error ? error : state_text(relay));
		if (!*error)
			add(line, ", %.1f ms", field_number(relay, "setup_ms", 0));
		print_row(i == 0 ? "relays" : "", line);
	}
	if (json_array_size(list) == 0)
		print_row("relays", "none");
}

static void print_ports(const json_t *report)
{
	const json_t *list = json_object_get(report, "tcp");
	char line[LINE_MAX_TEXT] = "";
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = json_array_get(list, i);
		const char *state = field_text(port, "state");
		add(line, "%s%.0f %s", i == 0 ? "" : ", ", field_number(port, "port", 0),
			strcmp(state, "ok") == 0        ? "open"
			: strcmp(state, "refused") == 0 ? "reachable, refused there"
							: "no answer");
	}
	if (line[0])
		print_row("tcp", line);
}

static void print_router(const json_t *report)
{
	const json_t *router = json_object_get(report, "port_mapping");
	char line[LINE_MAX_TEXT] = "";
	const char *protocol = field_text(router, "protocol"), *at = field_text(router, "address");
	if (strcmp(protocol, "none") == 0)
		add(line, "maps no ports (neither NAT-PMP nor UPnP)");
	else if (*protocol)
		add(line, "maps ports by %s%s%s", protocol, *at ? ", and says that it is at " : "",
			at);
	print_row("router", *protocol ? line : "not asked: 'port_mapping = no'");
}

static void print_hub(const json_t *report)
{
	const json_t *hub = json_object_get(report, "hub");
	char line[LINE_MAX_TEXT] = "";
	const char *error = field_text(hub, "error");
	double answer = field_number(hub, "answer_ms", -1);
	if (!json_is_object(hub)) {
		print_row("hub", "none");
		return;
	}
	add(line, "%s: %s", field_text(hub, "url"), *error ? error : state_text(hub));
	if (!*error && answer >= 0)
		add(line, ", answers in %.1f ms", answer);
	print_row("hub", line);
}

static void print_report(const json_t *report)
{
	const json_t *verdict = json_object_get(report, "verdict");
	print_udp(report);
	print_family(report, "ipv4");
	print_family(report, "ipv6");
	print_stun(report);
	print_relays(report);
	print_ports(report);
	print_router(report);
	print_hub(report);
	putchar('\n');
	for (size_t i = 0; i < json_array_size(verdict); i++) {
		const char *text = json_string_value(json_array_get(verdict, i));
		print_safe(stdout, text ? text : "", false);
		putchar('\n');
	}
}

/* ---- The command ---- */

static int check_without_node(const struct cli *cli, struct checking *checking)
{
	const char *stun = cli_value(cli, "stun");
	struct node_netcheck_options options = {.home = cli->home,
		.stun = &stun,
		.stun_count = stun ? 1 : 0,
		.line = on_line,
		.user = checking};
	return node_netcheck(&options) ? CLI_DONE : CLI_FAILED;
}

static int check(const struct cli *cli, struct checking *checking)
{
	const char *stun = cli_value(cli, "stun");
	bool absent = false;
	struct api_request request = {.path = "/netcheck",
		.timeout_ms = TIMEOUT_MS,
		.absent = &absent,
		.line = on_line,
		.user = checking,
		.body = stun ? json_pack("{s:[s]}", "stun", stun) : json_object()};
	int status = request.body ? api_ask(cli, &request, NULL) : cli_fail("out of memory");
	return absent ? check_without_node(cli, checking) : status;
}

int command_netcheck(const struct cli *cli)
{
	struct checking checking = {.progress = isatty(STDERR_FILENO)};
	int status = check(cli, &checking);
	if (status == CLI_DONE && checking.problem[0])
		status = cli_fail("%s", checking.problem);
	if (status == CLI_DONE && !checking.report)
		status = cli_fail("the check broke off; look at the node's log");
	if (status == CLI_DONE && cli->json)
		print_json(checking.report);
	else if (status == CLI_DONE)
		print_report(checking.report);
	if (status == CLI_DONE && !json_is_true(json_object_get(checking.report, "possible")))
		status = cli_fail("nothing can be connected to from here");
	json_decref(checking.report);
	return status;
}
