/* What is to be sent: files, and those of folders with all below them. */
#ifndef CLI_FILE_TREE_H
#define CLI_FILE_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/limits.h"

struct file_tree_entry {
	char *path; /* absolute */
	char *name; /* as the peer sees it: from the folder's own name on */
};

struct file_tree {
	struct file_tree_entry *entries;
	size_t count, capacity;
	size_t left_out; /* symbolic links, and what is neither file nor folder */
};

/* Adds a file, or all files below a folder, in the order of their names. `name` in place of its own
 * one, or NULL. Symbolic links are not followed, but for `path` itself. False: there is a line in
 * `problem`, of CLI_PROBLEM_MAX. */
bool file_tree_add(struct file_tree *tree, const char *path, const char *name, char *problem);
/* Accepts a zeroed one. */
void file_tree_deinit(struct file_tree *tree);

#endif
