/* Completion of paths of files. */
#ifndef CLI_PATH_COMPLETE_H
#define CLI_PATH_COMPLETE_H

#include "base/buffer.h"

/* Words that begin in the same way, and how far they go on in the same way. Zeroed but for the
 * buffers' maxima, it has none. */
struct candidates {
	size_t count;
	struct buffer common; /* of all of them */
	struct buffer *shown; /* borrowed: all of them on one line, as far as there is room */
};
MUST_CHECK enum err candidates_add(struct candidates *candidates, const char *word);

/* "~/" at the beginning of a path becomes the user's home. False: it does not fit. */
bool path_expand(const char *path, char *ret_path, size_t capacity);

/* The names in a folder that begin as the path's last part, folders with a slash behind them; in
 * order. Those with control characters in them, or that are no UTF-8, are left out. */
MUST_CHECK enum err path_candidates(const char *path, struct candidates *candidates);

#endif
