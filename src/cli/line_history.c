#include "cli/line_history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/text.h"

/* The file is written anew when it has become longer than this; what is read of a longer one is its
 * end. */
#define FILE_BYTES_MAX (4 * CLI_TYPED_BYTES_MAX)

static void forget_oldest(struct line_history *history)
{
	history->bytes -= strlen(history->lines[0]);
	free(history->lines[0]);
	history->count--;
	memmove(history->lines, history->lines + 1, history->count * sizeof(history->lines[0]));
}

/* False: there is nothing to remember in it. */
static bool remember(struct line_history *history, struct bytes line)
{
	const char *last = line_history_get(history, 1);
	if (line.size == 0 || line.size > CLI_TYPED_BYTES_MAX || !utf8_is_valid(line) ||
		(last && bytes_equal(bytes_of_text(last), line)))
		return false;
	char *copy = text_duplicate_bytes(line);
	if (!copy)
		return false;
	while (history->count == CLI_TYPED_LINES_MAX ||
		(history->count > 0 && history->bytes + line.size > CLI_TYPED_BYTES_MAX))
		forget_oldest(history);
	history->lines[history->count++] = copy;
	history->bytes += line.size;
	return true;
}

/* ---- The file ---- */

static enum err escape(struct buffer *out, const char *line)
{
	enum err err = ERR_OK;
	for (; *line && !err; line++) {
		if (*line == '\n')
			err = buffer_append_text(out, "\\n");
		else if (*line == '\\')
			err = buffer_append_text(out, "\\\\");
		else
			err = buffer_append(out, bytes_of(line, 1));
	}
	return err ? err : buffer_append_text(out, "\n");
}

/* In place; returns the new size. */
static size_t unescape(uint8_t *line, size_t size)
{
	size_t kept = 0;
	for (size_t at = 0; at < size; at++) {
		bool escaped = line[at] == '\\' && at + 1 < size;
		at += escaped;
		line[kept++] = escaped && line[at] == 'n' ? '\n' : line[at];
	}
	return kept;
}

static void read_lines(struct line_history *history, uint8_t *text, size_t size, bool from_middle)
{
	uint8_t *end, *at = text;
	for (; (end = memchr(at, '\n', size - (size_t)(at - text))); at = end + 1) {
		if (!from_middle)
			remember(history, bytes_of(at, unescape(at, (size_t)(end - at))));
		from_middle = false;
	}
}

static bool read_file(struct line_history *history)
{
	struct stat stat;
	struct buffer text = buffer_with_max(FILE_BYTES_MAX);
	bool fine = fstat(history->fd, &stat) == 0;
	off_t from = fine && stat.st_size > FILE_BYTES_MAX ? stat.st_size - FILE_BYTES_MAX : 0;
	fine = fine && buffer_reserve(&text, FILE_BYTES_MAX) == ERR_OK;
	while (fine && text.size < FILE_BYTES_MAX) {
		ssize_t size = pread(history->fd, text.data + text.size, FILE_BYTES_MAX - text.size,
			from + (off_t)text.size);
		fine = size >= 0;
		if (size <= 0)
			break;
		text.size += (size_t)size;
	}
	if (fine && text.size > 0)
		read_lines(history, text.data, text.size, from > 0);
	buffer_deinit(&text);
	return fine;
}

/* What one cannot write is not kept: nobody has to hear of it while typing. */
static void write_all(int fd, struct bytes text)
{
	while (text.size > 0) {
		ssize_t size = write(fd, text.data, text.size);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			return;
		text = bytes_slice(text, (size_t)size, text.size - (size_t)size);
	}
}

static void append(struct line_history *history, const char *line)
{
	struct stat stat;
	struct buffer text = buffer_with_max(FILE_BYTES_MAX);
	if (flock(history->fd, LOCK_EX) != 0)
		return;
	enum err err = escape(&text, line);
	bool long_file = fstat(history->fd, &stat) == 0 && stat.st_size >= FILE_BYTES_MAX;
	if (long_file) {
		buffer_clear(&text);
		for (size_t i = 0; i < history->count && !err; i++)
			err = escape(&text, history->lines[i]);
	}
	if (!err && (!long_file || ftruncate(history->fd, 0) == 0))
		write_all(history->fd, buffer_bytes(&text));
	flock(history->fd, LOCK_UN);
	buffer_deinit(&text);
}

/* ---- For others ---- */

bool line_history_open(struct line_history *history, const char *path)
{
	*history = (struct line_history){.fd = -1};
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	history->fd = fd;
	if (fchmod(fd, 0600) == 0 && read_file(history))
		return true;
	history->fd = -1;
	close(fd);
	return false;
}

void line_history_close(struct line_history *history)
{
	while (history->count > 0)
		free(history->lines[--history->count]);
	history->bytes = 0;
	if (history->fd >= 0)
		close(history->fd);
	history->fd = -1;
}

void line_history_add(struct line_history *history, const char *line)
{
	if (remember(history, bytes_of_text(line)) && history->fd >= 0)
		append(history, line);
}

const char *line_history_get(const struct line_history *history, size_t back)
{
	return back > 0 && back <= history->count ? history->lines[history->count - back] : NULL;
}
