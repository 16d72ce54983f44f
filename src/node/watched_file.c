#include "node/watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum err watched_file_init(struct watched_file *file, const char *path)
{
	*file = (struct watched_file){.path = text_duplicate(path)};
	return file->path ? ERR_OK : ERR_NOMEM;
}

void watched_file_deinit(struct watched_file *file)
{
	free(file->path);
	*file = (struct watched_file){0};
}

static enum err failed(const char *path, int number, struct fault *ret_fault)
{
	fault_set(ret_fault, "cannot read '%s': %s", path, strerror(number));
	return ERR_IO;
}

static enum err read_all(int fd, const char *path, struct buffer *text, struct fault *ret_fault)
{
	for (;;) {
		size_t room = min_size(4096, text->max - text->size);
		/* When it is full, one more byte is too many. */
		uint8_t more;
		enum err err = buffer_reserve(text, room);
		if (err)
			return err;
		ssize_t size = read(fd, room ? text->data + text->size : &more, max_size(room, 1));
		if (size > 0 && room == 0) {
			fault_set(ret_fault, "'%s' is larger than %zu bytes", path, text->max);
			return ERR_TOO_LARGE;
		}
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return failed(path, errno, ret_fault);
		if (size == 0)
			return ERR_OK;
		text->size += (size_t)size;
		text->data[text->size] = 0; /* a buffer can be read as text */
	}
}

enum err text_file_read(const char *path, struct buffer *ret_text, struct fault *ret_fault)
{
	/* Not blocking, lest somebody's named pipe stops the node. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return ERR_NOT_FOUND;
	if (fd < 0)
		return failed(path, errno, ret_fault);
	enum err err = read_all(fd, path, ret_text, ret_fault);
	close(fd);
	return err;
}

static bool write_all(int fd, struct bytes text)
{
	while (text.size > 0) {
		ssize_t size = write(fd, text.data, text.size);
		if (size < 0 && errno != EINTR)
			return false;
		if (size > 0)
			text = bytes_slice(text, (size_t)size, text.size);
	}
	return fsync(fd) == 0;
}

enum err text_file_write(const char *path, struct bytes text, struct fault *ret_fault)
{
	/* What does not exist yet has no real path. */
	char *target = realpath(path, NULL);
	char *temporary = text_format("%s.new", target ? target : path);
	enum err err = ERR_OK;
	if (!temporary) {
		free(target);
		fault_set(ret_fault, "out of memory");
		return ERR_NOMEM;
	}
	/* One that was left behind by a crash may have another mode. */
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool is_written = fd >= 0 && write_all(fd, text);
	if (fd >= 0 && close(fd) != 0)
		is_written = false;
	if (!is_written || rename(temporary, target ? target : path) != 0) {
		fault_set(ret_fault, "cannot write '%s': %s", path, strerror(errno));
		unlink(temporary);
		err = ERR_IO;
	}
	free(temporary);
	free(target);
	return err;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

enum err watched_file_read(struct watched_file *file, struct buffer *ret_text, bool *ret_changed,
	struct fault *ret_fault)
{
	struct stat now = {0};
	bool exists = stat(file->path, &now) == 0;
	bool same = file->looked && file->exists == exists;
	if (same && exists)
		same = same_time(file->modified, now.st_mtim) &&
		       same_time(file->changed, now.st_ctim) && file->size == now.st_size &&
		       file->inode == now.st_ino;
	*ret_changed = !same;
	if (same)
		return ERR_OK;
	/* From before the reading: a change during it is seen the next time. */
	file->looked = true;
	file->exists = exists;
	file->modified = now.st_mtim;
	file->changed = now.st_ctim;
	file->size = now.st_size;
	file->inode = now.st_ino;
	enum err err = text_file_read(file->path, ret_text, ret_fault);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}
