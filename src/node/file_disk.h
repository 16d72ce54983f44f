/* Files that come, on disk: "NAME.NUMBER.part" in the directory for downloads, until they are whole
 * and get their name, which is never that of a file that is there. */
#ifndef NODE_FILE_DISK_H
#define NODE_FILE_DISK_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "node/fault.h"

/* What stays free beside a file that is taken: a node must be able to go on writing its database.
 */
#define FILE_DISK_RESERVE ((uint64_t)16 * 1024 * 1024)
/* Room for a path of the calls below. */
#define FILE_DISK_PATH_MAX 4096

/* Where a file of this name is written, "DIRECTORY/NAME.NUMBER.part"; makes the directory. The
 * fault says what is wrong. ERR_IO, ERR_TOO_LARGE (the path). */
MUST_CHECK enum err file_disk_part_path(const char *directory, const char *name, int64_t number,
	char path[FILE_DISK_PATH_MAX], struct fault *ret_fault);
/* Opens it, or makes it: for its owner alone. ERR_IO; ERR_LIMIT: not `size` bytes more are free. */
MUST_CHECK enum err file_disk_open_part(
	const char *path, uint64_t size, int *ret_fd, uint64_t *ret_have, struct fault *ret_fault);
/* Writes all of it. ERR_LIMIT: the disk is full; ERR_IO. */
MUST_CHECK enum err file_disk_write(
	int fd, uint64_t offset, struct bytes b, struct fault *ret_fault);
/* Reads until the buffer is full. ERR_IO, also when the file has ended before. */
MUST_CHECK enum err file_disk_read(
	int fd, uint64_t offset, uint8_t *data, size_t size, struct fault *ret_fault);
/* Lets the disk begin with what was written, so that less is left when all of it must be there. */
void file_disk_push(int fd, uint64_t offset, uint64_t size);
/* The file is whole: puts it on disk and gives it its name, in the directory where it is, in the
 * folders that the name has, which are made, or the first of "name (1).ext" and so on that is free.
 * ERR_EXISTS: none is; ERR_IO. */
MUST_CHECK enum err file_disk_place(int fd, const char *part, const char *name,
	char ret_path[FILE_DISK_PATH_MAX], struct fault *ret_fault);

#endif
