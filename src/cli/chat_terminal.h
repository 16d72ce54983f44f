/* The terminal of a conversation: a line that is typed at the bottom, everything else above it.
 * What is printed never breaks the line. */
#ifndef CLI_CHAT_TERMINAL_H
#define CLI_CHAT_TERMINAL_H

#include "base/buffer.h"
#include "cli/output.h"
#include "net/loop.h"

struct chat_terminal;

struct chat_terminal_uses {
	/* A line was entered; it has been taken off the screen. */
	void (*entered)(const char *line, void *user);
	/* Something was typed into the line, which is this now. */
	void (*changed)(const char *line, void *user);
	/* Ctrl-C or Ctrl-D, or the terminal is gone. */
	void (*left)(void *user);
	/* The line has no room for what was typed or pasted. */
	void (*full)(void *user);
	/* What Tab puts in behind `typed`, which is what stands before the cursor. It may print. */
	void (*complete)(const char *typed, struct buffer *insert, void *user);
	void *user;
};

/* Whether stdin and stdout are a terminal that can move its cursor. */
bool chat_terminal_is_possible(void);

/* Takes the terminal over. What is typed is kept in the file at `history_path`. The uses are
 * copied. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err chat_terminal_create(struct net_loop *loop, const char *history_path,
	const struct chat_terminal_uses *uses, struct chat_terminal **ret_terminal);
/* Gives the terminal back as it was. Accepts NULL. */
void chat_terminal_destroy(struct chat_terminal *terminal);

/* What stands before the line; it is made harmless, and cut. */
#define CHAT_PROMPT_MAX (NAME_TEXT_MAX + 16)
void chat_terminal_prompt(struct chat_terminal *terminal, const char *prompt);

size_t chat_terminal_columns(const struct chat_terminal *terminal);

/* Prints whole lines above the line. They go to the terminal as they are. Returns where the first
 * of them is, for chat_terminal_mark(). */
size_t chat_terminal_print(struct chat_terminal *terminal, struct bytes lines);
/* Writes over the beginning of a line that was printed, if it is still on the screen. */
bool chat_terminal_mark(
	struct chat_terminal *terminal, size_t where, size_t column, const char *text);

#endif
