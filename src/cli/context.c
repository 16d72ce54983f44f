/* dpc context get: fields of a peer's context. What its rules do not allow is named as denied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

#define TIMEOUT_MS 15000
#define ANSWER_MARGIN_MS 25000 /* the node may have to connect first */

static void print_value(const char *key, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(2));
	print_safe(stdout, key, false);
	printf(": ");
	if (json_is_string(value))
		print_safe(stdout, json_string_value(value), true);
	else
		print_safe(stdout, text ? text : "?", true);
	putchar('\n');
	free(text);
}

/* The value at a dotted path; NULL when there is none. */
static const json_t *value_at(const json_t *object, const char *path)
{
	char part[CLI_API_PATH_MAX];
	while (object && *path) {
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

/* One line a key that was asked for; fails when nothing at all was allowed. */
static int print_answer(const struct cli *cli, const json_t *answer)
{
	const json_t *context = json_object_get(answer, "context");
	const json_t *denied = json_object_get(answer, "denied");
	char name[NAME_TEXT_MAX];
	for (size_t i = 2; i < cli->arg_count && !cli->json; i++) {
		const json_t *value = value_at(context, cli->args[i]);
		if (value)
			print_value(cli->args[i], value);
		else
			printf("%s: %s\n", text_safe(cli->args[i], name, sizeof(name)),
				holds_text(denied, cli->args[i]) ? "denied" : "not set");
	}
	if (cli->json)
		print_json(answer);
	if (json_array_size(denied) < cli->arg_count - 2)
		return CLI_DONE;
	return cli_fail("'%s' allows none of it; ask for a rule in access.ini",
		text_safe(cli->args[1], name, sizeof(name)));
}

int command_context(const struct cli *cli)
{
	if (strcmp(cli->args[0], "get") != 0)
		return cli_wrong(cli, "no '%.100s' here", cli->args[0]);
	json_t *keys = json_array(), *answer = NULL;
	for (size_t i = 2; i < cli->arg_count; i++)
		json_array_append_new(keys, json_string(cli->args[i]));
	struct api_request request = {
		.path = "/context/request",
		.timeout_ms = TIMEOUT_MS + ANSWER_MARGIN_MS,
		.body = json_pack("{s:s, s:o, s:i}", "peer", cli->args[1], "keys", keys,
			"timeout_ms", TIMEOUT_MS),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE)
		status = print_answer(cli, answer);
	json_decref(answer);
	return status;
}
