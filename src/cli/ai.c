/* dpc ai log: what peers asked of this node's AI models. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 500 /* of the node */

/* "2026-01-31 12:00:00  alice  llama3  done  26 + 298 tokens  1.25 s", and the question. */
static void print_entry(const json_t *entry)
{
	char time[TIME_TEXT_MAX], name[NAME_TEXT_MAX];
	const char *contact = field_text(entry, "name");
	printf("%s%s%s  %s%s%s  ", colour(COLOUR_DIM),
		time_text(field_number(entry, "time", -1), time), colour(COLOUR_NONE),
		colour(COLOUR_BOLD),
		text_safe(contact[0] ? contact : field_text(entry, "peer"), name, sizeof(name)),
		colour(COLOUR_NONE));
	print_safe(stdout, field_text(entry, "model"), false);
	printf("  %s  %s%.0f + %.0f tokens  %.2f s\n", field_text(entry, "outcome"),
		json_is_true(json_object_get(entry, "estimated")) ? "about " : "",
		field_number(entry, "prompt_tokens", 0),
		field_number(entry, "completion_tokens", 0),
		field_number(entry, "duration_ms", 0) / 1000);
	if (field_text(entry, "prompt")[0]) {
		printf("    ");
		print_safe(stdout, field_text(entry, "prompt"), false);
		putchar('\n');
	}
}

int command_ai(const struct cli *cli)
{
	const char *limit = cli_value(cli, "limit");
	char path[CLI_API_PATH_MAX] = "/ai/log", number[32];
	uint32_t count = LIMIT_DEFAULT;
	json_t *answer = NULL;

	if (strcmp(cli->args[0], "log") != 0)
		return cli_wrong(cli, "no '%.100s' here", cli->args[0]);
	if (limit && (!text_to_u32(limit, &count) || count == 0 || count > LIMIT_MAX))
		return cli_wrong(cli, "'--limit' is a number from 1 to %d", LIMIT_MAX);
	snprintf(number, sizeof(number), "?limit=%u", (unsigned)count);
	if (!api_path_add(path, number) ||
		(cli->arg_count > 1 && (!api_path_add(path, "&peer=") ||
					       !api_path_add_encoded(path, cli->args[1]))))
		return cli_wrong(cli, "the peer's name is too long");
	int status = api_ask(cli, &(struct api_request){.path = path}, &answer);
	if (status != CLI_DONE)
		return status;
	const json_t *entries = json_object_get(answer, "entries");
	if (cli->json)
		print_json(answer);
	for (size_t i = 0; !cli->json && i < json_array_size(entries); i++)
		print_entry(json_array_get(entries, i));
	json_decref(answer);
	return CLI_DONE;
}
