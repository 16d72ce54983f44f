/* dpc find: who, of those who want to be found at the hub, knows about something. */
#include <stdio.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/person.h"
#include "cli/output.h"

static bool add_value(const struct cli *cli, char *path, const char *option, const char *name)
{
	const char *value = cli_value(cli, option);
	return !value || (api_path_add(path, "&") && api_path_add(path, name) &&
				 api_path_add(path, "=") && api_path_add_encoded(path, value));
}

int command_find(const struct cli *cli)
{
	char path[CLI_API_PATH_MAX] = "/directory?q=";
	json_t *answer = NULL;
	bool fits = true;
	for (size_t i = 0; fits && i < cli->arg_count; i++)
		fits = (i == 0 || api_path_add(path, "%20")) &&
		       api_path_add_encoded(path, cli->args[i]);
	if (!fits || !add_value(cli, path, "min-level", "min_level") ||
		!add_value(cli, path, "limit", "limit") ||
		!add_value(cli, path, "cursor", "cursor"))
		return cli_wrong(cli, "the search is too long");
	int status = api_ask(cli, &(struct api_request){.path = path}, &answer);
	const json_t *results = json_object_get(answer, "results");
	if (status == CLI_DONE && cli->json) {
		print_json(answer);
	} else if (status == CLI_DONE) {
		for (size_t i = 0; i < json_array_size(results); i++)
			person_print_line(json_array_get(results, i));
		if (*field_text(answer, "next_cursor"))
			fprintf(stderr, "there are more: --cursor %s\n",
				field_text(answer, "next_cursor"));
	}
	json_decref(answer);
	return status;
}
