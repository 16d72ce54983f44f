/* dpc context show, set, delete, import and edit: one's own context, through the node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/context.h"
#include "cli/editor.h"
#include "cli/field.h"
#include "cli/input.h"
#include "cli/output.h"
#include "message/json.h"

static int ask(const struct cli *cli, const char *method, const char *path, json_t *body,
	json_t **ret_answer)
{
	struct api_request request = {.method = method, .path = path, .body = body};
	return api_ask(cli, &request, ret_answer);
}

int context_own_fetch(const struct cli *cli, json_t **ret_answer)
{
	return ask(cli, "GET", "/context", NULL, ret_answer);
}

/* A change, whose answer is shown to programs only: a person knows what it was. */
static int change(const struct cli *cli, const char *method, const char *path, json_t *body)
{
	json_t *answer = NULL;
	int status = body ? ask(cli, method, path, body, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	json_decref(answer);
	return status;
}

static int show_keys(const struct cli *cli, const json_t *context)
{
	char safe[NAME_TEXT_MAX];
	for (size_t i = 1; i < cli->arg_count; i++) {
		const json_t *value = context_value(context, cli->args[i]);
		if (!value)
			return cli_fail("there is no '%s' in the context",
				text_safe(cli->args[i], safe, sizeof(safe)));
		context_print(cli->args[i], value);
	}
	return CLI_DONE;
}

int context_own_show(const struct cli *cli)
{
	json_t *answer = NULL;
	int status = context_own_fetch(cli, &answer);
	if (status != CLI_DONE)
		return status;
	const json_t *context = json_object_get(answer, "context");
	const char *problem = field_text(answer, "problem");
	if (*problem && !cli->json) {
		fputs("dpc: ", stderr);
		print_safe(stderr, problem, false);
		fputs("; this is from before\n", stderr);
	}
	if (cli->json) {
		print_json(answer);
	} else if (cli->arg_count > 1) {
		status = show_keys(cli, context);
	} else {
		char *text = json_to_pretty_text(context);
		print_safe(stdout, text ? text : "", true);
		putchar('\n');
		free(text);
	}
	json_decref(answer);
	return status;
}

int context_own_set(const struct cli *cli)
{
	struct buffer typed = buffer_with_max(CLI_CONTEXT_MAX);
	const char *text;
	int status = input_argument(cli->args[2], &typed, &text);
	if (status == CLI_DONE)
		status = change(cli, "POST", "/context/set",
			json_pack("{s:s, s:o}", "key", cli->args[1], "value", field_value(text)));
	buffer_deinit(&typed);
	return status;
}

int context_own_delete(const struct cli *cli)
{
	return change(cli, "POST", "/context/delete", json_pack("{s:s}", "key", cli->args[1]));
}

/* ---- A whole one ---- */

static int read_object(const struct buffer *text, const char *name, json_t **ret_object)
{
	json_error_t error;
	json_t *object = json_loadb(buffer_text(text), text->size, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return cli_fail("%s:%d: %s", name, error.line, error.text);
	if (!json_is_object(object)) {
		json_decref(object);
		return cli_fail("%s:1: it is no JSON object", name);
	}
	*ret_object = object;
	return CLI_DONE;
}

int context_own_import(const struct cli *cli)
{
	bool from_stdin = strcmp(cli->args[1], "-") == 0, replace = cli_has(cli, "replace");
	const char *name = from_stdin ? "stdin" : cli->args[1];
	struct buffer text = buffer_with_max(CLI_CONTEXT_MAX);
	json_t *object = NULL, *answer = NULL;
	int status = input_read(from_stdin ? NULL : name, &text);
	if (status == CLI_DONE)
		status = read_object(&text, name, &object);
	if (status == CLI_DONE && !replace)
		status = context_own_fetch(cli, &answer);
	json_t *base = json_object_get(answer, "context");
	if (status == CLI_DONE && json_object_size(base) > 0)
		status = cli_fail("there is a context already; --replace puts this in its place");
	if (status == CLI_DONE)
		status = change(cli, "PUT", "/context",
			json_pack("{s:O, s:O*}", "context", object, "base", base));
	json_decref(object);
	json_decref(answer);
	buffer_deinit(&text);
	return status;
}

static int take_edited(
	const struct cli *cli, const struct buffer *text, const char *path, json_t *before)
{
	json_t *object = NULL;
	int status = read_object(text, path, &object);
	if (status == CLI_DONE && json_equal(object, before))
		fputs("nothing was changed\n", stderr);
	else if (status == CLI_DONE)
		status = change(cli, "PUT", "/context",
			json_pack("{s:O, s:O}", "context", object, "base", before));
	json_decref(object);
	/* Nobody's typing is lost. */
	if (status == CLI_DONE)
		editor_forget(path);
	else
		fprintf(stderr,
			"what you wrote is in '%s': mend it, and 'dpc context import "
			"--replace' it\n",
			path);
	return status;
}

int context_own_edit(const struct cli *cli)
{
	struct buffer edited = buffer_with_max(CLI_CONTEXT_MAX);
	char path[CLI_PATH_MAX];
	json_t *answer = NULL;
	int status = context_own_fetch(cli, &answer);
	const char *problem = field_text(answer, "problem");
	if (status == CLI_DONE && *problem)
		status = cli_fail("%s; mend it first", problem);
	json_t *context = json_object_get(answer, "context");
	char *text = json_to_pretty_text(context);
	if (status == CLI_DONE)
		status = editor_run(text ? text : "{}", path, &edited);
	if (status == CLI_DONE)
		status = take_edited(cli, &edited, path, context);
	free(text);
	buffer_deinit(&edited);
	json_decref(answer);
	return status;
}
