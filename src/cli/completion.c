/* dpc completion: what a shell needs to complete our commands, generated from their table. `dpc
 * completion peers` is what the generated code calls for the names of contacts. */
#include <stdio.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/output.h"

static void print_options(const struct cli_command *command)
{
	for (size_t i = 0; command->options[i].name; i++)
		printf("--%s ", command->options[i].name);
	printf("--home --json --help");
}

static void print_first_argument(const struct cli_command *command)
{
	if (command->completes == CLI_COMPLETES_PEER)
		printf("$(dpc completion peers 2>/dev/null)");
	else if (command->completes == CLI_COMPLETES_WORDS)
		printf("%s", command->words);
}

static void print_bash(const struct cli_command *commands)
{
	puts("_dpc() {\n"
	     "\tlocal word=${COMP_WORDS[COMP_CWORD]} words\n"
	     "\tif [[ $COMP_CWORD == 1 ]]; then");
	printf("\t\twords='");
	for (const struct cli_command *command = commands; command->name; command++)
		printf("%s ", command->name);
	puts("--help --version'\n\telse\n\t\tcase ${COMP_WORDS[1]} in");
	for (const struct cli_command *command = commands; command->name; command++) {
		printf("\t\t%s) if [[ $word == -* ]]; then words='", command->name);
		print_options(command);
		printf("'; elif [[ $COMP_CWORD == 2 ]]; then words=\"");
		print_first_argument(command);
		puts("\"; fi ;;");
	}
	puts("\t\tesac\n"
	     "\t\t[[ $COMP_CWORD == 3 && ${COMP_WORDS[1]}-${COMP_WORDS[2]} == "
	     "@(context-get|access-check) ]] &&\n"
	     "\t\t\twords=$(dpc completion peers 2>/dev/null)\n"
	     "\tfi\n"
	     "\tlocal IFS=$' \\n'\n"
	     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
	     "}\n"
	     "complete -F _dpc dpc");
}

static void print_zsh(const struct cli_command *commands)
{
	puts("#compdef dpc\n_dpc() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a names=(");
	for (const struct cli_command *command = commands; command->name; command++) {
		printf("\t\t\t\"%s:", command->name);
		for (const char *at = command->help; *at; at++)
			printf(*at == ':' ? "\\\\%c" : "%c", *at);
		puts("\"");
	}
	puts("\t\t)\n\t\t_describe command names\n\t\treturn\n\tfi\n\tcase ${words[2]} in");
	for (const struct cli_command *command = commands; command->name; command++) {
		printf("\t%s) if [[ $PREFIX == -* ]]; then compadd -- ", command->name);
		print_options(command);
		if (command->completes != CLI_COMPLETES_NOTHING) {
			printf("; elif (( CURRENT == 3 )); then compadd -- ");
			if (command->completes == CLI_COMPLETES_PEER)
				printf("${(f)\"$(dpc completion peers 2>/dev/null)\"}");
			else
				printf("%s", command->words);
		}
		puts("; fi ;;");
	}
	puts("\tesac\n}\n_dpc \"$@\"");
}

/* Nothing, and no complaint, when the node is not running: a person is in the middle of a word. */
static int print_peers(const struct cli *cli)
{
	char safe[NAME_TEXT_MAX];
	json_t *answer = NULL;
	int status = api_ask(cli, &(struct api_request){.path = "/peers"}, &answer);
	const json_t *peers = json_object_get(answer, "peers");
	for (size_t i = 0; i < json_array_size(peers); i++)
		printf("%s\n", name_text(json_array_get(peers, i), safe));
	json_decref(answer);
	return status;
}

int command_completion(const struct cli *cli)
{
	if (strcmp(cli->args[0], "bash") == 0)
		print_bash(cli->commands);
	else if (strcmp(cli->args[0], "zsh") == 0)
		print_zsh(cli->commands);
	else if (strcmp(cli->args[0], "peers") == 0)
		return print_peers(cli);
	else
		return cli_wrong(cli, "no completions for '%.100s'", cli->args[0]);
	return CLI_DONE;
}
