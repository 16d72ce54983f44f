/* dpc status: what the running node does, and how its links are. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/repeat.h"
#include "cli/status_peers.h"

#define WATCH_INTERVAL (1 * USEC_PER_SEC)

static void print_line(const char *what, const char *text)
{
	printf("%s%-9s%s ", colour(COLOUR_DIM), what, colour(COLOUR_NONE));
	print_safe(stdout, text, false);
	putchar('\n');
}

static void print_list(const char *what, const json_t *items)
{
	for (size_t i = 0; i < json_array_size(items); i++) {
		const char *text = json_string_value(json_array_get(items, i));
		print_line(i == 0 ? what : "", text ? text : "");
	}
}

static void print_hub(const json_t *hub)
{
	char line[CLI_PROBLEM_MAX];
	const char *url = field_text(hub, "url"), *state = field_text(hub, "state");
	const char *error = field_text(hub, "error");
	if (strcmp(state, "none") == 0 || !*state)
		snprintf(line, sizeof(line), "none; 'dpc login --hub URL' joins one");
	else if (strcmp(state, "login") == 0)
		snprintf(line, sizeof(line), "%.200s, not logged in: 'dpc login'", url);
	else
		snprintf(line, sizeof(line), "%.200s, %.40s%s%.200s", url, state,
			*error ? ": " : "", error);
	print_line("hub", line);
}

static void print_relays(const json_t *status)
{
	const json_t *relays = json_object_get(status, "relays");
	const char *problem = field_text(json_object_get(status, "hub_relays"), "error");
	char line[2 * CLI_PROBLEM_MAX];
	for (size_t i = 0; i < json_array_size(relays); i++) {
		const json_t *relay = json_array_get(relays, i);
		const char *address = field_text(relay, "address");
		const char *address6 = field_text(relay, "address6");
		const char *error = field_text(relay, "error");
		bool from_hub = strcmp(field_text(relay, "from"), "hub") == 0;
		snprintf(line, sizeof line, "%.280s from %s, %.20s%s%.60s%s%.60s%s%.300s",
			field_text(relay, "server"), from_hub ? "the hub" : "config.ini",
			field_text(relay, "state"), *address || *address6 ? " at " : "", address,
			*address && *address6 ? " and " : "", address6, *error ? ": " : "", error);
		print_line(i == 0 ? "relays" : "", line);
	}
	if (*problem)
		print_line("relays", problem);
}

/* Of the router; nothing where none is asked. */
static void print_mapping(const json_t *mapping)
{
	char line[CLI_PROBLEM_MAX];
	const char *udp = field_text(mapping, "udp"), *error = field_text(mapping, "error");
	if (*udp)
		snprintf(line, sizeof(line), "lets peers in at %.80s, by %.20s", udp,
			field_text(mapping, "protocol"));
	else
		snprintf(line, sizeof(line), "%.200s", error);
	if (line[0])
		print_line("router", line);
}

static void print_status(const json_t *status)
{
	const json_t *ai = json_object_get(status, "ai");
	char line[CLI_PROBLEM_MAX];
	print_line("node", field_text(status, "node_id"));
	if (*field_text(status, "name"))
		print_line("name", field_text(status, "name"));
	print_line("home", field_text(status, "home"));
	print_list("listens", json_object_get(status, "listen"));
	print_list("address", json_object_get(status, "uris"));
	print_mapping(json_object_get(status, "port_mapping"));
	if (json_is_object(json_object_get(status, "api")))
		print_line("api", field_text(json_object_get(status, "api"), "address"));
	print_hub(json_object_get(status, "hub"));
	print_relays(status);
	snprintf(line, sizeof(line),
		"%.0f contacts, %.0f links, %.0f messages waiting, %.0f strangers",
		field_number(status, "contacts", 0), field_number(status, "links", 0),
		field_number(status, "queued", 0), field_number(status, "strangers", 0));
	print_line("peers", line);
	if (json_is_object(ai)) {
		snprintf(line, sizeof(line), "%.100s at %.200s", field_text(ai, "provider"),
			field_text(ai, "url"));
		print_line("ai", line);
	}
	snprintf(line, sizeof(line), "%s, process %.0f, for %.0f s", field_text(status, "version"),
		field_number(status, "pid", 0), field_number(status, "uptime_seconds", 0));
	print_line("runs", line);
	double questions = field_number(status, "questions", 0);
	if (questions > 0) {
		snprintf(line, sizeof(line), "%.0f from peers; 'dpc access pending' shows them",
			questions);
		print_line("question", line);
	}
	print_list("problem", json_object_get(status, "problems"));
}

