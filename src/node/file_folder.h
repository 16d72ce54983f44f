/* Folders that the user was asked about: one answer holds for all files of a folder, which are
 * offered one by one, as long as they keep coming. In memory only: after a restart the next file of
 * it is asked about again. */
#ifndef NODE_FILE_FOLDER_H
#define NODE_FILE_FOLDER_H

#include "base/bytes.h"
#include "base/usec.h"
#include "message/limits.h"
#include "node/limits.h"

struct file_folder {
	char peer[STORE_NODE_ID_MAX + 1]; /* "": none */
	char name[MESSAGE_FILE_NAME_MAX + 1];
	bool allow;
	usec until;
};

/* Zeroed there are none. */
struct file_folders {
	struct file_folder items[NODE_FILE_FOLDERS_MAX];
};

/* "trip" of "trip/day 1/a.jpg"; empty for a file that is in none. */
struct bytes file_folder_of(const char *name);
/* Whether both are files of one folder. */
bool file_folder_is_same(const char *a, const char *b);
/* The answer about a file is that about its folder, for NODE_FILE_FOLDER_TIME. The one that would
 * have been forgotten first makes way. */
void file_folders_answer(
	struct file_folders *folders, const char *peer, const char *name, bool allow, usec now);
/* Whether there is an answer for this file, which then holds for longer. While files of the folder
 * are `under_way` it holds anyway. */
bool file_folders_find(struct file_folders *folders, const char *peer, const char *name,
	bool under_way, usec now, bool *ret_allow);

#endif
