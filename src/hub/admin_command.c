/* `dpc-hub admin`: asks the running hub through its socket, and prints what it says. */
#include "hub/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"
#include "base/percent.h"
#include "base/safe.h"
#include "base/text.h"
#include "hub/admin.h"
#include "message/json.h"
#include "web/http_client.h"

#define ANSWER_MAX (4 * 1024 * 1024)
#define URL_MAX 1024

struct question {
	const struct config *config;
	const struct admin_options *options;
	const char *who; /* NULL: none */
};

static int fail(const char *text)
{
	fprintf(stderr, "dpc-hub: %s\n", text);
	return COMMAND_FAILED;
}

/* ---- Asking ---- */

/* What is wrong, from an answer, for a person. */
static int fail_with(const struct config *config, const struct http_answer *answer)
{
	json_t *body = NULL, *error = NULL;
	const char *message = NULL;
	if (answer->err == ERR_UNREACHABLE) {
		fprintf(stderr, "dpc-hub: no hub runs with data directory '%s', or not as you\n",
			config->data);
		return COMMAND_FAILED;
	}
	if (answer->err != ERR_OK)
		return fail(answer->reason[0] ? answer->reason : err_text(answer->err));
	if (json_parse_object(answer->body, ANSWER_MAX, &body) == ERR_OK &&
		json_get_object(body, "error", &error) == ERR_OK &&
		json_get_text(error, "message", 512, &message) == ERR_OK)
		(void)fail(message);
	else
		(void)fail("the hub's answer cannot be read; is it another version?");
	json_decref(body);
	return COMMAND_FAILED;
}

/* COMMAND_DONE with the answer, which is the caller's. Takes the body. */
static int ask(const struct config *config, const char *method, const char *path, json_t *body,
	json_t **ret_answer)
{
	char url[URL_MAX];
	struct buffer storage = {0};
	struct http_answer answer = {0};
	bool has_body = body != NULL;
	char *text = json_take_text(body);
	char *socket = text_format("%s/" ADMIN_SOCKET_NAME, config->data);
	if (!socket || (has_body && !text)) {
		free(socket);
		free(text);
		return fail("out of memory");
	}
	snprintf(url, sizeof url, "http://hub%s", path);
	struct http_ask question = {.method = method,
		.url = url,
		.unix_path = socket,
		.body = text ? bytes_of_text(text) : (struct bytes){0},
		.answer_max = ANSWER_MAX};
	enum err err = http_ask_now(&question, NULL, NULL, &storage, &answer);
	int status = COMMAND_DONE;
	if (err != ERR_OK || answer.status >= 300 ||
		json_parse_object(answer.body, ANSWER_MAX, ret_answer) != ERR_OK)
		status = fail_with(config, &answer);
	buffer_deinit(&storage);
	free(socket);
	free(text);
	return status;
}

/* "/bans/192.0.2.0%2F24" */
static void path_of(const char *start, const char *who, char *path, size_t capacity)
{
	struct writer w = writer_of(path, capacity - 1);
	write_text(&w, start);
	percent_encode(&w, who);
	path[w.failed ? 0 : w.size] = 0;
}

/* ---- Printing ---- */

