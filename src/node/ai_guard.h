/* Who may use the AI port: programs of this machine, and of the pages in its browsers only those
 * whose origin the configuration names. */
#ifndef NODE_AI_GUARD_H
#define NODE_AI_GUARD_H

#include <stdbool.h>

#include "node/config.h"

/* Headers of a request; NULL where it has none. */
struct ai_guard_headers {
	const char *host, *origin, *fetch_site, *authorization;
	bool is_preflight; /* a browser asks on behalf of a page, and sends no token with that */
};

struct ai_guard_refusal {
	int status; /* 0: it may */
	const char *code, *message;
};

struct ai_guard_refusal ai_guard_check(
	const struct config *config, const struct ai_guard_headers *headers);

#endif
