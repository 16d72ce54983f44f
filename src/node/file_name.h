/* Names of files that peers offer. What a peer writes becomes a name in a directory of ours, so it
 * is one name and nothing else, or several with slashes between them, for a file in a folder: no
 * way to another directory, nothing hidden, nothing that a terminal or another system takes for
 * something special. */
#ifndef NODE_FILE_NAME_H
#define NODE_FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "message/limits.h"

/* A few bytes less than file systems take: " (99)" and ".part" go behind it. */
#define FILE_NAME_MAX 240
/* How often another number is tried where the name is taken. */
#define FILE_NAME_NUMBER_MAX 999

/* NULL, or what is wrong with the name, in words that follow it. */
const char *file_name_problem(const char *name);
/* The same of the way to a file in a folder: such names, with slashes between them. */
#define FILE_PATH_NAMES_MAX 16
const char *file_path_problem(const char *path);
/* The last of them. */
const char *file_path_name(const char *path);
/* "name.ext" for 0, "name (1).ext" for 1; false when it does not fit. */
bool file_name_numbered(const char *name, unsigned number, char *to, size_t capacity);

#endif