static const char *text_in(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static long long number_in(const json_t *object, const char *name)
{
	return (long long)json_integer_value(json_object_get(object, name));
}

static bool is_in(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

/* "2026-01-31 12:00", in UTC; "never" for 0. */
static const char *time_in(const json_t *object, const char *name, char text[32])
{
	struct tm tm;
	time_t seconds = (time_t)number_in(object, name);
	gmtime_r(&seconds, &tm);
	if (seconds == 0 || strftime(text, 32, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(text, 32, "never");
	return text;
}

/* A name is its owner's text, a terminal is not its to control. */
static const char *safe(const json_t *object, const char *name, char *text, size_t capacity)
{
	text_safe(text_in(object, name), text, capacity);
	return text;
}

static void print_user(const json_t *user)
{
	char created[32], subject[300];
	printf("%-6lld %-10s %s  %lld nodes  %s%s\n", number_in(user, "id"),
		text_in(user, "provider"), time_in(user, "created", created),
		json_is_array(json_object_get(user, "nodes"))
			? (long long)json_array_size(json_object_get(user, "nodes"))
			: number_in(user, "nodes"),
		safe(user, "subject", subject, sizeof subject),
		is_in(user, "banned") ? "  banned" : "");
}

static void print_node(const json_t *node)
{
	char seen[32], name[200];
	printf("%s  account %lld  %s  %s%s%s%s\n", text_in(node, "node_id"),
		number_in(node, "user"),
		is_in(node, "connected") ? "connected       " : time_in(node, "last_seen", seen),
		text_in(node, "address")[0] ? text_in(node, "address") : "-",
		text_in(node, "name")[0] ? "  " : "", safe(node, "name", name, sizeof name),
		is_in(node, "banned") ? "  banned" : "");
}

static void print_ban(const json_t *ban)
{
	char created[32], reason[300];
	printf("%-8s %-40s %s  %s\n", text_in(ban, "kind"), text_in(ban, "subject"),
		time_in(ban, "created", created), safe(ban, "reason", reason, sizeof reason));
}

static void print_key(const json_t *key)
{
	char created[32], retires[32];
	bool is_newest = json_is_null(json_object_get(key, "retires"));
	printf("%s  made %s  %s%s\n", text_in(key, "id"), time_in(key, "created", created),
		is_newest ? "signs" : "counts until ",
		is_newest ? "" : time_in(key, "retires", retires));
}

static bool print_json(const json_t *object)
{
	char *text = json_to_text(object);
	if (text)
		printf("%s\n", text);
	free(text);
	return text != NULL;
}

/* ---- The commands ---- */

/* Page by page: rows, or with --json an object a line. */
static int list(const struct question *question, const char *path, const char *name,
	void (*print)(const json_t *row))
{
	char page[URL_MAX];
	int status = COMMAND_DONE;
	snprintf(page, sizeof page, "%s", path);
	while (status == COMMAND_DONE && page[0]) {
		json_t *answer = NULL, *row;
		size_t i;
		status = ask(question->config, "GET", page, NULL, &answer);
		if (status != COMMAND_DONE)
			break;
		json_array_foreach(json_object_get(answer, name), i, row)
		{
			if (!question->options->json)
				print(row);
			else if (!print_json(row))
				status = fail("out of memory");
		}
		const char *next = text_in(answer, "next");
		char start[URL_MAX];
		snprintf(start, sizeof start, "%s%cafter=", path, strchr(path, '?') ? '&' : '?');
		page[0] = 0;
		if (next[0])
			path_of(start, next, page, sizeof page);
		json_decref(answer);
	}
	return status;
}

static int run_users(const struct question *question)
{
	return list(question, "/users", "users", print_user);
}

static int run_nodes(const struct question *question)
{
	return list(question, question->options->connected ? "/nodes?connected=yes" : "/nodes",
		"nodes", print_node);
}

static int run_bans(const struct question *question)
{
	return list(question, "/bans", "bans", print_ban);
}

static int run_keys(const struct question *question)
{
	return list(question, "/keys", "keys", print_key);
}

static int run_show(const struct question *question)
{
	char path[URL_MAX];
	json_t *answer = NULL, *node;
	size_t i;
	path_of("/show/", question->who, path, sizeof path);
	int status = ask(question->config, "GET", path, NULL, &answer);
	if (status != COMMAND_DONE)
		return status;
	if (question->options->json) {
		status = print_json(answer) ? COMMAND_DONE : fail("out of memory");
	} else {
		print_user(answer);
		json_array_foreach(json_object_get(answer, "nodes"), i, node) print_node(node);
	}
	json_decref(answer);
	return status;
}

/* A change: with --json what the hub says of it, else nothing. */
static int change(
	const struct question *question, const char *method, const char *start, json_t *body)
{
	char path[URL_MAX];
	json_t *answer = NULL;
	path_of(start, question->who, path, sizeof path);
	int status = ask(question->config, method, path, body, &answer);
	if (status == COMMAND_DONE && question->options->json && !print_json(answer))
		status = fail("out of memory");
	json_decref(answer);
	return status;
}

static int run_ban(const struct question *question)
{
	const char *reason = question->options->reason;
	return change(
		question, "PUT", "/bans/", json_pack("{s:s}", "reason", reason ? reason : ""));
}

static int run_unban(const struct question *question)
{
	return change(question, "DELETE", "/bans/", NULL);
}

static int run_revoke(const struct question *question)
{
	return change(question, "POST", "/revoke/", NULL);
}

static int run_rotate(const struct question *question)
{
	json_t *answer = NULL, *key;
	size_t i;
	int status = ask(question->config, "POST",
		question->options->now ? "/keys?now=yes" : "/keys", NULL, &answer);
	if (status != COMMAND_DONE)
		return status;
	json_array_foreach(json_object_get(answer, "keys"), i, key)
	{
		if (!question->options->json)
			print_key(key);
		else if (!print_json(key))
			status = fail("out of memory");
	}
	json_decref(answer);
	return status;
}

static const struct admin_row {
	const char *name;
	bool takes_who;
	int (*run)(const struct question *question);
} rows[] = {
	{"users", false, run_users},
	{"nodes", false, run_nodes},
	{"bans", false, run_bans},
	{"keys", false, run_keys},
	{"show", true, run_show},
	{"ban", true, run_ban},
	{"unban", true, run_unban},
	{"revoke", true, run_revoke},
	{"rotate-key", false, run_rotate},
};

int command_admin(const struct config *config, const struct admin_options *options, char **words,
	size_t count)
{
	for (size_t i = 0; count > 0 && i < sizeof rows / sizeof rows[0]; i++) {
		if (strcmp(rows[i].name, words[0]) != 0)
			continue;
		if (count != (rows[i].takes_who ? 2 : 1)) {
			fprintf(stderr, "dpc-hub: 'admin %s' takes %s; see --help\n", rows[i].name,
				rows[i].takes_who ? "one account, node or address"
						  : "nothing more");
			return COMMAND_USAGE;
		}
		return rows[i].run(&(struct question){.config = config,
			.options = options,
			.who = rows[i].takes_who ? words[1] : NULL});
	}
	fprintf(stderr,
		"dpc-hub: admin takes users, nodes, bans, keys, show, ban, unban, revoke or "
		"rotate-key; see --help\n");
	return COMMAND_USAGE;
}
