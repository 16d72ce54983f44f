/* Requests to the node one after the other, with pauses, until there have been enough or the person
 * says Ctrl-C: for commands that watch something. */
#ifndef CLI_REPEAT_H
#define CLI_REPEAT_H

#include "base/usec.h"
#include "cli/api.h"

/* `answered` returned this: it is over. */
#define REPEAT_END ((usec)-1)

struct repeat {
	const struct cli *cli;
	/* What to ask now; not a stream. The path is borrowed until the answer comes. */
	struct api_request (*ask)(void *user);
	/* The answer, borrowed; or NULL, the HTTP status, 0 when the node could not be asked, and
	 * the line that says why. Returns how long after the asking to ask again, 0 for at once, or
	 * REPEAT_END. */
	usec (*answered)(const json_t *answer, int http_status, const char *problem, void *user);
	void *user;
};

/* CLI_DONE when it is over, by either; CLI_FAILED, after the line on stderr, when it could not
 * begin. */
MUST_CHECK int repeat_run(const struct repeat *repeat);

#endif
