/* The history is asked for page by page and written as it comes, a message a line, so that it may
 * be larger than the memory. A file gets its name when it is whole and on the disk; what goes wrong
 * before leaves nothing behind. */
#include "cli/history_export.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/field.h"
#include "cli/output.h"

#define ISO_TIME_MAX 40
#define PROGRESS_INTERVAL_MS 200

struct export
{
	const struct cli *cli;
	const char *peer; /* NULL: all */
	const char *file; /* NULL: stdout */
	char partial[CLI_PATH_MAX];
	FILE *out;
	size_t json_flags;
	double written, total;
	bool shows_progress;
	int64_t shown_at_ms;
};

/* ---- Being interrupted ---- */

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	interrupted = signal;
}

/* Between two pages it is looked at; the unfinished file goes. */
static void heed_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* ---- What is written ---- */

/* "2026-01-31T23:59:58.250Z"; false for a time that no calendar has. */
static bool iso_time(double timestamp, char text[ISO_TIME_MAX])
{
	char until_seconds[ISO_TIME_MAX];
	struct tm parts;
	if (!isfinite(timestamp) || timestamp < 0 || timestamp >= 253402300800.0)
		return false;
	int64_t ms = (int64_t)(timestamp * 1000);
	time_t seconds = (time_t)(ms / 1000);
	if (!gmtime_r(&seconds, &parts) ||
		strftime(until_seconds, sizeof(until_seconds), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
		return false;
	snprintf(text, ISO_TIME_MAX, "%.25s.%03dZ", until_seconds, (int)(ms % 1000));
	return true;
}

static int write_head(struct export *export, const json_t *status)
{
	struct timespec now;
	char time[ISO_TIME_MAX] = "";
	clock_gettime(CLOCK_REALTIME, &now);
	iso_time((double)now.tv_sec + (double)now.tv_nsec / 1e9, time);
	json_t *head = json_pack("{s:s, s:i, s:s, s:{s:s, s:s}}", "format", "dpc-history",
		"version", 1, "exported", time, "node", "node_id", field_text(status, "node_id"),
		"name", field_text(status, "name"));
	char *text = head ? json_dumps(head, JSON_COMPACT | export->json_flags) : NULL;
	json_decref(head);
	if (!text)
		return cli_fail("out of memory");
	/* The object stays open: its last member is the list. */
	text[strlen(text) - 1] = 0;
	fprintf(export->out, "%s,\"messages\":[\n", text);
	free(text);
	return CLI_DONE;
}

static void write_message(struct export *export, json_t *message)
{
	char time[ISO_TIME_MAX];
	bool has_time = iso_time(field_number(message, "timestamp", -1), time);
	json_object_set_new(message, "time", has_time ? json_string(time) : json_null());
	if (export->written > 0)
		fputs(",\n", export->out);
	json_dumpf(message, export->out, JSON_COMPACT | export->json_flags);
	export->written++;
}

static int cannot_write(const struct export *export)
{
	return cli_fail("cannot write '%.300s': %s", export->file ? export->file : "stdout",
		strerror(errno));
}

/* ---- Page by page ---- */

static void show_progress(struct export *export)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (!export->shows_progress || now_ms - export->shown_at_ms < PROGRESS_INTERVAL_MS)
		return;
	export->shown_at_ms = now_ms;
	fprintf(stderr, "\r\033[K%.0f of %.0f messages\r", export->written, export->total);
}

static int ask_page(const struct export *export, const char *cursor, json_t **ret_page)
{
	char path[CLI_API_PATH_MAX] = "/history/export?limit=500";
	if ((export->peer &&
		    (!api_path_add(path, "&peer=") || !api_path_add_encoded(path, export->peer))) ||
		(*cursor &&
			(!api_path_add(path, "&cursor=") || !api_path_add_encoded(path, cursor))))
		return cli_wrong(export->cli, "the peer's name is too long");
	return api_ask(export->cli, &(struct api_request){.path = path}, ret_page);
}

static int write_page(struct export *export, const json_t *page)
{
	const json_t *messages = json_object_get(page, "messages");
	export->total = field_number(page, "total", 0);
	for (size_t i = 0; i < json_array_size(messages); i++)
		write_message(export, json_array_get(messages, i));
	if (ferror(export->out))
		return cannot_write(export);
	show_progress(export);
	return interrupted ? cli_fail("interrupted; nothing is left of the export") : CLI_DONE;
}

/* The first page is asked for before there is a file: who means nobody gets none. */
static int write_all(struct export *export, json_t *page)
{
	int status = write_page(export, page);
	char *cursor = strdup(field_text(page, "cursor"));
	while (status == CLI_DONE && cursor && *cursor) {
		json_t *next = NULL;
		status = ask_page(export, cursor, &next);
		if (status == CLI_DONE)
			status = write_page(export, next);
		free(cursor);
		cursor = strdup(field_text(next, "cursor"));
		json_decref(next);
	}
	if (status == CLI_DONE && !cursor)
		status = cli_fail("out of memory");
	free(cursor);
	if (status == CLI_DONE)
		fprintf(export->out, "%s],\"count\":%.0f}\n", export->written > 0 ? "\n" : "",
			export->written);
	return status;
}

/* ---- The file ---- */

static int open_partial(struct export *export)
{
	int size = snprintf(export->partial, sizeof(export->partial), "%s.XXXXXX", export->file);
	if (size < 0 || (size_t)size >= sizeof(export->partial))
		return cli_fail("the name of the file is too long");
	/* Mode 0600, as the history itself has it. */
	int fd = mkostemp(export->partial, O_CLOEXEC);
	if (fd < 0) {
		export->partial[0] = 0;
		return cannot_write(export);
	}
	export->out = fdopen(fd, "w");
	if (export->out)
		return CLI_DONE;
	close(fd);
	return cli_fail("out of memory");
}

static int finish_file(struct export *export)
{
	bool is_whole = fflush(export->out) == 0 && fsync(fileno(export->out)) == 0;
	if (!is_whole || rename(export->partial, export->file) != 0)
		return cannot_write(export);
	export->partial[0] = 0;
	return CLI_DONE;
}

static void discard(struct export *export)
{
	if (export->out && export->out != stdout)
		fclose(export->out);
	if (export->partial[0])
		unlink(export->partial);
}

static int run(struct export *export, const json_t *status_of_node, json_t *page)
{
	int status = export->file ? open_partial(export) : CLI_DONE;
	if (status == CLI_DONE)
		status = write_head(export, status_of_node);
	if (status == CLI_DONE)
		status = write_all(export, page);
	if (export->shows_progress)
		fputs("\033[K", stderr);
	if (status == CLI_DONE && export->file)
		status = finish_file(export);
	return status;
}

int history_export(const struct cli *cli, const char *peer, const char *file)
{
	bool to_stdout = strcmp(file, "-") == 0;
	struct export export = {.cli = cli,
		.peer = peer,
		.file = to_stdout ? NULL : file,
		.out = to_stdout ? stdout : NULL,
		/* What peers wrote does not reach a terminal as it is. */
		.json_flags = to_stdout && isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0,
		.shows_progress = !to_stdout && isatty(STDERR_FILENO)};
	json_t *status_of_node = NULL, *page = NULL;
	heed_signals();
	int status = api_ask(cli, &(struct api_request){.path = "/status"}, &status_of_node);
	if (status == CLI_DONE)
		status = ask_page(&export, "", &page);
	if (status == CLI_DONE)
		status = run(&export, status_of_node, page);
	json_decref(page);
	json_decref(status_of_node);
	discard(&export);
	if (status != CLI_DONE || to_stdout)
		return status;
	if (cli->json)
		printf("{\"messages\":%.0f}\n", export.written);
	else
		printf("wrote %.0f message%s to ", export.written, export.written == 1 ? "" : "s");
	if (!cli->json) {
		print_safe(stdout, file, false);
		putchar('\n');
	}
	return CLI_DONE;
}
