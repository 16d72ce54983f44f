/* dpc context get: fields of a peer's context, or all that one may see. What its rules do not allow
 * is named as denied.
 * The other words are about one's own: context_own.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/output.h"
#include "message/json.h"

#define TIMEOUT_MS 15000
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
	const json_t *denied = json_object_get(answer, "denied");
	char name[NAME_TEXT_MAX];
	if (value && !holds_text(denied, key))
		context_print(key, value);
	else
		printf("%s: %s\n", text_safe(key, name, sizeof(name)),
			holds_text(denied, key) ? "denied" : "not set");
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
	return cli_fail("'%s' allows none of it; ask for a rule in access.ini",
		text_safe(cli->args[1], name, sizeof(name)));
}

static int get(const struct cli *cli)
{
	json_t *keys = json_array(), *answer = NULL;
	for (size_t i = 2; i < cli->arg_count; i++)
		json_array_append_new(keys, json_string(cli->args[i]));
	if (cli->arg_count == 2)
		json_array_append_new(keys, json_string("*"));
	struct api_request request = {
		.path = "/context/request",
		.timeout_ms = TIMEOUT_MS + ANSWER_MARGIN_MS,
		.body = json_pack("{s:s, s:o, s:i}", "peer", cli->args[1], "keys",
			json_incref(keys), "timeout_ms", TIMEOUT_MS),
	};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE)
		status = print_answer(cli, keys, answer);
	json_decref(answer);
	json_decref(keys);
	return status;
}

int command_context(const struct cli *cli)
{
	static const struct {
		const char *name;
		size_t args_min, args_max; /* this word among them */
		int (*run)(const struct cli *cli);
	} words[] = {
		{"get", 2, CLI_ARGS_MAX, get},
		{"show", 1, CLI_ARGS_MAX, context_own_show},
		{"set", 3, 3, context_own_set},
		{"delete", 2, 2, context_own_delete},
		{"import", 2, 2, context_own_import},
		{"edit", 1, 1, context_own_edit},
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(cli->args[0], words[i].name) != 0)
			continue;
		if (cli->arg_count < words[i].args_min || cli->arg_count > words[i].args_max)
			return cli_wrong(cli, "too %s arguments for '%s'",
				cli->arg_count < words[i].args_min ? "few" : "many", words[i].name);
		return words[i].run(cli);
	}
	return cli_wrong(cli, "no '%.100s' here", cli->args[0]);
}
