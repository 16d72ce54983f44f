#include "cli/path_complete.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/safe.h"
#include "base/text.h"
#include "cli/limits.h"

/* How far both are the same, in whole characters. */
static size_t common_size(struct bytes a, struct bytes b)
{
	size_t size = 0;
	while (size < a.size && size < b.size && a.data[size] == b.data[size])
		size++;
	while (size > 0 && size < a.size && (a.data[size] & 0xc0) == 0x80)
		size--;
	return size;
}

enum err candidates_add(struct candidates *candidates, const char *word)
{
	struct buffer *common = &candidates->common;
	enum err err = ERR_OK;
	if (candidates->count++ == 0) {
		err = buffer_append_text(common, word);
	} else {
		common->size = common_size(buffer_bytes(common), bytes_of_text(word));
		common->data[common->size] = 0;
	}
	if (!err && candidates->count <= CLI_CANDIDATES_MAX)
		err = buffer_append_format(
			candidates->shown, "%s%s", candidates->count > 1 ? "  " : "", word);
	return err;
}

bool path_expand(const char *path, char *ret_path, size_t capacity)
{
	const char *home = getenv("HOME");
	bool is_home = home && path[0] == '~' && (path[1] == '/' || path[1] == 0);
	int size = snprintf(
		ret_path, capacity, "%s%s", is_home ? home : "", is_home ? path + 1 : path);
	return size >= 0 && (size_t)size < capacity;
}

static bool is_harmless(const char *name)
{
	size_t size;
	if (!utf8_is_valid(bytes_of_text(name)))
		return false;
	for (; *name; name += size)
		if (text_harmless(name, &size, false) != name)
			return false;
	return true;
}

static bool is_folder(int folder, const struct dirent *entry)
{
	struct stat stat;
	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(folder, entry->d_name, &stat, 0) == 0 && S_ISDIR(stat.st_mode);
}

static enum err add_name(
	int folder, const struct dirent *entry, const char *begin, struct candidates *candidates)
{
	char name[sizeof(entry->d_name) + 1];
	bool hidden = entry->d_name[0] == '.' && begin[0] != '.';
	bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (hidden || dots || !text_starts_with(entry->d_name, begin) ||
		!is_harmless(entry->d_name))
		return ERR_OK;
	snprintf(name, sizeof(name), "%s%s", entry->d_name, is_folder(folder, entry) ? "/" : "");
	return candidates_add(candidates, name);
}

enum err path_candidates(const char *path, struct candidates *candidates)
{
	char folder_path[CLI_PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!path_expand(path, folder_path, sizeof(folder_path)))
		return ERR_OK;
	char *end = strrchr(folder_path, '/');
	if (slash && end)
		end[1] = 0;
	struct dirent **entries;
	const char *name = slash ? folder_path : ".", *begin = slash ? slash + 1 : path;
	int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = folder < 0 ? 0 : scandir(name, &entries, NULL, alphasort);
	enum err err = ERR_OK;
	for (int i = 0; i < count; i++) {
		if (!err)
			err = add_name(folder, entries[i], begin, candidates);
		free(entries[i]);
	}
	if (count > 0)
		free(entries);
	if (folder >= 0)
		close(folder);
	return err;
}
