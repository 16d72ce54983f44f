/* Lines that were typed before, and the file that keeps them: one line of it each, line ends as \n
 * and backslashes doubled. The newest CLI_TYPED_LINES_MAX are held, and CLI_TYPED_BYTES_MAX of
 * them. Programs that share a file append to it one after the other. */
#ifndef CLI_LINE_HISTORY_H
#define CLI_LINE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/limits.h"

struct line_history {
	char *lines[CLI_TYPED_LINES_MAX]; /* the oldest first */
	size_t count, bytes;
	int fd; /* -1: nothing is kept */
};

/* Reads what the file holds, and makes it where there is none, for the owner alone. False with
 * errno: it cannot be used, and what is typed is kept in memory only. */
bool line_history_open(struct line_history *history, const char *path);
void line_history_close(struct line_history *history);

/* A copy, in memory and in the file; not of an empty line, and of the same twice in a row once. */
void line_history_add(struct line_history *history, const char *line);

/* The line that was added as the last but `back` - 1; NULL when there is none. */
const char *line_history_get(const struct line_history *history, size_t back);

#endif
