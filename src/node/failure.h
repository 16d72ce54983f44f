/* Why something that was asked for did not happen: a stable code with its HTTP status, and the one
 * line that a person sees (docs/local-api.md). */
#ifndef NODE_FAILURE_H
#define NODE_FAILURE_H

#include "base/err.h"
#include "node/fault.h"

/* clang-format off */
#define FAILURE_LIST(X)                                                                            \
	X(NONE,           "ok",             200)                                                    \
	X(TOKEN,          "token",          401)                                                    \
	X(HOST,           "host",           403)                                                    \
	X(ORIGIN,         "origin",         403)                                                    \
	X(MALFORMED,      "malformed",      400)                                                    \
	X(DENIED,         "denied",         403)                                                    \
	X(BLOCKED,        "blocked",        403)                                                    \
	X(KEY_CHANGED,    "key_changed",    403)                                                    \
	X(UNTRUSTED,      "untrusted",      403)                                                    \
	X(UNKNOWN_PEER,   "unknown_peer",   404)                                                    \
	X(NOT_FOUND,      "not_found",      404)                                                    \
	X(AMBIGUOUS_PEER, "ambiguous_peer", 409)                                                    \
	X(EXISTS,         "exists",         409)                                                    \
	X(CHANGED,        "changed",        409)                                                    \
	X(BROKEN_FILE,    "broken_file",    409)                                                    \
	X(NOT_CONNECTED,  "not_connected",  409)                                                    \
	X(UNSUPPORTED,    "unsupported",    409)                                                    \
	X(TOO_LARGE,      "too_large",      413)                                                    \
	X(LIMIT,          "limit",          429)                                                    \
	X(UNREACHABLE,    "unreachable",    502)                                                    \
	X(REFUSED,        "refused",        502)                                                    \
	X(OFFLINE,        "offline",        502)                                                    \
	X(HUB,            "hub",            502)                                                    \
	X(AI,             "ai",             502)                                                    \
	X(NO_HUB,         "no_hub",         503)                                                    \
	X(TIMEOUT,        "timeout",        504)                                                    \
	X(INTERNAL,       "internal",       500)
/* clang-format on */

enum failure_code {
#define X(id, name, status) FAILURE_##id,
	FAILURE_LIST(X)
#undef X
		FAILURE_COUNT
};

struct failure {
	enum failure_code code;
	struct fault fault;
};

const char *failure_name(enum failure_code code);
int failure_status(enum failure_code code);
/* The code of this name, as another node sends it in an error; FAILURE_REFUSED for others. */
enum failure_code failure_of_name(const char *name);

/* Replaces code and text. */
void failure_set(struct failure *failure, enum failure_code code, const char *format, ...)
	PRINTF_LIKE(3, 4);

#endif
