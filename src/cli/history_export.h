/* The whole history as a file of JSON (docs/history.md). */
#ifndef CLI_HISTORY_EXPORT_H
#define CLI_HISTORY_EXPORT_H

#include "cli/cli.h"

/* Of one peer, or of all (NULL), into a file, or to stdout ("-"). Returns the exit status. */
int history_export(const struct cli *cli, const char *peer, const char *file);

#endif
