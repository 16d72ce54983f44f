/* dpc history: the last messages with a peer. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/history_export.h"
#include "cli/output.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500 /* of the node */

#define ID_SHOWN 8 /* characters; enough to tell the messages with one peer from each other */

static void print_id(const char *before, const char *id)
{
	char safe[ID_SHOWN + 1];
	printf("%s%s%s%s  ", colour(COLOUR_DIM), before, text_safe(id, safe, sizeof(safe)),
		colour(COLOUR_NONE));
}

static void print_marks(const json_t *message, bool out)
{
	bool edited = json_is_real(json_object_get(message, "edited"));
	const char *state = out ? field_text(message, "state") : "";
	if (out || edited)
		printf("  %s(%s%s%s)%s", colour(COLOUR_DIM), edited ? "edited" : "",
			out && edited ? ", " : "", state, colour(COLOUR_NONE));
}

/* "  [plan.pdf, photo.jpg]" */
static void print_attachments(const json_t *message)
{
	const json_t *list = json_object_get(message, "attachments");
	for (size_t i = 0; i < json_array_size(list); i++) {
		printf("%s", i == 0 ? "  [" : ", ");
		print_safe(stdout, field_text(json_array_get(list, i), "name"), false);
	}
	if (json_array_size(list) > 0)
		putchar(']');
}

static void print_message(const json_t *message, bool ids)
{
	char time[TIME_TEXT_MAX], name[NAME_TEXT_MAX];
	const char *reply_to = field_text(message, "reply_to");
	bool out = strcmp(field_text(message, "direction"), "out") == 0;
	printf("%s%s%s  ", colour(COLOUR_DIM),
		time_text(field_number(message, "timestamp", -1), time), colour(COLOUR_NONE));
	if (ids)
		print_id("", field_text(message, "id"));
	printf("%s%s%s: ", colour(COLOUR_BOLD), out ? "you" : name_text(message, name),
		colour(COLOUR_NONE));
	if (ids && *reply_to)
		print_id("to ", reply_to);
	if (json_is_true(json_object_get(message, "deleted")))
		printf("%s(deleted)%s", colour(COLOUR_DIM), colour(COLOUR_NONE));
	else {
		print_safe(stdout, field_text(message, "text"), true);
		print_attachments(message);
		print_marks(message, out);
	}
	putchar('\n');
}

int command_history(const struct cli *cli)
{
	const char *limit = cli_value(cli, "limit"), *before = cli_value(cli, "before");
	const char *export = cli_value(cli, "export");
	char path[CLI_API_PATH_MAX] = "/history?peer=", number[64];
	uint32_t count = LIMIT_DEFAULT;
	json_t *answer = NULL;

	if (export && (limit || before))
		return cli_wrong(
			cli, "'--export' is about all messages: no '--limit' or '--before'");
	if (export)
		return history_export(cli, cli->arg_count > 0 ? cli->args[0] : NULL, export);
	if (cli->arg_count == 0)
		return cli_wrong(cli, "a peer is missing");
	if (limit && (!text_to_u32(limit, &count) || count == 0 || count > LIMIT_MAX))
		return cli_wrong(cli, "'--limit' is a number from 1 to %d", LIMIT_MAX);
	snprintf(number, sizeof(number), "&limit=%u%s", (unsigned)count, before ? "&before=" : "");
	if (!api_path_add_encoded(path, cli->args[0]) || !api_path_add(path, number) ||
		(before && !api_path_add_encoded(path, before)))
		return cli_wrong(cli, "the peer's name or the id is too long");
	int status = api_ask(cli, &(struct api_request){.path = path}, &answer);
	if (status != CLI_DONE)
		return status;
	const json_t *messages = json_object_get(answer, "messages");
	if (cli->json)
		print_json(answer);
	for (size_t i = 0; !cli->json && i < json_array_size(messages); i++)
		print_message(json_array_get(messages, i), cli_has(cli, "ids"));
	json_decref(answer);
	return CLI_DONE;
}
