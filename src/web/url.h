/* The parts of an absolute URL, as far as our clients need them (RFC 3986 section 3). */
#ifndef WEB_URL_H
#define WEB_URL_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"

#define URL_HOST_MAX 256
#define URL_PATH_MAX 4096

struct url {
	bool is_secure;          /* wss or https */
	char host[URL_HOST_MAX]; /* a name or an address, IPv6 without brackets */
	uint16_t port;           /* the scheme's when none is given */
	char path[URL_PATH_MAX]; /* path and query; at least "/" */
	char authority[URL_HOST_MAX +
		       8]; /* host and port as they were given, for the Host header */
};

/* ws, wss, http and https; no user name, no fragment. ERR_MALFORMED, ERR_UNSUPPORTED (scheme). */
MUST_CHECK enum err url_parse(const char *text, struct url *ret_url);

/* Appends a text as a part of a path or query: all but letters, digits, '-', '.', '_' and '~' as
 * %XX. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err url_append_encoded(struct buffer *url, const char *text);

#endif
