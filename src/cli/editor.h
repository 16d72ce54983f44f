/* A text in the user's editor. */
#ifndef CLI_EDITOR_H
#define CLI_EDITOR_H

#include "base/buffer.h"
#include "cli/cli.h"

/* Has $VISUAL, $EDITOR or vi edit a copy of the text in a file of its own, whose path is in `path`
 * (CLI_PATH_MAX) and which stays until editor_forget(). CLI_FAILED after the line on stderr. */
MUST_CHECK int editor_run(const char *text, char *path, struct buffer *ret_text);
void editor_forget(const char *path);

#endif
