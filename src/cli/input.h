/* Text from stdin or a file. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "base/buffer.h"
#include "cli/cli.h"

/* All of a file, or of stdin (NULL), without its last line end; UTF-8 of at most the buffer's
 * maximum. CLI_FAILED after the line on stderr. */
MUST_CHECK int input_read(const char *path, struct buffer *text);

/* A text among the arguments, or, for "-", what is on stdin, which `typed` then holds. */
MUST_CHECK int input_argument(const char *argument, struct buffer *typed, const char **ret_text);

#endif
