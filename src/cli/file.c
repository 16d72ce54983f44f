/* dpc file: files to and from peers. A transfer is the node's: ending the command does not end it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/file_progress.h"
#include "cli/output.h"
#include "message/json.h"
#include "net/loop.h"
#include "web/limits.h"

/* ---- Following ---- */

struct following {
	bool json, terminal;
	usec moved_at; /* 0: it has not moved yet */
	bool ended, done;
	char problem[CLI_PROBLEM_MAX];
};

static void show(struct following *following, const json_t *file)
{
	char text[FILE_PROGRESS_MAX];
	if (following->json) {
		print_json(file);
		fflush(stdout);
	} else if (following->terminal) {
		printf("\r\033[K%s", file_progress_text(file, text));
		fflush(stdout);
	}
}

static void show_end(struct following *following, const json_t *file)
{
	char text[FILE_PROGRESS_MAX], message[CLI_PROBLEM_MAX / 2], name[CLI_PROBLEM_MAX / 4];
	const json_t *error = json_object_get(file, "error");
	double seconds = (double)(net_now() - following->moved_at) / USEC_PER_SEC;
	if (following->terminal && !following->json)
		printf("\r\033[K");
	if (following->done && !following->json)
		printf("%s\n", file_done_text(file, seconds, text));
	fflush(stdout);
	if (following->done)
		return;
	text_safe(field_text(error, "message"), message, sizeof(message));
	text_safe(field_text(file, "file"), name, sizeof(name));
	snprintf(following->problem, sizeof(following->problem), "'%s' was not sent, it is %s: %s",
		name, field_text(file, "state"), message[0] ? message : field_text(error, "code"));
}

static bool on_line(struct bytes line, void *user)
{
	static const char *const ends[] = {"done", "rejected", "cancelled", "failed"};
	struct following *following = user;
	json_t *file = NULL;
	if (line.size == 0)
		return true;
	if (json_parse_object(line, WEB_CLIENT_LINE_MAX, &file) != ERR_OK) {
		snprintf(following->problem, sizeof(following->problem),
			"the node's answer cannot be read");
		return false;
	}
	const char *state = field_text(file, "state");
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		following->ended |= strcmp(state, ends[i]) == 0;
	following->done = strcmp(state, "done") == 0;
	if (following->moved_at == 0 &&
		(json_is_true(json_object_get(file, "moving")) || following->ended))
		following->moved_at = net_now();
	if (!following->ended || following->json)
		show(following, file);
	if (following->ended)
		show_end(following, file);
	json_decref(file);
	return !following->ended;
}

static int follow(const struct cli *cli, const json_t *file)
{
	char path[CLI_API_PATH_MAX];
	struct following following = {.json = cli->json, .terminal = isatty(STDOUT_FILENO) == 1};
	snprintf(path, sizeof(path), "/files/%.0f/progress", field_number(file, "id", 0));
	struct api_request request = {.path = path, .line = on_line, .user = &following};
	int status = api_ask(cli, &request, NULL);
	if (status != CLI_DONE)
		return status;
	if (following.problem[0])
		return cli_fail("%s", following.problem);
	return following.ended ? CLI_DONE
			       : cli_fail("the node has ended; what is under way goes on with it");
}

/* ---- The words ---- */

static int send_one(const struct cli *cli, const char *path)
{
	char absolute[PATH_MAX];
	json_t *file = NULL;
	if (!realpath(path, absolute))
		return cli_fail("cannot open '%s': %s", path, strerror(errno));
	struct api_request request = {.path = "/files",
		.body = json_pack("{s:s, s:s, s:s*}", "peer", cli->args[1], "path", absolute,
			"name", cli_value(cli, "name"))};
	if (!request.body)
		return cli_fail("the path '%s' is not UTF-8", path);
	int status = api_ask(cli, &request, &file);
	if (status != CLI_DONE)
		return status;
	if (!cli_has(cli, "no-wait"))
		status = follow(cli, file);
	else if (cli->json)
		print_json(file);
	else
		printf("file %.0f is under way\n", field_number(file, "id", 0));
	json_decref(file);
	return status;
}

/* All are tried; one that fails is what the command ends with. */
static int send_all(const struct cli *cli)
{
	int worst = CLI_DONE;
	if (cli_has(cli, "name") && cli->arg_count > 3)
		return cli_wrong(cli, "'--name' is for one file");
	for (size_t i = 2; i < cli->arg_count; i++) {
		int status = send_one(cli, cli->args[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static void print_file(const json_t *file)
{
	char peer[NAME_TEXT_MAX], name[FILE_PROGRESS_MAX], text[FILE_PROGRESS_MAX];
	const char *state = field_text(file, "state");
	const json_t *error = json_object_get(file, "error");
	const char *path = field_text(file, "path");
	bool is_out = strcmp(field_text(file, "direction"), "out") == 0;
	bool ends = strcmp(state, "done") == 0 || error;
	printf("%s%.0f%s %s %s: ", colour(COLOUR_BOLD), field_number(file, "id", 0),
		colour(COLOUR_NONE), is_out ? "to" : "from", name_text(file, peer));
	if (!ends) {
		printf("%s\n", file_progress_text(file, text));
		return;
	}
	printf("%s %s", text_safe(field_text(file, "file"), name, sizeof(name)), state);
	if (error)
		printf(", %s", text_safe(field_text(error, "message"), text, sizeof(text)));
	else if (!is_out)
		printf(", in %s", text_safe(path, text, sizeof(text)));
	putchar('\n');
}

static int list(const struct cli *cli)
{
	json_t *answer = NULL;
	int status = api_ask(cli, &(struct api_request){.path = "/files"}, &answer);
	const json_t *files = json_object_get(answer, "files");
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	for (size_t i = 0; i < json_array_size(files) && !cli->json; i++)
		print_file(json_array_get(files, i));
	json_decref(answer);
	return status;
}

static int decide(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/files/";
	json_t *file = NULL;
	if (!api_path_add_encoded(path, cli->args[1]) || !api_path_add(path, "/") ||
		!api_path_add(path, cli->args[0]))
		return cli_wrong(cli, "the number is too long");
	struct api_request request = {.path = path, .body = json_object()};
	int status = request.body ? api_ask(cli, &request, &file) : cli_fail("out of memory");
	if (status == CLI_DONE && cli->json)
		print_json(file);
	else if (status == CLI_DONE)
		print_file(file);
	json_decref(file);
	return status;
}

int command_file(const struct cli *cli)
{
	static const struct cli_word words[] = {
		{"send", 3, CLI_ARGS_MAX, send_all},
		{"list", 1, 1, list},
		{"accept", 2, 2, decide},
		{"reject", 2, 2, decide},
		{"cancel", 2, 2, decide},
		{.name = NULL},
	};
	return cli_run_word(cli, words);
}
