/* Lines of a conversation: messages and commands, and what completes them. */
#include "test.h"

#include <stdlib.h>

#include "cli/chat.h"

static const struct chat_command table[] = {
	{"edit", "[N]", "", CHAT_ARGUMENT_MAY, false, NULL},
	{"quit", "", "", CHAT_ARGUMENT_NONE, false, NULL},
	{"queue", "", "", CHAT_ARGUMENT_NONE, false, NULL},
	{"send", "PATH", "", CHAT_ARGUMENT_MUST, true, NULL},
	{.name = NULL},
};

static void lines_are_messages_or_commands(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum chat_line kind;
		const char *command, *text;
	} cases[] = {
		{"hello", CHAT_LINE_MESSAGE, NULL, "hello"},
		{" /quit", CHAT_LINE_MESSAGE, NULL, " /quit"},
		{"//quit", CHAT_LINE_MESSAGE, NULL, "/quit"},
		{"///", CHAT_LINE_MESSAGE, NULL, "//"},
		{"//", CHAT_LINE_MESSAGE, NULL, "/"},
		{"and/or", CHAT_LINE_MESSAGE, NULL, "and/or"},
		{"/quit", CHAT_LINE_COMMAND, "quit", ""},
		{"/quit \t", CHAT_LINE_COMMAND, "quit", ""},
		{"/quit now", CHAT_LINE_WRONG, "quit", "now"},
		{"/edit", CHAT_LINE_COMMAND, "edit", ""},
		{"/edit  3 ", CHAT_LINE_COMMAND, "edit", "3"},
		{"/send", CHAT_LINE_WRONG, "send", ""},
		{"/send  a file.txt ", CHAT_LINE_COMMAND, "send", "a file.txt"},
		{"/send\ttwo\nlines", CHAT_LINE_COMMAND, "send", "two\nlines"},
		{"/", CHAT_LINE_UNKNOWN, NULL, ""},
		{"/qui", CHAT_LINE_UNKNOWN, NULL, ""},
		{"/quits", CHAT_LINE_UNKNOWN, NULL, ""},
		{"/QUIT", CHAT_LINE_UNKNOWN, NULL, ""},
		{"/etc/passwd is a file", CHAT_LINE_UNKNOWN, NULL, "is a file"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		snprintf(line, sizeof(line), "%s", cases[i].line);
		struct chat_parsed parsed = chat_parse(table, line);
		assert_int_equal(parsed.line, cases[i].kind);
		assert_string_equal(parsed.text, cases[i].text);
		assert_string_equal(parsed.command ? parsed.command->name : "",
			cases[i].command ? cases[i].command : "");
	}
}

static void what_is_typed_is_completed_as_far_as_it_is_certain(void **state)
{
	(void)state;
	static const struct {
		const char *typed, *insert, *shown;
	} cases[] = {
		{"/e", "dit ", ""},
		{"/qu", "", "quit  queue"},
		{"/q", "u", ""},
		{"/qui", "t", ""},
		{"/quit", "", ""},
		{"/", "", "edit   quit  queue  send "},
		{"/x", "", ""},
		{"", "", ""},
		{"hello", "", ""},
		{"//e", "", ""},
		{"/edit 3", "", ""},
		{"/unknown /et", "", ""},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer insert = buffer_with_max(64), shown = buffer_with_max(64);
		assert_ok(chat_complete(table, cases[i].typed, &insert, &shown));
		assert_string_equal(buffer_text(&insert), cases[i].insert);
		assert_string_equal(buffer_text(&shown), cases[i].shown);
		buffer_deinit(&insert);
		buffer_deinit(&shown);
	}
}

static void every_command_has_a_help_and_a_name_that_fits(void **state)
{
	(void)state;
	for (const struct chat_command *command = chat_commands; command->name; command++) {
		assert_true(strlen(command->name) + 1 < CLI_COMMAND_NAME_MAX);
		assert_true(strlen(command->help) > 0);
		assert_non_null(command->run);
		assert_int_equal(command->argument == CHAT_ARGUMENT_NONE, !*command->arguments);
	}
}

TESTS(TEST(lines_are_messages_or_commands),
	TEST(what_is_typed_is_completed_as_far_as_it_is_certain),
	TEST(every_command_has_a_help_and_a_name_that_fits))
