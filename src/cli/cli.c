/* Words to a command with its options and arguments. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct cli_command *find_command(const struct cli *cli, const char *name)
{
	for (const struct cli_command *command = cli->commands; command->name; command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}

static bool problem_set(char *problem, const char *format, ...) PRINTF_LIKE(2, 3);
static bool problem_set(char *problem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(problem, CLI_PROBLEM_MAX, format, args);
	va_end(args);
	return false;
}

/* DPC_HOME, else the XDG data directory. */
static bool default_home(char *home, char *problem)
{
	const char *from = getenv("DPC_HOME");
	int length;
	if (from && *from) {
		length = snprintf(home, CLI_PATH_MAX, "%s", from);
	} else if ((from = getenv("XDG_DATA_HOME")) && from[0] == '/') {
		length = snprintf(home, CLI_PATH_MAX, "%s/dpc", from);
	} else if ((from = getenv("HOME")) && *from) {
		length = snprintf(home, CLI_PATH_MAX, "%s/.local/share/dpc", from);
	} else {
		return problem_set(problem, "neither HOME nor DPC_HOME is set; say --home DIR");
	}
	if (length < 0 || length >= CLI_PATH_MAX)
		return problem_set(problem, "the path of the home is too long");
	return true;
}

/* One word that begins with "--". *ret_taken counts the words used up. */
static bool parse_option(
	struct cli *cli, const char *word, const char *next, size_t *ret_taken, char *problem)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	struct bytes key = equals ? bytes_of(name, (size_t)(equals - name)) : bytes_of_text(name);
	const char **place = NULL, *home = NULL;
	bool takes_value = false;

	*ret_taken = 1;
	if (bytes_equal_text(key, "home")) {
		place = &home;
		takes_value = true;
	}
	for (size_t i = 0; cli->command && !place && cli->command->options[i].name; i++) {
		if (bytes_equal_text(key, cli->command->options[i].name)) {
			place = &cli->values[i];
			takes_value = cli->command->options[i].value != NULL;
		}
	}
	bool known = place || bytes_equal_text(key, "json") || bytes_equal_text(key, "help") ||
		     bytes_equal_text(key, "version");
	if (!known)
		return problem_set(problem, "unknown option '--%.*s'", (int)key.size, name);
	if (!takes_value && equals)
		return problem_set(problem, "'--%.*s' takes no value", (int)key.size, name);
	if (takes_value && !equals && !next)
		return problem_set(problem, "'--%.*s' needs a value", (int)key.size, name);
	if (!place) {
		cli->json |= bytes_equal_text(key, "json");
		cli->help |= bytes_equal_text(key, "help");
		cli->version |= bytes_equal_text(key, "version");
		return true;
	}
	if (takes_value && !equals)
		*ret_taken = 2;
	*place = !takes_value ? "" : equals ? equals + 1 : next;
	if (home && (!*home || !text_copy(cli->home, sizeof(cli->home), home)))
		return problem_set(problem, "'--home' is not a usable path");
	return true;
}

static bool parse_word(struct cli *cli, const char *word, char *problem)
{
	if (!cli->command) {
		cli->command = find_command(cli, word);
		return cli->command ? true : problem_set(problem, "no command '%.100s'", word);
	}
	if (cli->arg_count == CLI_ARGS_MAX)
		return problem_set(problem, "too many arguments");
	cli->args[cli->arg_count++] = word;
	return true;
}

static bool parse_words(
	struct cli *cli, size_t count, const char *const *words, bool *ret_options, char *problem)
{
	for (size_t i = 0; i < count;) {
		const char *word = words[i];
		size_t taken = 1;
		bool ok = true;
		if (!utf8_is_valid(bytes_of_text(word)))
			return problem_set(problem, "argument %zu is not UTF-8 text", i + 1);
		if (!*ret_options || strcmp(word, "-") == 0 || word[0] != '-')
			ok = parse_word(cli, word, problem);
		else if (strcmp(word, "--") == 0)
			*ret_options = false;
		else if (strcmp(word, "-h") == 0)
			cli->help = true;
		else if (word[1] == '-')
			ok = parse_option(
				cli, word, i + 1 < count ? words[i + 1] : NULL, &taken, problem);
		else
			ok = problem_set(problem, "unknown option '%.100s'", word);
		if (!ok)
			return false;
		i += taken;
	}
	return true;
}

bool cli_parse(struct cli *cli, const struct cli_command *commands, size_t count,
	const char *const *words, char *problem)
{
	bool options = true;
	*cli = (struct cli){.commands = commands};
	problem[0] = 0;
	if (!parse_words(cli, count, words, &options, problem))
		return false;
	if (cli->help || cli->version)
		return true;
	if (!cli->home[0] && !default_home(cli->home, problem))
		return false;
	if (!cli->command)
		return problem_set(problem, "a command is missing");
	if (cli->arg_count < cli->command->args_min)
		return problem_set(
			problem, "too few arguments: it takes %s", cli->command->arguments);
	if (cli->arg_count > cli->command->args_max)
		return problem_set(problem, "too many arguments: it takes %s",
			cli->command->args_max > 0 ? cli->command->arguments : "none");
	return true;
}

const char *cli_value(const struct cli *cli, const char *name)
{
	for (size_t i = 0; cli->command->options[i].name; i++) {
		if (strcmp(cli->command->options[i].name, name) == 0)
			return cli->values[i];
	}
	UNREACHABLE();
}

bool cli_has(const struct cli *cli, const char *name)
{
	return cli_value(cli, name) != NULL;
}

bool cli_path(const struct cli *cli, const char *file, char *path)
{
	int length = snprintf(path, CLI_PATH_MAX, "%s/%s", cli->home, file);
	return length > 0 && length < CLI_PATH_MAX;
}

int cli_run_word(const struct cli *cli, const struct cli_word *words)
{
	const struct cli_word *word = words;
	while (word->name && strcmp(cli->args[0], word->name) != 0)
		word++;
	if (!word->name)
		return cli_wrong(cli, "no '%.100s' here", cli->args[0]);
	if (cli->arg_count < word->args_min || cli->arg_count > word->args_max)
		return cli_wrong(cli, "too %s arguments for '%s'",
			cli->arg_count < word->args_min ? "few" : "many", word->name);
	return word->run(cli);
}

int cli_fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fflush(stdout);
	fputs("dpc: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return CLI_FAILED;
}

int cli_wrong(const struct cli *cli, const char *format, ...)
{
	const char *command = cli->command ? cli->command->name : NULL;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "dpc%s%s: ", command ? " " : "", command ? command : "");
	vfprintf(stderr, format, args);
	fprintf(stderr, "; 'dpc %s%s--help' says how\n", command ? command : "",
		command ? " " : "");
	va_end(args);
	return CLI_WRONG_USAGE;
}
