/* Requests to the running node: the local API of docs/local-api.md, over the unix socket in the
 * node's home. */
#ifndef CLI_API_H
#define CLI_API_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "cli/cli.h"
#include "web/http_client.h"

struct api_request {
	const char *method; /* NULL: GET, or POST with a body */
	const char *path;   /* behind "/api/v1" */
	json_t *body;       /* taken; NULL: none */
	unsigned timeout_ms;
	/* Where no node runs: set, and api_ask() fails without a line on stderr. NULL: with one. */
	bool *absent;
	/* With it the answer is a stream of lines; returning false ends it. */
	bool (*line)(struct bytes line, void *user);
	void *user;
};

/* The same as web/http_client.h takes it, for commands that have a loop. Owns what it points to;
 * free it after the request was started. */
struct api_call {
	struct http_ask ask;
	char socket[CLI_PATH_MAX], url[CLI_API_PATH_MAX + 32];
	char *body;
};
/* Takes the request's body. CLI_FAILED after the line on stderr. */
MUST_CHECK int api_call_init(
	struct api_call *call, const struct cli *cli, const struct api_request *request);
void api_call_deinit(struct api_call *call);

/* Asks and waits. CLI_DONE with the answer, which the caller owns (NULL for an empty one;
 * `ret_answer` may be NULL), or CLI_FAILED after the line on stderr. */
MUST_CHECK int api_ask(
	const struct cli *cli, const struct api_request *request, json_t **ret_answer);

/* As api_ask() for a body {"peer": …} and nothing else. */
MUST_CHECK int api_post_peer(
	const struct cli *cli, const char *path, const char *peer, json_t **ret_answer);

/* The line for a person that an answer's body holds, or `status` in words; into a buffer of
 * CLI_PROBLEM_MAX. */
void api_problem(const struct cli *cli, const struct http_answer *answer, char *problem);

/* What an answer holds, which the caller owns; NULL for an empty one. False: it is a failure, and
 * `problem`, of CLI_PROBLEM_MAX, has the line. */
bool api_read(const struct cli *cli, const struct http_answer *answer, json_t **ret_object,
	char *problem);

/* Append to a path of CLI_API_PATH_MAX: text as it is, or percent-encoded. False when it does not
 * fit. */
bool api_path_add(char *path, const char *text);
bool api_path_add_encoded(char *path, const char *part);

#endif
