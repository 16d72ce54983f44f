/* The texts of --help. */
#include "cli/help.h"

#include <string.h>

#define COLUMN_WIDTH 34

static const struct cli_option common_options[] = {
	{"home", "DIR", "the node's directory (DPC_HOME, or ~/.local/share/dpc)"},
	{"json", NULL, "results as JSON"},
	{"help", NULL, "this text"},
};

static void print_row(FILE *out, const char *left, const char *right)
{
	fprintf(out, "  %-*s %s\n", COLUMN_WIDTH, left, right);
}

static void print_option(FILE *out, const struct cli_option *option)
{
	char left[COLUMN_WIDTH * 2];
	snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
		option->value ? option->value : "");
	print_row(out, left, option->help);
}

void help_print_all(const struct cli_command *commands, FILE *out)
{
	fputs("usage: dpc COMMAND [ARGUMENT...] [OPTION...]\n\n", out);
	for (const struct cli_command *command = commands; command->name; command++) {
		char left[COLUMN_WIDTH * 2];
		snprintf(left, sizeof(left), "%s%s%s", command->name, command->arguments ? " " : "",
			command->arguments ? command->arguments : "");
		print_row(out, left, command->help);
	}
	fputs("\noptions of every command:\n", out);
	for (size_t i = 0; i < sizeof(common_options) / sizeof(common_options[0]); i++)
		print_option(out, &common_options[i]);
	fputs("\nA PEER is a node id, a contact's name, or the start of either. 'dpc COMMAND "
	      "--help' "
	      "says\nmore. Exit status: 0 done, 1 refused or failed, 2 wrong usage.\n",
		out);
}

void help_print_command(const struct cli_command *command, FILE *out)
{
	fprintf(out, "usage: dpc %s%s%s%s\n\n%s\n\n", command->name, command->arguments ? " " : "",
		command->arguments ? command->arguments : "",
		command->options[0].name ? " [OPTION...]" : "", command->help);
	if (command->details)
		fprintf(out, "%s\n", command->details);
	for (size_t i = 0; command->options[i].name; i++)
		print_option(out, &command->options[i]);
	for (size_t i = 0; i < sizeof(common_options) / sizeof(common_options[0]); i++)
		print_option(out, &common_options[i]);
}
