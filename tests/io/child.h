/* A server in Python that a test starts: its first line says where it listens, and it ends when its
 * standard input does or by a signal. */
#ifndef CHILD_H
#define CHILD_H

#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_LINE_MAX 256
#define CHILD_ARGUMENTS_MAX 8

struct child {
	pid_t pid;
	int input;
	char line[CHILD_LINE_MAX]; /* the first that it wrote; empty: it has ended */
	FILE *log;                 /* its stderr, where that was asked for */
};

/* A pipe whose ends no other child inherits. */
static inline void child_pipe_(int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* What it writes afterwards is for nobody. */
static inline void child_read_line_(struct child *c, int output)
{
	FILE *file = fdopen(output, "r");
	assert_non_null(file);
	if (!fgets(c->line, sizeof c->line, file))
		c->line[0] = 0;
	fclose(file);
}

/* Starts the script that an environment variable names, with its arguments up to a NULL, if any,
 * and waits for its first line; `has_log`: its stderr is for the test, else it is ours. */
static inline void child_start(
	struct child *c, const char *variable, const char *const *arguments, bool has_log)
{
	int in[2], out[2], log[2];
	const char *argv[CHILD_ARGUMENTS_MAX + 3] = {"python3", getenv(variable)};
	assert_non_null(argv[1]);
	for (size_t i = 0; arguments && arguments[i]; i++) {
		assert_true(i < CHILD_ARGUMENTS_MAX);
		argv[i + 2] = arguments[i];
	}
	child_pipe_(in);
	child_pipe_(out);
	child_pipe_(log);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		if (has_log)
			dup2(log[1], STDERR_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv); /* which changes none of them */
		_exit(127);
	}
	close(in[0]), close(out[1]), close(log[1]);
	c->input = in[1];
	c->log = fdopen(log[0], "r");
	assert_non_null(c->log);
	child_read_line_(c, out[0]);
}

/* Ends it, and waits until it has; how it ended, as waitpid() says it. */
static inline int child_end(struct child *c)
{
	int status;
	close(c->input);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	fclose(c->log);
	return status;
}

#endif
