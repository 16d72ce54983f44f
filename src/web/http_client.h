/* HTTP requests: in the background on the loop, and a plain blocking form for the command line.
 *
 * http and https only; certificates and names are verified; redirects are not followed; no cookies,
 * no proxy from the environment for unix sockets. What a server answers with a status of 400 or
 * more is an answer like any other, not a failure. */
#ifndef WEB_HTTP_CLIENT_H
#define WEB_HTTP_CLIENT_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/err.h"
#include "web/limits.h"

struct net_loop;
struct http_client;
struct http_request;

/* What to ask; everything is copied, and zero is a sensible default. */
struct http_ask {
	const char *method; /* NULL: "GET" without, "POST" with a body */
	const char *url;
	const char *unix_path;       /* connect to this socket instead of the URL's host; or NULL */
	const char *authorities;     /* PEM file of who vouches for servers; NULL: this machine's */
	const char *bearer;          /* sent as "Authorization: Bearer ..."; or NULL */
	const char *content_type;    /* of the body; NULL: "application/json" */
	const char *const *headers;  /* further ones, "Name: value", up to NULL; or NULL */
	struct bytes body;           /* `data` NULL: none */
	unsigned connect_timeout_ms; /* 0: 10 seconds */
	unsigned timeout_ms; /* of the whole; 0: 30 seconds for a whole answer, none for a stream */
	unsigned quiet_timeout_s; /* for which no byte comes; 0: none */
	size_t answer_max; /* of a whole answer; 0: WEB_CLIENT_ANSWER_MAX. A stream has no end */
};

struct http_answer {
	enum err err; /* ERR_OK: `status` and `body` count. ERR_UNREACHABLE, ERR_TIMEOUT,
		       * ERR_UNTRUSTED (certificate), ERR_TOO_LARGE, ERR_MALFORMED, ERR_CLOSED (it
		       * broke off), ERR_NOMEM */
	int status;
	struct bytes body; /* ends in zero. Empty for a stream with a status below 300: the lines
			      were it */
	const char
		*reason; /* for a person when `err` is not ERR_OK: "connection refused"; else "" */
	const char *redirect; /* the URL that it leads to, which is not followed; "": nowhere */
};

/* ---- On the loop ---- */

/* ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err http_client_create(struct net_loop *loop, struct http_client **ret_client);
/* Cancels every request; no callback comes afterwards. Not from within `line`. Accepts NULL. */
void http_client_destroy(struct http_client *client);

/* Asks, from any callback too. `done` comes exactly once, from the loop, unless cancelled; the
 * request is gone when it begins. With `line`, the answer is a stream: every line (without its end)
 * is handed over as it comes, as long as the status is below 300. ERR_MALFORMED (the URL, or not
 * http), ERR_LIMIT (WEB_CLIENT_REQUESTS_MAX), ERR_NOMEM. */
MUST_CHECK enum err http_client_start(struct http_client *client, const struct http_ask *ask,
	void (*line)(struct bytes line, void *user),
	void (*done)(const struct http_answer *answer, void *user), void *user,
	struct http_request **ret_request);
/* Closes the connection at once; no callback comes afterwards. From any callback; accepts NULL. */
void http_request_cancel(struct http_request *request);

/* ---- Blocking ---- */

/* Asks and waits. `line` (or NULL) as above; when it returns false the request ends at once, with
 * ERR_CLOSED. `storage` holds the body of the answer; its `max` is set here, and the caller
 * deinitialises it. The result is answer.err. */
MUST_CHECK enum err http_ask_now(const struct http_ask *ask,
	bool (*line)(struct bytes line, void *user), void *user, struct buffer *storage,
	struct http_answer *ret_answer);

#endif
