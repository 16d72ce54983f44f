/* The texts of --help, from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stdio.h>

#include "cli/cli.h"

/* All commands. */
void help_print_all(const struct cli_command *commands, FILE *out);
/* One of them. */
void help_print_command(const struct cli_command *command, FILE *out);

#endif
