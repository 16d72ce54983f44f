/* dpc access: what the rules of access.ini say, and what they leave to the user. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"
#include "message/json.h"

/* "allow: /home/…/access.ini:3: [peer:bob] context.profile.name = allow" */
static void print_verdict(const json_t *answer)
{
	const char *verdict = field_text(answer, "verdict");
	const char *problem = field_text(answer, "problem");
	if (*problem) {
		fputs("dpc: ", stderr);
		print_safe(stderr, problem, false);
		fputs("; the rules from before are in force\n", stderr);
	}
	printf("%s: ", verdict);
	if (json_is_integer(json_object_get(answer, "line"))) {
		print_safe(stdout, field_text(answer, "file"), false);
		printf(":%.0f: [", field_number(answer, "line", 0));
		print_safe(stdout, field_text(answer, "section"), false);
		printf("] ");
		print_safe(stdout, field_text(answer, "rule"), false);
		printf(" = %s\n", verdict);
	} else {
		printf("no rule covers ");
		print_safe(stdout, field_text(answer, "key"), false);
		putchar('\n');
	}
}

static int check(const struct cli *cli)
{
	json_t *answer = NULL;
	struct api_request request = {.path = "/access/check",
		.body = json_pack("{s:s, s:s}", "peer", cli->args[1], "key", cli->args[2])};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	else if (status == CLI_DONE)
		print_verdict(answer);
	json_decref(answer);
	return status;
}

static void print_question(const json_t *question)
{
	const json_t *keys = json_object_get(question, "keys");
	char *gives = json_to_text(json_object_get(question, "would_give"));
	const char *model = field_text(question, "model");
	char name[NAME_TEXT_MAX], text[CLI_PROBLEM_MAX];
	printf("%s%s%s: %s asks ", colour(COLOUR_BOLD), field_text(question, "id"),
		colour(COLOUR_NONE), name_text(question, name));
	if (*model) {
		printf("the AI model %s; %.0f s left\n", text_safe(model, text, sizeof(text)),
			field_number(question, "expires_in_seconds", 0));
		free(gives);
		return;
	}
	printf("for ");
	for (size_t i = 0; i < json_array_size(keys); i++) {
		const char *key = json_string_value(json_array_get(keys, i));
		printf("%s%s", i > 0 ? ", " : "", text_safe(key ? key : "", text, sizeof(text)));
	}
	printf("; %.0f s left\n   it would get %s\n",
		field_number(question, "expires_in_seconds", 0),
		text_safe(gives ? gives : "?", text, sizeof(text)));
	free(gives);
}

static int pending(const struct cli *cli)
{
	json_t *answer = NULL;
	int status = api_ask(cli, &(struct api_request){.path = "/access/pending"}, &answer);
	const json_t *questions = json_object_get(answer, "pending");
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	for (size_t i = 0; i < json_array_size(questions) && !cli->json; i++)
		print_question(json_array_get(questions, i));
	if (status == CLI_DONE && !cli->json)
		fputs(json_array_size(questions) > 0
				? "answer with 'dpc access allow ID' or 'dpc access deny ID', "
				  "--always for good\n"
				: "nobody asks\n",
			stderr);
	json_decref(answer);
	return status;
}

static void print_decision(const json_t *answer)
{
	bool sent = json_is_true(json_object_get(answer, "sent"));
	printf("%s%s%s\n", json_is_true(json_object_get(answer, "allowed")) ? "allowed" : "denied",
		json_is_true(json_object_get(answer, "always")) ? " for good" : "",
		sent ? "" : "; the answer waits, for there is no link");
}

static int decide(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/access/pending/";
	json_t *answer = NULL;
	if (!api_path_add_encoded(path, cli->args[1]) || !api_path_add(path, "/") ||
		!api_path_add(path, cli->args[0]))
		return cli_wrong(cli, "the number is too long");
	struct api_request request = {
		.path = path, .body = json_pack("{s:b}", "always", (int)cli_has(cli, "always"))};
	int status = request.body ? api_ask(cli, &request, &answer) : cli_fail("out of memory");
	if (status == CLI_DONE && cli->json)
		print_json(answer);
	else if (status == CLI_DONE)
		print_decision(answer);
	json_decref(answer);
	return status;
}

int command_access(const struct cli *cli)
{
	static const struct cli_word words[] = {
		{"check", 3, 3, check},
		{"pending", 1, 1, pending},
		{"allow", 2, 2, decide},
		{"deny", 2, 2, decide},
		{.name = NULL},
	};
	return cli_run_word(cli, words);
}