/* ---- Once, or again and again ---- */

struct show {
	const struct cli *cli;
	char path[CLI_API_PATH_MAX]; /* of the one peer; "": the node and all peers */
	bool watch, terminal;
	json_t *status; /* the node's, while the peers are asked for */
	json_t *before; /* node id -> link, of the last time */
	bool has_failed;
	char problem[CLI_PROBLEM_MAX];
};

static struct api_request next(void *user)
{
	const struct show *show = user;
	return (struct api_request){.path = *show->path    ? show->path
					    : show->status ? "/peers"
							   : "/status"};
}

/* The node's rates are of the last seconds; who watches sees those since the last look. */
static void refresh_rates(struct show *show, const json_t *peers)
{
	json_t *now = json_object();
	for (size_t i = 0; i < json_array_size(peers); i++) {
		const json_t *peer = json_array_get(peers, i);
		const char *id = field_text(peer, "node_id");
		json_t *link = json_object_get(peer, "link");
		if (!json_is_object(link))
			continue;
		figures_since(link, json_object_get(show->before, id));
		json_object_set(now, id, link);
	}
	json_decref(show->before);
	show->before = now;
}

static size_t terminal_columns(void)
{
	struct winsize size = {0};
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col > 0 ? size.ws_col : 80;
}

static void begin_screen(const struct show *show)
{
	if (show->cli->json || !show->watch)
		return;
	if (show->terminal)
		fputs("\033[H\033[2J", stdout);
	else if (show->before)
		putchar('\n');
}

static void show_peer(struct show *show, const json_t *quality)
{
	json_t *peers = json_pack("[O]", json_object_get(quality, "peer"));
	begin_screen(show);
	refresh_rates(show, peers);
	json_decref(peers);
	if (show->cli->json)
		print_json(quality);
	else
		print_peer_quality(quality);
}

static void show_all(struct show *show, json_t *peers)
{
	begin_screen(show);
	refresh_rates(show, peers);
	if (show->cli->json) {
		json_object_set(show->status, "peers", peers);
		print_json(show->status);
		return;
	}
	print_status(show->status);
	print_peer_table(stdout, peers, terminal_columns());
}

static usec answered(const json_t *answer, int http_status, const char *problem, void *user)
{
	struct show *show = user;
	(void)http_status;
	if (!answer) {
		show->has_failed = true;
		text_copy(show->problem, sizeof(show->problem), problem);
		return REPEAT_END;
	}
	if (*show->path) {
		show_peer(show, answer);
	} else if (!show->status) {
		show->status = json_deep_copy(answer);
		return 0;
	} else {
		show_all(show, json_object_get(answer, "peers"));
		json_decref(show->status);
		show->status = NULL;
	}
	fflush(stdout);
	return show->watch ? WATCH_INTERVAL : REPEAT_END;
}

int command_status(const struct cli *cli)
{
	struct show show = {
		.cli = cli, .watch = cli_has(cli, "watch"), .terminal = isatty(STDOUT_FILENO)};
	if (cli->arg_count > 0 && (!api_path_add(show.path, "/peers/") ||
					  !api_path_add_encoded(show.path, cli->args[0]) ||
					  !api_path_add(show.path, "/quality")))
		return cli_wrong(cli, "the peer's name is too long");
	int status = repeat_run(
		&(struct repeat){.cli = cli, .ask = next, .answered = answered, .user = &show});
	json_decref(show.status);
	json_decref(show.before);
	if (status == CLI_DONE && show.has_failed)
		return cli_fail("%s", show.problem);
	return status;
}
