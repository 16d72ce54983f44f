#include "node/file_folder.h"

#include <string.h>

#include "base/text.h"

struct bytes file_folder_of(const char *name)
{
	const char *slash = strchr(name, '/');
	return bytes_of(name, slash ? (size_t)(slash - name) : 0);
}

bool file_folder_is_same(const char *a, const char *b)
{
	struct bytes folder = file_folder_of(a);
	return folder.size > 0 && bytes_equal(folder, file_folder_of(b));
}

static struct file_folder *find(struct file_folders *folders, const char *peer, struct bytes folder)
{
	for (size_t i = 0; i < NODE_FILE_FOLDERS_MAX; i++) {
		struct file_folder *item = &folders->items[i];
		if (strcmp(item->peer, peer) == 0 && bytes_equal_text(folder, item->name))
			return item;
	}
	return NULL;
}

static struct file_folder *find_place(struct file_folders *folders)
{
	struct file_folder *place = &folders->items[0];
	for (size_t i = 1; i < NODE_FILE_FOLDERS_MAX; i++) {
		if (folders->items[i].until < place->until)
			place = &folders->items[i];
	}
	return place;
}

void file_folders_answer(
	struct file_folders *folders, const char *peer, const char *name, bool allow, usec now)
{
	struct bytes folder = file_folder_of(name);
	if (folder.size == 0)
		return;
	struct file_folder *item = find(folders, peer, folder);
	item = item ? item : find_place(folders);
	*item = (struct file_folder){.allow = allow, .until = now + NODE_FILE_FOLDER_TIME};
	CHECK(text_copy(item->peer, sizeof(item->peer), peer));
	CHECK(text_copy_bytes(item->name, sizeof(item->name), folder));
}

bool file_folders_find(struct file_folders *folders, const char *peer, const char *name,
	bool under_way, usec now, bool *ret_allow)
{
	struct bytes folder = file_folder_of(name);
	struct file_folder *item = folder.size > 0 ? find(folders, peer, folder) : NULL;
	if (!item || (now >= item->until && !under_way))
		return false;
	item->until = now + NODE_FILE_FOLDER_TIME;
	*ret_allow = item->allow;
	return true;
}
