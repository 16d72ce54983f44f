/* dpc search: messages by their words, the newest first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 500 /* of the node */

/* Around a found word, see docs/local-api.md. */
#define FOUND_BEGIN '\x02'
#define FOUND_END '\x03'

static void print_part(const char *part, size_t size)
{
	char *copy = strndup(part, size);
	if (copy)
		print_safe(stdout, copy, false);
	free(copy);
}

static void print_snippet(const char *snippet)
{
	const char marks[] = {FOUND_BEGIN, FOUND_END, 0};
	for (;;) {
		size_t size = strcspn(snippet, marks);
		print_part(snippet, size);
		if (!snippet[size])
			return;
		fputs(colour(snippet[size] == FOUND_BEGIN ? COLOUR_BOLD : COLOUR_NONE), stdout);
		snippet += size + 1;
	}
}

static void print_find(const json_t *message)
{
	char time[TIME_TEXT_MAX], name[NAME_TEXT_MAX];
	bool out = strcmp(field_text(message, "direction"), "out") == 0;
	printf("%s%s%s  %s%s: ", colour(COLOUR_DIM),
		time_text(field_number(message, "timestamp", -1), time), colour(COLOUR_NONE),
		out ? "to " : "", name_text(message, name));
	print_snippet(field_text(message, "snippet"));
	printf("%s\n", colour(COLOUR_NONE));
}

static bool add_words(const struct cli *cli, char *path)
{
	for (size_t i = 0; i < cli->arg_count; i++)
		if ((i > 0 && !api_path_add(path, "%20")) ||
			!api_path_add_encoded(path, cli->args[i]))
			return false;
	return true;
}

static bool add_option(const struct cli *cli, const char *name, char *path)
{
	const char *value = cli_value(cli, name);
	return !value || (api_path_add(path, "&") && api_path_add(path, name) &&
				 api_path_add(path, "=") && api_path_add_encoded(path, value));
}

static void print_finds(const json_t *answer)
{
	const json_t *messages = json_object_get(answer, "messages");
	size_t count = json_array_size(messages);
	for (size_t i = 0; i < count; i++)
		print_find(json_array_get(messages, i));
	if (count == 0)
		fputs("no message has all of these words; 'begin*' also finds what begins so\n",
			stderr);
	if (json_is_true(json_object_get(answer, "more")))
		fprintf(stderr, "there are older ones: --before %.0f\n",
			field_number(json_array_get(messages, count - 1), "sequence", 0));
}

int command_search(const struct cli *cli)
{
	const char *limit = cli_value(cli, "limit"), *before = cli_value(cli, "before");
	char path[CLI_API_PATH_MAX] = "/history/search?q=", number[32];
	uint32_t count = LIMIT_DEFAULT;
	uint64_t sequence;
	json_t *answer = NULL;

	if (limit && (!text_to_u32(limit, &count) || count == 0 || count > LIMIT_MAX))
		return cli_wrong(cli, "'--limit' is a number from 1 to %d", LIMIT_MAX);
	if (before && !text_to_u64(before, &sequence))
		return cli_wrong(
			cli, "'--before' is the sequence of a message, as 'dpc search' prints it");
	snprintf(number, sizeof(number), "&limit=%u", (unsigned)count);
	if (!add_words(cli, path) || !api_path_add(path, number) ||
		!add_option(cli, "peer", path) || !add_option(cli, "before", path))
		return cli_wrong(cli, "that is too much to look for");
	int status = api_ask(cli, &(struct api_request){.path = path}, &answer);
	if (status != CLI_DONE)
		return status;
	bool found = json_array_size(json_object_get(answer, "messages")) > 0;
	if (cli->json)
		print_json(answer);
	else
		print_finds(answer);
	json_decref(answer);
	return found ? CLI_DONE : CLI_FAILED;
}
