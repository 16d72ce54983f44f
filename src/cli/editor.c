#include "cli/editor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/input.h"

static bool write_copy(const char *text, char *path)
{
	const char *directory = getenv("TMPDIR");
	int length = snprintf(path, CLI_PATH_MAX, "%s/dpc-XXXXXX.json",
		directory && *directory ? directory : "/tmp");
	int fd = length > 0 && length < CLI_PATH_MAX ? mkstemps(path, (int)strlen(".json")) : -1;
	FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
	if (!file)
		return false;
	bool is_written = fprintf(file, "%s\n", text) > 0;
	return fclose(file) == 0 && is_written;
}

/* The variable may hold arguments too, so a shell reads it. */
static int run(const char *path)
{
	static char script[] = "${VISUAL:-${EDITOR:-vi}} \"$1\"", name[] = "dpc", shell[] = "sh",
		    option[] = "-c";
	char file[CLI_PATH_MAX];
	snprintf(file, sizeof(file), "%s", path);
	char *const words[] = {shell, option, script, name, file, NULL};
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		execv("/bin/sh", words);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int editor_run(const char *text, char *path, struct buffer *ret_text)
{
	if (!write_copy(text, path))
		return cli_fail("cannot write a file for the editor: %s", strerror(errno));
	int status = run(path);
	if (status != 0) {
		editor_forget(path);
		return cli_fail(status == 127 ? "there is no editor: set EDITOR"
					      : "the editor failed; nothing was changed");
	}
	return input_read(path, ret_text);
}

void editor_forget(const char *path)
{
	unlink(path);
}
