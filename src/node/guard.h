/* Who may use a port on loopback: programs of this machine, and of the pages in its browsers only
 * those of an origin that is named, or of the port itself.
 *
 * A page that has its name turned to 127.0.0.1 (DNS rebinding) is told by its Host; any other page
 * by its Origin or, where a browser sends none, by Sec-Fetch-Site. */
#ifndef NODE_GUARD_H
#define NODE_GUARD_H

#include <stdbool.h>

#include "node/config.h"

struct web_request;

struct guard_rules {
	/* What Host has to name, and where pages of our own are from; 0: any, and there are none.
	 */
	uint16_t port;
	const char *token; /* "": none is wanted */
	const char (*origins)[CONFIG_HOST_MAX + 1];
	size_t origin_count;
};

/* Headers of a request; NULL where it has none. */
struct guard_headers {
	const char *host, *origin, *fetch_site;
	const char *token; /* that is shown, wherever it stood */
	bool is_preflight; /* a browser asks on behalf of a page, and sends no token with that */
};

enum guard_verdict {
	GUARD_FINE,
	GUARD_HOST,   /* does not name this machine and port */
	GUARD_ORIGIN, /* a page that may not */
	GUARD_TOKEN,  /* none, or a wrong one */
};

/* The first that is wrong, in that order: who may not come at all learns nothing of tokens. */
enum guard_verdict guard_check(
	const struct guard_rules *rules, const struct guard_headers *headers);

/* What stands behind "Bearer ", or NULL; borrowed. Accepts NULL. */
const char *guard_bearer(const char *authorization);

/* With the token of the Authorization header; borrowed from the request. */
struct guard_headers guard_headers_of(struct web_request *http);

/* Lets the page read the answer (CORS), if there is a page; a preflight hears of these methods. */
void guard_allow_origin(
	struct web_request *http, const struct guard_headers *headers, const char *methods);

#endif
