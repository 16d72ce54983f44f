/* The errors a function can return. One list for all layers, so that an error keeps its meaning on
 * its way up; err_name() is its stable name (in logs and JSON), err_text() says it to a person. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/check.h"

/* clang-format off */
#define ERR_LIST(X)                                                                                \
	X(OK,              "ok",              "done")                                               \
	/* Input is wrong. */                                                                       \
	X(MALFORMED,       "malformed",       "malformed input")                                    \
	X(UNSUPPORTED,     "unsupported",     "not supported")                                      \
	X(TOO_LARGE,       "too_large",       "too large")                                          \
	X(MISMATCH,        "mismatch",        "does not match")                                     \
	X(EXPIRED,         "expired",         "expired")                                            \
	X(UNTRUSTED,       "untrusted",       "not trusted")                                        \
	/* Not now, or not here. */                                                                 \
	X(STATE,           "state",           "not possible in this state")                         \
	X(AGAIN,           "again",           "try again later")                                    \
	X(TIMEOUT,         "timeout",         "timed out")                                          \
	X(CLOSED,          "closed",          "closed")                                             \
	X(NOT_FOUND,       "not_found",       "not found")                                          \
	X(EXISTS,          "exists",          "already exists")                                     \
	X(DENIED,          "denied",          "not allowed")                                        \
	/* Resources are out. */                                                                    \
	X(NOMEM,           "no_memory",       "out of memory")                                      \
	X(LIMIT,           "limit",           "limit reached")                                      \
	/* The world outside. */                                                                    \
	X(IO,              "io",              "input or output failed")                             \
	X(UNREACHABLE,     "unreachable",     "cannot be reached")                                  \
	X(REFUSED,         "refused",         "refused")                                            \
	X(ADDRESS_IN_USE,  "address_in_use",  "address already in use")                             \
	X(CORRUPT,         "corrupt",         "damaged")                                            \
	X(CRYPTO,          "crypto",          "cryptographic operation failed")
/* clang-format on */

enum err {
#define X(id, name, text) ERR_##id,
	ERR_LIST(X)
#undef X
		ERR_COUNT
};

const char *err_name(enum err err);
const char *err_text(enum err err);

#endif
