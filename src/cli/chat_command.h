/* What a line of a conversation is: a message, or a command that begins with a slash. Commands are
 * rows of a table, so that the same is parsed, completed and explained. */
#ifndef CLI_CHAT_COMMAND_H
#define CLI_CHAT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buffer.h"
#include "cli/limits.h"

struct chat;

struct chat_command {
	const char *name;      /* without the slash */
	const char *arguments; /* as /help shows them: "" when it takes none */
	const char *help;
	enum {
		CHAT_ARGUMENT_NONE,
		CHAT_ARGUMENT_MAY,
		CHAT_ARGUMENT_MUST,
	} argument;
	bool takes_path; /* Tab completes it */
	void (*run)(struct chat *chat, const char *argument);
};

enum chat_line {
	CHAT_LINE_MESSAGE,
	CHAT_LINE_COMMAND,
	CHAT_LINE_UNKNOWN, /* begins with a slash, and no command has this name */
	CHAT_LINE_WRONG,   /* the command takes an argument, or none */
};

struct chat_parsed {
	enum chat_line line;
	const struct chat_command *command; /* of CHAT_LINE_COMMAND and CHAT_LINE_WRONG */
	const char *text;                   /* the message, or the argument; borrowed */
};

/* The table ends with a zero row. A message that begins with a slash is typed with two; the
 * argument is what is behind the name, without blanks around it, which are cut off from the line.
 */
struct chat_parsed chat_parse(const struct chat_command *table, char *line);

/* What completes the typed line, as far as it is certain; and, where nothing is, the candidates
 * on one line. */
MUST_CHECK enum err chat_complete(const struct chat_command *table, const char *typed,
	struct buffer *insert, struct buffer *shown);

#endif
