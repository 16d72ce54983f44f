#include "hub/data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "hub/hub.h"

/* As `mkdir -p`, with the last one closed to others. */
static bool make_directory(const char *path)
{
	char *copy = text_duplicate(path);
	bool is_good = copy != NULL;
	for (char *c = copy + 1; is_good && *c; c++) {
		if (*c != '/')
			continue;
		*c = 0;
		is_good = mkdir(copy, 0755) == 0 || errno == EEXIST;
		*c = '/';
	}
	is_good = is_good && (mkdir(path, 0700) == 0 || errno == EEXIST);
	free(copy);
	return is_good;
}

enum err data_hold(const char *directory, char *problem, int *ret_fd)
{
	if (!make_directory(directory)) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"cannot make data directory '%s': %s; choose another with --data",
			directory, strerror(errno));
		return ERR_IO;
	}
	char *path = text_format("%s/lock", directory);
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	free(path);
	if (fd < 0) {
		snprintf(problem, HUB_PROBLEM_MAX,
			"cannot write to data directory '%s': %s; is it yours?", directory,
			strerror(errno));
		return ERR_IO;
	}
	/* The kernel lets go of it with the process, however that ends. */
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		snprintf(problem, HUB_PROBLEM_MAX,
			"a dpc-hub runs with data directory '%s'; end it first, or choose "
			"another with --data",
			directory);
		return ERR_EXISTS;
	}
	*ret_fd = fd;
	return ERR_OK;
}
