/* dpc access: what the rules of access.ini say. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/field.h"
#include "cli/output.h"

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

int command_access(const struct cli *cli)
{
	if (strcmp(cli->args[0], "check") == 0)
		return check(cli);
	return cli_wrong(cli, "no '%.100s' here", cli->args[0]);
}
