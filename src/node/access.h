/* Who may see and use what: the rules of `$DPC_HOME/access.ini`.
 *
 *     [peer:alice]                      a node id or a contact's name
 *     context.profile.name = allow      this field and all below it
 *     context.knowledge.* = allow       all below it
 *     context.profile.email = ask       the user decides each time
 *     ai.model.llama3:8b = allow
 *     file.receive = allow              files that the peer offers
 *     file.max = 100M                   and how large they may be
 *     [group:friends]
 *     members = bob, dpc-node-0123456789abcdef
 *     context.profile.* = allow
 *     [verified]                        contacts marked verified
 *     [default]                         everybody
 *
 * The kinds of section are asked in this order: peer, group, verified, default. The first kind with
 * a rule that covers the path decides; in it the rule with the most segments wins (".*" counts as
 * none), and of several such ones the strictest: deny before ask before allow. `file.max` is no
 * path but a number, of which the first kind of section that has one decides. Without any rule the
 * answer is deny, and for `file` it is ask. Paths are compared segment by segment, case and all; a
 * path that is not well-formed is denied. The first segment is the subject: a rule about an unknown
 * one is an error. A file with an error is refused as a whole. */
#ifndef NODE_ACCESS_H
#define NODE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/err.h"
#include "node/fault.h"
#include "node/limits.h"

struct access;

/* Who asks. The link has proved the node id; name and mark are our own contact's. */
struct access_peer {
	const char *node_id;
	const char *name; /* NULL: no contact */
	bool verified;
};

/* From the strictest on. */
enum access_action {
	ACCESS_DENY,
	ACCESS_ASK,
	ACCESS_ALLOW,
};

/* What was decided, and by which line. */
struct access_verdict {
	enum access_action action;
	unsigned line; /* of the file; 0: no rule covers the path */
	char section[STORE_NAME_MAX + 16];
	char rule[ACCESS_PATH_MAX + 1]; /* the path of the rule as written, or "" */
};

/* Rules from a file, which need not exist: then nothing is allowed. The path is copied. If the file
 * is ill-formed that is reported (ERR_MALFORMED, ERR_TOO_LARGE, ERR_IO; the fault names file and
 * line), *ret_access is made all the same, and denies everything until the file is mended. Only
 * ERR_NOMEM makes none. */
MUST_CHECK enum err access_open(
	const char *path, struct access **ret_access, struct fault *ret_fault);
/* Reads the file again if it changed. On failure the rules that were in force stay in force, and
 * the same file is not complained about twice: the next call returns ERR_OK until it changes. */
MUST_CHECK enum err access_refresh(struct access *access, struct fault *ret_fault);
/* What is wrong with the file as it is now, "" for nothing: the rules in force are older. */
const char *access_problem(const struct access *access);
/* Rules from memory; `name` stands for the file in faults. ERR_MALFORMED, ERR_TOO_LARGE, ERR_LIMIT.
 */
MUST_CHECK enum err access_parse(
	struct bytes text, const char *name, struct access **ret_access, struct fault *ret_fault);
/* Remembers the user's answer for one peer: in the file itself, where a person finds it. Afterwards
 * nothing at the paths and below them is asked for any more, and all else is decided as before.
 * ERR_STATE: the file is broken; ERR_UNSUPPORTED, ERR_LIMIT: rules cannot say it, or not briefly;
 * ERR_TOO_LARGE, ERR_IO, ERR_NOMEM. */
MUST_CHECK enum err access_remember(struct access *access, const struct access_peer *peer,
	const char *const *paths, size_t count, bool allow, struct fault *ret_fault);
/* Accepts NULL. */
void access_destroy(struct access *access);

/* Whether the peer may use the path ("context.profile.name", "ai.model.llama3"). `ret_verdict` may
 * be NULL. */
enum access_action access_decide(const struct access *access, const struct access_peer *peer,
	const char *path, struct access_verdict *ret_verdict);
/* Whether the user has to be asked about the path or anything that can be below it. */
bool access_asks(const struct access *access, const struct access_peer *peer, const char *path);
/* Whether all that can be below the path is decided alike, and how. */
bool access_decides_below(const struct access *access, const struct access_peer *peer,
	const char *path, enum access_action *ret_action);
/* Names joined by dots, the first of them a subject that rules can be about. */
bool access_path_is_valid(const char *path);
/* "deny", "ask", "allow". */
const char *access_action_name(enum access_action action);

/* Bytes of the largest file that the peer may offer; 0: no rule says so. */
uint64_t access_file_max(const struct access *access, const struct access_peer *peer);
/* The path of an AI model, "ai.model.MODEL". False: it is too long for one. */
bool access_model_path(const char *model, char path[ACCESS_PATH_MAX + 1]);
/* Whether the peer may use this AI model. */
enum access_action access_decide_model(
	const struct access *access, const struct access_peer *peer, const char *model);

#endif
