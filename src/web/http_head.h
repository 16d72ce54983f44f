/* The head of an HTTP/1.1 request (RFC 9112 sections 2 to 6), parsed strictly and without I/O.
 *
 * What RFC 9112 lets a server accept for old clients' sake is refused: bare line feeds, folded
 * lines, space before a colon, several Content-Length fields. */
#ifndef WEB_HTTP_HEAD_H
#define WEB_HTTP_HEAD_H

#include "base/bytes.h"
#include "base/err.h"

#define HTTP_HEADERS_MAX 64
/* A method in characters. */
#define HTTP_METHOD_MAX 16

struct http_header {
	const char *name, *value; /* both end in zero, without space around */
};

/* Everything points into the text that was parsed. */
struct http_head {
	const char *method;
	const char *path;  /* as it came, percent-encoded; begins with '/' */
	const char *query; /* behind the '?', or "" */
	bool is_http_1_0;
	bool wants_close;    /* the connection is to end with the answer */
	bool wants_upgrade;  /* to websocket, with everything RFC 6455 section 4.2.1 asks for */
	bool wants_continue; /* Expect: 100-continue */
	uint64_t content_length;
	size_t header_count;
	struct http_header headers[HTTP_HEADERS_MAX];
};

/* The size of the head at the beginning, with the empty line that ends it, or 0 when it is not
 * complete. `*scanned` remembers how far an earlier call came; it starts at 0. */
size_t http_head_size(struct bytes text, size_t *scanned);

/* The text does not begin like a request, so that it makes no sense to wait for the rest. */
bool http_head_is_hopeless(struct bytes text);

/* Parses a whole head in place: `text`, `size` long as http_head_size() told, is changed. The
 * status to answer with, and to close: 0 (fine), 400, 431, 501 or 505. */
int http_head_parse(char *text, size_t size, struct http_head *ret_head);

/* The first header of this name, or NULL. */
const char *http_head_find(const struct http_head *head, const char *name);

/* Whether a comma-separated list holds this token, letter case aside. Accepts NULL. */
bool http_list_has(const char *list, const char *token);

/* Decodes %XX (and '+' as a space, in a query) into a heap string; NULL when memory is out, or when
 * it is malformed, holds a zero byte or is not UTF-8. */
char *http_percent_decode(struct bytes text, bool is_query);

/* The value, still encoded, of the first `name` in "a=1&b=2"; false when there is none. */
bool http_query_find(const char *query, const char *name, struct bytes *ret_value);

#endif
