/* The words of a call: options anywhere, values, arguments, and what is refused. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static int nothing(const struct cli *cli)
{
	(void)cli;
	return CLI_DONE;
}

static const struct cli_command commands[] = {
	{.name = "send",
		.run = nothing,
		.help = "send",
		.arguments = "PEER TEXT",
		.args_min = 2,
		.args_max = 2,
		.options = {{"wait", "SECONDS", "wait"}, {"direct", NULL, "direct"}}},
	{.name = "status", .run = nothing, .help = "status"},
	{.name = "get", .run = nothing, .help = "get", .arguments = "KEY...", .args_max = 1000},
	{.name = NULL},
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__})
#define PARSE(cli, problem, ...)                                                                   \
	cli_parse(cli, commands, sizeof(WORDS(__VA_ARGS__)) / sizeof(char *), WORDS(__VA_ARGS__),  \
		problem)

static void options_may_stand_anywhere(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	assert_true(PARSE(&cli, problem, "--home", "/h", "send", "--wait=5", "bob", "--json", "hi",
		"--direct"));
	assert_string_equal(cli.command->name, "send");
	assert_string_equal(cli.home, "/h");
	assert_true(cli.json);
	assert_string_equal(cli_value(&cli, "wait"), "5");
	assert_true(cli_has(&cli, "direct"));
	assert_int_equal(cli.arg_count, 2);
	assert_string_equal(cli.args[0], "bob");
	assert_string_equal(cli.args[1], "hi");
}

static void a_value_may_follow_or_be_joined_and_may_be_empty(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	assert_true(PARSE(&cli, problem, "send", "bob", "hi", "--wait", "7", "--home=/h"));
	assert_string_equal(cli_value(&cli, "wait"), "7");
	assert_true(PARSE(&cli, problem, "send", "bob", "hi", "--wait=", "--home=/h"));
	assert_string_equal(cli_value(&cli, "wait"), "");
	assert_true(PARSE(&cli, problem, "send", "bob", "hi", "--home=/h"));
	assert_null(cli_value(&cli, "wait"));
	assert_false(cli_has(&cli, "direct"));
}

static void behind_two_dashes_everything_is_an_argument(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	assert_true(PARSE(&cli, problem, "--home=/h", "send", "bob", "--", "--json"));
	assert_false(cli.json);
	assert_string_equal(cli.args[1], "--json");
	assert_true(PARSE(&cli, problem, "--home=/h", "send", "bob", "-"));
	assert_string_equal(cli.args[1], "-");
}

static void what_cannot_be_understood_is_refused_with_a_line(void **state)
{
	(void)state;
	static const struct {
		const char *words[5];
		const char *expected;
	} cases[] = {
		{{"--home=/h"}, "a command is missing"},
		{{"--home=/h", "sned"}, "no command 'sned'"},
		{{"--home=/h", "send", "bob"}, "too few arguments: it takes PEER TEXT"},
		{{"--home=/h", "status", "now"}, "too many arguments: it takes none"},
		{{"--home=/h", "status", "--wait", "5"}, "unknown option '--wait'"},
		{{"--home=/h", "status", "-j"}, "unknown option '-j'"},
		{{"send", "--wait"}, "'--wait' needs a value"},
		{{"send", "--direct=1"}, "'--direct' takes no value"},
		{{"status", "--json=1"}, "'--json' takes no value"},
		{{"status", "--home", ""}, "'--home' is not a usable path"},
		{{"status", "\xff"}, "argument 2 is not UTF-8 text"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cli cli;
		char problem[CLI_PROBLEM_MAX];
		size_t count = 0;
		while (count < 5 && cases[i].words[count])
			count++;
		assert_false(cli_parse(&cli, commands, count, cases[i].words, problem));
		assert_string_equal(problem, cases[i].expected);
	}
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	assert_true(PARSE(&cli, problem, "send", "--help"));
	assert_true(cli.help);
	assert_string_equal(cli.command->name, "send");
	assert_true(PARSE(&cli, problem, "-h"));
	assert_true(cli.help);
	assert_null(cli.command);
}

static void the_home_is_the_first_that_is_said(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX];
	setenv("HOME", "/home/alice", 1);
	unsetenv("XDG_DATA_HOME");
	unsetenv("DPC_HOME");
	assert_true(PARSE(&cli, problem, "status"));
	assert_string_equal(cli.home, "/home/alice/.local/share/dpc");
	setenv("XDG_DATA_HOME", "/data", 1);
	assert_true(PARSE(&cli, problem, "status"));
	assert_string_equal(cli.home, "/data/dpc");
	setenv("XDG_DATA_HOME", "not/absolute", 1);
	assert_true(PARSE(&cli, problem, "status"));
	assert_string_equal(cli.home, "/home/alice/.local/share/dpc");
	setenv("DPC_HOME", "/here", 1);
	assert_true(PARSE(&cli, problem, "status"));
	assert_string_equal(cli.home, "/here");
	unsetenv("DPC_HOME");
	unsetenv("XDG_DATA_HOME");
	unsetenv("HOME");
	assert_false(PARSE(&cli, problem, "status"));
}

static void arguments_and_paths_have_a_limit(void **state)
{
	(void)state;
	struct cli cli;
	char problem[CLI_PROBLEM_MAX], path[CLI_PATH_MAX];
	const char *words[CLI_ARGS_MAX + 3] = {"--home=/h", "get"};
	for (size_t i = 2; i < CLI_ARGS_MAX + 3; i++)
		words[i] = "key";
	assert_true(cli_parse(&cli, commands, CLI_ARGS_MAX + 2, words, problem));
	assert_false(cli_parse(&cli, commands, CLI_ARGS_MAX + 3, words, problem));
	assert_string_equal(problem, "too many arguments");

	char home[CLI_PATH_MAX + 8];
	memset(home, 'h', sizeof(home) - 1);
	home[sizeof(home) - 1] = 0;
	assert_false(PARSE(&cli, problem, "status", "--home", home));
	home[CLI_PATH_MAX - 5] = 0;
	assert_true(PARSE(&cli, problem, "status", "--home", home));
	assert_true(cli_path(&cli, "123", path));
	assert_false(cli_path(&cli, "1234", path));
}

TESTS(TEST(options_may_stand_anywhere), TEST(a_value_may_follow_or_be_joined_and_may_be_empty),
	TEST(behind_two_dashes_everything_is_an_argument),
	TEST(what_cannot_be_understood_is_refused_with_a_line), TEST(help_needs_nothing_else),
	TEST(the_home_is_the_first_that_is_said), TEST(arguments_and_paths_have_a_limit))
