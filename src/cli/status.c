/* dpc status: what the running node does. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

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
		const char *error = field_text(relay, "error");
		bool from_hub = strcmp(field_text(relay, "from"), "hub") == 0;
		snprintf(line, sizeof line, "%.280s from %s, %.20s%s%.60s%s%.300s",
			field_text(relay, "server"), from_hub ? "the hub" : "config.ini",
			field_text(relay, "state"), *address ? " at " : "", address,
			*error ? ": " : "", error);
		print_line(i == 0 ? "relays" : "", line);
	}
	if (*problem)
		print_line("relays", problem);
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
}

int command_status(const struct cli *cli)
{
	json_t *status = NULL;
	int result = api_ask(cli, &(struct api_request){.path = "/status"}, &status);
	if (result != CLI_DONE)
		return result;
	if (cli->json)
		print_json(status);
	else
		print_status(status);
	json_decref(status);
	return CLI_DONE;
}
