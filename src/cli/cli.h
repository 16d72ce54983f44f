/* The command line: what a command is, and what it is given when it runs. Commands are rows of the
 * table in main.c; each has a file of its own. They are clients of a running node (cli/api.h),
 * except `init`, `id` and `up`; `netcheck` does without one where there is none.
 *
 * Results go to stdout, everything else to stderr. Exit status 0: done; 1: refused or failed, after
 * one line on stderr that says what and the next step; 2: wrong usage, after one line too. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "cli/limits.h"

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_WRONG_USAGE = 2,
};

/* What the shell's completion offers for the first argument. */
enum cli_completes {
	CLI_COMPLETES_NOTHING,
	CLI_COMPLETES_PEER,
	CLI_COMPLETES_WORDS, /* those of `words` */
};

struct cli_option {
	const char *name;  /* without "--" */
	const char *value; /* what it takes, in capitals; NULL: nothing */
	const char *help;
};

struct cli;

struct cli_command {
	const char *name;
	int (*run)(const struct cli *cli);
	const char *help;    /* one line */
	const char *details; /* further lines, for the command's own help; or NULL */
	enum cli_completes completes;
	const char *words;     /* with spaces between them, or NULL */
	const char *arguments; /* as the usage shows them; NULL: none */
	size_t args_min, args_max;
	struct cli_option options[CLI_OPTIONS_MAX + 1]; /* the last is zero */
};

struct cli {
	const struct cli_command *commands; /* the table; the last row is zero */
	const struct cli_command *command;  /* the one asked for; NULL: none */
	char home[CLI_PATH_MAX];
	bool json, help, version;
	const char *values[CLI_OPTIONS_MAX]; /* of the command's options; "" for one without a
						value; NULL: not given */
	const char *args[CLI_ARGS_MAX];      /* borrowed from argv */
	size_t arg_count;
};

/* Reads the words behind the program's name; options may stand anywhere before "--". On failure
 * there is a line in `problem`, with room for CLI_PROBLEM_MAX. */
bool cli_parse(struct cli *cli, const struct cli_command *commands, size_t count,
	const char *const *words, char *problem);

/* Of an option in the command's table: its value, "" when it takes none, NULL when not given. */
const char *cli_value(const struct cli *cli, const char *name);
bool cli_has(const struct cli *cli, const char *name);

/* A command whose first argument is a word that says what to do. */
struct cli_word {
	const char *name;
	size_t args_min, args_max; /* this word among them */
	int (*run)(const struct cli *cli);
};
/* Runs the one of the table, whose last row is zero; CLI_WRONG_USAGE when it is none, or has
 * another number of arguments. */
int cli_run_word(const struct cli *cli, const struct cli_word *words);

/* A path in the home, into a buffer of CLI_PATH_MAX; false when it is too long. */
bool cli_path(const struct cli *cli, const char *file, char *path);

/* Print "dpc: …" as a line on stderr; return the exit status. */
int cli_fail(const char *format, ...) PRINTF_LIKE(1, 2);
int cli_wrong(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
