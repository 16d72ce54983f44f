/* A small text file that its owner may edit while the node runs: read again when it changed. */
#ifndef NODE_WATCHED_FILE_H
#define NODE_WATCHED_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/buffer.h"
#include "node/fault.h"

struct watched_file {
	char *path;
	bool looked; /* at least once */
	bool exists; /* and the rest describes what was there */
	struct timespec modified, changed;
	off_t size;
	ino_t inode;
};

/* Copies the path. ERR_NOMEM. */
MUST_CHECK enum err watched_file_init(struct watched_file *file, const char *path);
/* Accepts a zeroed one. */
void watched_file_deinit(struct watched_file *file);

/* Whether the file is another than at the last look, and what is in it then: appended to
 * `ret_text`, whose maximum counts; a file that does not exist is empty. What failed once is not
 * tried again before the file changes. ERR_TOO_LARGE, ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err watched_file_read(struct watched_file *file, struct buffer *ret_text,
	bool *ret_changed, struct fault *ret_fault);

/* The same without watching; ERR_NOT_FOUND when there is no such file. */
MUST_CHECK enum err text_file_read(
	const char *path, struct buffer *ret_text, struct fault *ret_fault);

/* Replaces the file as a whole: afterwards it is the old one or the new one, whatever happens. Its
 * mode is 0600; where it is a symbolic link, what that points to is replaced. ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err text_file_write(const char *path, struct bytes text, struct fault *ret_fault);

#endif
