/* Names of files that peers offer. What a peer writes becomes a name in a directory of ours, so it
 * is one name and nothing else: no way to another directory, nothing hidden, nothing that a
 * terminal or another system takes for something special. */
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
/* "name.ext" for 0, "name (1).ext" for 1; false when it does not fit. */
bool file_name_numbered(const char *name, unsigned number, char *to, size_t capacity);

#endif
