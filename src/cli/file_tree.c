#include "cli/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

static bool fail(char *problem, const char *path, const char *why)
{
	snprintf(problem, CLI_PROBLEM_MAX, "cannot send '%.200s': %.200s", path, why);
	return false;
}

static bool add_file(struct file_tree *tree, const char *path, const char *name, char *problem)
{
	if (tree->count >= CLI_FILES_MAX)
		return fail(problem, path, "these are too many files; pack them first");
	if (tree->count == tree->capacity) {
		size_t capacity = tree->capacity ? 2 * tree->capacity : 16;
		struct file_tree_entry *entries =
			realloc(tree->entries, capacity * sizeof(*entries));
		if (!entries)
			return fail(problem, path, "out of memory");
		tree->entries = entries;
		tree->capacity = capacity;
	}
	struct file_tree_entry entry = {.path = text_duplicate(path), .name = text_duplicate(name)};
	if (!entry.path || !entry.name) {
		free(entry.path);
		free(entry.name);
		return fail(problem, path, "out of memory");
	}
	tree->entries[tree->count++] = entry;
	return true;
}

static bool add_folder(
	struct file_tree *tree, const char *path, const char *name, size_t depth, char *problem);

static bool add_child(
	struct file_tree *tree, const char *path, const char *name, size_t depth, char *problem)
{
	struct stat info;
	if (lstat(path, &info) != 0)
		return fail(problem, path, strerror(errno));
	if (S_ISDIR(info.st_mode))
		return add_folder(tree, path, name, depth + 1, problem);
	if (S_ISREG(info.st_mode))
		return add_file(tree, path, name, problem);
	tree->left_out++;
	return true;
}

static int is_child(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool add_folder(
	struct file_tree *tree, const char *path, const char *name, size_t depth, char *problem)
{
	struct dirent **children;
	bool good = true;
	if (depth > CLI_FOLDERS_MAX)
		return fail(problem, path, "there are too many folders in each other");
	int count = scandir(path, &children, is_child, alphasort);
	if (count < 0)
		return fail(problem, path, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *child = text_format("%s/%s", path, children[i]->d_name);
		char *shown = text_format("%s/%s", name, children[i]->d_name);
		if (good && (!child || !shown))
			good = fail(problem, path, "out of memory");
		if (good)
			good = add_child(tree, child, shown, depth, problem);
		free(child);
		free(shown);
		free(children[i]);
	}
	free(children);
	return good;
}

bool file_tree_add(struct file_tree *tree, const char *path, const char *name, char *problem)
{
	char absolute[PATH_MAX];
	struct stat info;
	if (!realpath(path, absolute) || stat(absolute, &info) != 0)
		return fail(problem, path, strerror(errno));
	/* The name that was typed, not that of what a link points to, unless it says nothing. */
	const char *own = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (!*own || own[0] == '.')
		own = strrchr(absolute, '/') + 1;
	name = name ? name : own;
	if (S_ISDIR(info.st_mode))
		return add_folder(tree, absolute, name, 1, problem);
	if (S_ISREG(info.st_mode))
		return add_file(tree, absolute, name, problem);
	return fail(problem, path, "it is no file");
}

void file_tree_deinit(struct file_tree *tree)
{
	for (size_t i = 0; i < tree->count; i++) {
		free(tree->entries[i].path);
		free(tree->entries[i].name);
	}
	free(tree->entries);
	*tree = (struct file_tree){0};
}
