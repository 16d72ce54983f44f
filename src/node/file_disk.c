#include "node/file_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "node/file_name.h"

static enum err failed(struct fault *fault, const char *what, const char *path)
{
	int error = errno;
	fault_set(fault, "cannot %s '%s': %s", what, path, strerror(error));
	return error == ENOSPC || error == EDQUOT || error == EFBIG ? ERR_LIMIT : ERR_IO;
}

enum err file_disk_part_path(const char *directory, const char *name, int64_t number,
	char path[FILE_DISK_PATH_MAX], struct fault *ret_fault)
{
	int size = snprintf(path, FILE_DISK_PATH_MAX, "%s/%s.%" PRId64 ".part", directory,
		file_path_name(name), number);
	if (size < 0 || size >= FILE_DISK_PATH_MAX) {
		fault_set(ret_fault, "the path of '%s' is too long", name);
		return ERR_TOO_LARGE;
	}
	if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
		(void)failed(ret_fault, "make the directory", directory);
		return ERR_IO;
	}
	return ERR_OK;
}

static enum err failed_to_write(struct fault *fault)
{
	int error = errno;
	if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
		fault_set(fault, "the disk is full");
		return ERR_LIMIT;
	}
	fault_set(fault, "cannot write: %s", strerror(error));
	return ERR_IO;
}

static bool has_room(int fd, uint64_t size)
{
	struct statvfs info;
	if (fstatvfs(fd, &info) != 0)
		return true;
	uint64_t unit = info.f_frsize, blocks = info.f_bavail;
	return unit == 0 || blocks >= (size + FILE_DISK_RESERVE) / unit + 1;
}

enum err file_disk_open_part(
	const char *path, uint64_t size, int *ret_fd, uint64_t *ret_have, struct fault *ret_fault)
{
	struct stat info;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(ret_fault, "open", path);
	enum err err = ERR_IO;
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		fault_set(ret_fault, "'%s' is no file", path);
		goto fail;
	}
	uint64_t have = (uint64_t)info.st_size;
	err = ERR_LIMIT;
	if (have < size && !has_room(fd, size - have)) {
		fault_set(ret_fault, "the disk has no room for a file of %" PRIu64 " bytes", size);
		goto fail;
	}
	*ret_fd = fd;
	*ret_have = have;
	return ERR_OK;

fail:
	close(fd);
	return err;
}

enum err file_disk_write(int fd, uint64_t offset, struct bytes b, struct fault *ret_fault)
{
	while (b.size > 0) {
		ssize_t size = pwrite(fd, b.data, b.size, (off_t)offset);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return failed_to_write(ret_fault);
		offset += (uint64_t)size;
		b = bytes_slice(b, (size_t)size, b.size);
	}
	return ERR_OK;
}

enum err file_disk_read(
	int fd, uint64_t offset, uint8_t *data, size_t size, struct fault *ret_fault)
{
	while (size > 0) {
		ssize_t got = pread(fd, data, size, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			fault_set(ret_fault, "cannot read the file: %s",
				got < 0 ? strerror(errno) : "it has become shorter");
			return ERR_IO;
		}
		offset += (uint64_t)got;
		data += got;
		size -= (size_t)got;
	}
	return ERR_OK;
}

void file_disk_push(int fd, uint64_t offset, uint64_t size)
{
	(void)sync_file_range(fd, (off_t)offset, (off_t)size, SYNC_FILE_RANGE_WRITE);
}

/* Where a file system has no hard links, the name is taken by an empty file first. */
static int move(const char *part, const char *path)
{
	if (link(part, path) == 0)
		return unlink(part);
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK)
		return -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return rename(part, path);
}

static void sync_directory(const char *path, size_t size)
{
	char directory[FILE_DISK_PATH_MAX];
	memcpy(directory, path, size);
	directory[size] = 0;
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/* The folders on the way to the name, in the directory of the first `size` bytes of `part`. */
static enum err make_folders(
	const char *part, size_t size, const char *name, struct fault *ret_fault)
{
	char path[FILE_DISK_PATH_MAX];
	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		int length = snprintf(
			path, sizeof path, "%.*s/%.*s", (int)size, part, (int)(slash - name), name);
		if (length < 0 || (size_t)length >= sizeof path) {
			fault_set(ret_fault, "the path of '%s' is too long", name);
			return ERR_TOO_LARGE;
		}
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return failed(ret_fault, "make the directory", path);
	}
	return ERR_OK;
}

enum err file_disk_place(int fd, const char *part, const char *name,
	char ret_path[FILE_DISK_PATH_MAX], struct fault *ret_fault)
{
	char numbered[FILE_NAME_MAX + 16], path[FILE_DISK_PATH_MAX];
	const char *slash = strrchr(part, '/');
	CHECK(slash != NULL);
	size_t directory = (size_t)(slash - part);
	const char *last = file_path_name(name);
	if (fsync(fd) != 0)
		return failed(ret_fault, "write", part);
	enum err err = make_folders(part, directory, name, ret_fault);
	if (err)
		return err;
	for (unsigned number = 0; number <= FILE_NAME_NUMBER_MAX; number++) {
		if (!file_name_numbered(last, number, numbered, sizeof numbered))
			break;
		int size = snprintf(path, sizeof path, "%.*s/%.*s%s", (int)directory, part,
			(int)(last - name), name, numbered);
		if (size < 0 || (size_t)size >= sizeof path)
			break;
		if (move(part, path) == 0) {
			sync_directory(part, directory);
			sync_directory(path, (size_t)(strrchr(path, '/') - path));
			memcpy(ret_path, path, (size_t)size + 1);
			return ERR_OK;
		}
		if (errno != EEXIST)
			return failed(ret_fault, "make", path);
	}
	fault_set(ret_fault, "every name like '%s' is taken", name);
	return ERR_EXISTS;
}
