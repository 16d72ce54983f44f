/* dpc context get: fields of a peer's context, or all that one may see. What its rules do not allow
 * is named as denied.
 * The other words are about one's own: context_own.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/output.h"
#include "message/json.h"

#define TIMEOUT_MS 15000
/* How long to wait for the peer's person; the longest that the node takes. */
#define WAIT_SECONDS 300
#define WAIT_SECONDS_MAX 600
#define ANSWER_MARGIN_MS 25000 /* the node may have to connect first */

void context_print(const char *key, const json_t *value)
{
	char *text = json_to_pretty_text(value);
	print_safe(stdout, key, false);
	printf(": ");
	if (json_is_string(value))
		print_safe(stdout, json_string_value(value), true);
	else
		print_safe(stdout, text ? text : "?", true);
	putchar('\n');
	free(text);
}

const json_t *context_value(const json_t *object, const char *path)
{
	char part[CLI_API_PATH_MAX];
	while (object && *path && strcmp(path, "*") != 0) {
		size_t size = strcspn(path, ".");
		if (size >= sizeof(part))
			return NULL;
		memcpy(part, path, size);
		part[size] = 0;
		object = json_object_get(object, part);
		path += size + (path[size] == '.');
	}
	return object;
}

static bool holds_text(const json_t *texts, const char *wanted)
{
	for (size_t i = 0; i < json_array_size(texts); i++) {
		const char *text = json_string_value(json_array_get(texts, i));
		if (text && strcmp(text, wanted) == 0)
			return true;
	}
	return false;
}

static void print_key(const json_t *answer, const char *key)
{
	const json_t *value = context_value(json_object_get(answer, "context"), key);
	bool denied = holds_text(json_object_get(answer, "denied"), key);
	bool pending = holds_text(json_object_get(answer, "pending"), key);
	char name[NAME_TEXT_MAX];
	if (value && !denied)
		context_print(key, value);
	else
		printf("%s: %s\n", text_safe(key, name, sizeof(name)),
			pending  ? "not decided yet"
			: denied ? "denied"
				 : "not set");
}

/* One line a key that was asked for; fails when nothing at all was allowed. */
static int print_answer(const struct cli *cli, const json_t *keys, const json_t *answer)
{
	char name[NAME_TEXT_MAX];
	for (size_t i = 0; i < json_array_size(keys) && !cli->json; i++)
		print_key(answer, json_string_value(json_array_get(keys, i)));
	if (cli->json)
		print_json(answer);
	if (json_array_size(json_object_get(answer, "denied")) < json_array_size(keys))
		return CLI_DONE;
	text_safe(cli->args[1], name, sizeof(name));
	return json_array_size(json_object_get(answer, "pending")) > 0
		       ? cli_fail("'%s' has not decided yet; ask again later", name)
		       : cli_fail("'%s' allows none of it; ask for a rule in access.ini", name);
}

static int ask(const struct cli *cli, json_t *keys, uint32_t wait_seconds, json_t **ret_answer)
{
	unsigned wait_ms = wait_seconds * 1000;
	struct api_request request = {
		.path = "/context/request",
		.timeout_ms = TIMEOUT_MS + ANSWER_MARGIN_MS + wait_ms,
		.body = json_pack("{s:s, s:O, s:i, s:i}", "peer", cli->args[1], "keys", keys,
			"timeout_ms", TIMEOUT_MS, "wait_ms", (int)wait_ms),
	};
	return request.body ? api_ask(cli, &request, ret_answer) : cli_fail("out of memory");
}

static void say_that_it_waits(const struct cli *cli, const json_t *pending)
{
	char name[NAME_TEXT_MAX], key[NAME_TEXT_MAX];
	fprintf(stderr, "waiting for '%s' to decide about ",
		text_safe(cli->args[1], name, sizeof(name)));
	for (size_t i = 0; i < json_array_size(pending); i++) {
		const char *text = json_string_value(json_array_get(pending, i));
		fprintf(stderr, "%s%s", i > 0 ? ", " : "",
			text_safe(text ? text : "", key, sizeof(key)));
	}
	fputs("; Ctrl-C ends it\n", stderr);
}

static int get(const struct cli *cli)
{
	const char *wait = cli_value(cli, "wait");
	uint32_t seconds = WAIT_SECONDS;
	json_t *keys, *answer = NULL;
	if (wait && (!text_to_u32(wait, &seconds) || seconds > WAIT_SECONDS_MAX))
		return cli_wrong(cli, "'--wait' is a number of seconds up to 600");
	keys = json_array();
	for (size_t i = 2; i < cli->arg_count; i++)
		json_array_append_new(keys, json_string(cli->args[i]));
	if (cli->arg_count == 2)
		json_array_append_new(keys, json_string("*"));
	int status = ask(cli, keys, 0, &answer);
	const json_t *pending = json_object_get(answer, "pending");
	if (status == CLI_DONE && json_array_size(pending) > 0 && seconds > 0) {
		/* The same again: the peer takes it for the same question. */
		say_that_it_waits(cli, pending);
		json_decref(answer);
		answer = NULL;
		status = ask(cli, keys, seconds, &answer);
	}
	if (status == CLI_DONE)
		status = print_answer(cli, keys, answer);
	json_decref(answer);
	json_decref(keys);
	return status;
}

int command_context(const struct cli *cli)
{
	static const struct cli_word words[] = {
		{"get", 2, CLI_ARGS_MAX, get},
		{"show", 1, CLI_ARGS_MAX, context_own_show},
		{"set", 3, 3, context_own_set},
		{"delete", 2, 2, context_own_delete},
		{"import", 2, 2, context_own_import},
		{"edit", 1, 1, context_own_edit},
		{.name = NULL},
	};
	return cli_run_word(cli, words);
}
