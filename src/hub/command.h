/* What `dpc-hub` does besides running a hub: a file each. */
#ifndef HUB_COMMAND_H
#define HUB_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "hub/config.h"

/* Exit statuses. */
enum command_status {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 2,
};

/* Options of `dpc-hub admin`. */
struct admin_options {
	bool json;
	bool connected;     /* nodes: only those that are */
	bool now;           /* rotate-key: the old keys count no more */
	const char *reason; /* ban; or NULL */
};

/* The words behind the command. Each says on stderr, in one line, why it fails. */
int command_backup(const struct config *config, char **words, size_t count);
int command_restore(const struct config *config, char **words, size_t count);
int command_admin(const struct config *config, const struct admin_options *options, char **words,
	size_t count);

#endif
