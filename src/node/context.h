/* The personal context of a node's owner, `$DPC_HOME/context.json`: any JSON object, of which peers
 * are shown the leaves that the access rules allow them.
 *
 * A leaf is everything that is no object, and an empty object; an array is a leaf as a whole. The
 * path of a leaf for the rules is "context." and its keys joined by dots. A member whose name holds
 * a dot or an asterisk, or is empty, has no path and is never shown. Nothing leaks about what is
 * not allowed: a key of which no leaf may be seen is `denied` whether it exists or not. A key that
 * the rules allow and that has no value is in neither: the asker may know that it is not set. In
 * the same way, whether the user has to be asked about a key is said by the rules alone. */
#ifndef NODE_CONTEXT_H
#define NODE_CONTEXT_H

#include <jansson.h>

#include "base/err.h"
#include "node/access.h"
#include "node/fault.h"
#include "node/limits.h"

struct context;

/* The file need not exist: then the context is empty. The path is copied. If the file is ill-formed
 * that is reported (ERR_MALFORMED, ERR_TOO_LARGE, ERR_IO), and *ret_context is made all the same,
 * empty until the file is mended. Only ERR_NOMEM makes none. */
MUST_CHECK enum err context_open(
	const char *path, struct context **ret_context, struct fault *ret_fault);
/* Reads the file again if it changed; to be called on each request. On failure the old contents
 * stay, and the same file is not complained about twice. */
MUST_CHECK enum err context_refresh(struct context *context, struct fault *ret_fault);
/* What is wrong with the file as it is now, "" for nothing: the contents in use are older. */
const char *context_problem(const struct context *context);
/* The same for a text: what a file of this name would hold. */
MUST_CHECK enum err context_parse(
	struct bytes text, const char *name, json_t **ret_object, struct fault *ret_fault);
const char *context_path(const struct context *context);
/* Accepts NULL. */
void context_destroy(struct context *context);

/* The whole, borrowed until the next refresh: for our own use only. */
const json_t *context_root(const struct context *context);

/* What a peer asks for: dotted paths. The path of an object stands for its leaves, and so does the
 * path with ".*" behind it; "*" stands for everything. */
struct context_request {
	const char *const *keys;
	size_t key_count;
	const bool
		*consent; /* by key: the user has allowed what the rules ask for; NULL: nothing */
};

/* ---- Changing it (context_edit.c) ---- */

/* Writes the file and uses what is in it: the object takes the place of all. The faults are for the
 * user. ERR_TOO_LARGE (its depth counts too), ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err context_replace(
	struct context *context, const json_t *object, struct fault *ret_fault);
/* Sets one key, making the objects on the way to it; what it had is gone. ERR_MALFORMED: no such
 * key can be; ERR_MISMATCH: on the way is a value that is no object; and the above. */
MUST_CHECK enum err context_set(
	struct context *context, const char *key, json_t *value, struct fault *ret_fault);
/* ERR_NOT_FOUND, and the above. */
MUST_CHECK enum err context_delete(
	struct context *context, const char *key, struct fault *ret_fault);

/* The path of a key for the rules. False for one that is not well-formed. */
bool context_key_path(const char *key, char path[ACCESS_PATH_MAX + 1]);

struct context_selection {
	json_t *allowed;                       /* an object, owned */
	const char *denied[CONTEXT_KEYS_MAX];  /* borrowed from the keys asked for */
	const char *granted[CONTEXT_KEYS_MAX]; /* keys of which something is in `allowed` */
	const char *asks[CONTEXT_KEYS_MAX];    /* keys about which the user has to be asked */
	size_t denied_count, granted_count, ask_count;
};

/* What of it the peer may see. An ill-formed key is denied. ERR_LIMIT: more than CONTEXT_KEYS_MAX
 * keys. */
MUST_CHECK enum err context_select(const struct context *context, const struct access *access,
	const struct access_peer *peer, const struct context_request *request,
	struct context_selection *ret_selection);
void context_selection_deinit(struct context_selection *selection);

#endif
