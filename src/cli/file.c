/* dpc file: files to and from peers. A transfer is the node's: ending the command does not end it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/file_progress.h"
#include "cli/file_tree.h"
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
		/* A line that is too long for the terminal is cut there, not wrapped. */
		printf("\r\033[K\033[?7l%s\033[?7h", file_progress_text(file, text));
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

static int begin(const struct cli *cli, const struct file_tree_entry *entry, json_t **ret_file)
{
	struct api_request request = {.path = "/files",
		.body = json_pack("{s:s, s:s, s:s}", "peer", cli->args[1], "path", entry->path,
			"name", entry->name)};
	if (!request.body)
		return cli_fail("the path '%s' is not UTF-8", entry->path);
	return api_ask(cli, &request, ret_file);
}

static int finish(const struct cli *cli, const json_t *file)
{
	if (!cli_has(cli, "no-wait"))
		return follow(cli, file);
	if (cli->json)
		print_json(file);
	else
		printf("file %.0f is under way\n", field_number(file, "id", 0));
	return CLI_DONE;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

/* All are tried; the worst of what came of them is what the command ends with. */
static int send_tree(const struct cli *cli, const struct file_tree *tree)
{
	json_t *files[CLI_FILES_AT_ONCE];
	int worst = CLI_DONE;
	for (size_t next = 0; next < tree->count;) {
		size_t count = 0;
		for (; next < tree->count && count < CLI_FILES_AT_ONCE; next++) {
			int status = begin(cli, &tree->entries[next], &files[count]);
			count += status == CLI_DONE;
			worst = worse(worst, status);
		}
		for (size_t i = 0; i < count; i++) {
			worst = worse(worst, finish(cli, files[i]));
			json_decref(files[i]);
		}
	}
	return worst;
}

static int send_all(const struct cli *cli)
{
	struct file_tree tree = {0};
	char problem[CLI_PROBLEM_MAX];
	int status = CLI_DONE;
	if (cli_has(cli, "name") && cli->arg_count > 3)
		return cli_wrong(cli, "'--name' is for one file or folder");
	for (size_t i = 2; i < cli->arg_count && status == CLI_DONE; i++) {
		if (!file_tree_add(&tree, cli->args[i], cli_value(cli, "name"), problem))
			status = cli_fail("%s", problem);
	}
	if (status == CLI_DONE && tree.left_out > 0)
		fprintf(stderr, "dpc: %zu symbolic links and the like are left out\n",
			tree.left_out);
	if (status == CLI_DONE)
		status = send_tree(cli, &tree);
	file_tree_deinit(&tree);
	return status;
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

static int decide_one(const struct cli *cli, const char *id)
{
	char path[CLI_API_PATH_MAX] = "/files/";
	json_t *file = NULL;
	if (!api_path_add_encoded(path, id) || !api_path_add(path, "/") ||
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

static int decide(const struct cli *cli)
{
	int worst = CLI_DONE;
	for (size_t i = 1; i < cli->arg_count; i++)
		worst = worse(worst, decide_one(cli, cli->args[i]));
	return worst;
}

int command_file(const struct cli *cli)
{
	static const struct cli_word words[] = {
		{"send", 3, CLI_ARGS_MAX, send_all},
		{"list", 1, 1, list},
		{"accept", 2, CLI_ARGS_MAX, decide},
		{"reject", 2, CLI_ARGS_MAX, decide},
		{"cancel", 2, CLI_ARGS_MAX, decide},
		{.name = NULL},
	};
	return cli_run_word(cli, words);
}
