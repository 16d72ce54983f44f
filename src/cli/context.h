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

/* {"context":{…}} of the local API, which the caller owns. */
MUST_CHECK int context_own_fetch(const struct cli *cli, json_t **ret_answer);
int context_own_show(const struct cli *cli);
int context_own_set(const struct cli *cli);
int context_own_delete(const struct cli *cli);
int context_own_import(const struct cli *cli);
int context_own_edit(const struct cli *cli);

/* ---- ask_context.c ---- */

/* The fields at these keys, with commas between them: an object with a member for each, which the
 * caller owns. */
MUST_CHECK int context_own_pick(const struct cli *cli, const char *keys, json_t **ret_picked);

#endif
