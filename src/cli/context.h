/* What the words of `dpc context` share. */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include <jansson.h>

#include "cli/cli.h"

/* The value at a dotted path; NULL when there is none. A star stands for what is there. */
const json_t *context_value(const json_t *object, const char *path);
/* "profile.name: Alice" */
void context_print(const char *key, const json_t *value);

/* ---- context_own.c: one's own ---- */

int context_own_show(const struct cli *cli);
int context_own_set(const struct cli *cli);
int context_own_delete(const struct cli *cli);
int context_own_import(const struct cli *cli);
int context_own_edit(const struct cli *cli);

#endif
