/* What the two forms of an HTTP request have in common: the libcurl handle that is set up from a
 * question, and the sink that takes its answer. For http_client.c and http_ask_now.c only. */
#ifndef WEB_CURL_H
#define WEB_CURL_H

#include <curl/curl.h>

#include "web/http_client.h"

/* Of a URL that an answer leads to, which is only shown and compared; what is longer is cut. */
#define CURL_REDIRECT_MAX 512

struct curl_transfer {
	CURL *easy;
	struct curl_slist *headers;
	char problem[CURL_ERROR_SIZE];
	char redirect[CURL_REDIRECT_MAX];
	bool is_stream;
	/* False ends the transfer. */
	bool (*line)(struct bytes line, void *user);
	void *user;
	struct buffer *body; /* of a whole answer, or the unfinished line of a stream */
	enum err failure;    /* found while receiving; ERR_OK: none */
};

/* `transfer` is zeroed but for line, user and body, and stays where it is. ERR_MALFORMED,
 * ERR_NOMEM. */
MUST_CHECK enum err curl_transfer_init(struct curl_transfer *transfer, const struct http_ask *ask);
void curl_transfer_deinit(struct curl_transfer *transfer);
/* What came of it; borrows from the transfer. */
struct http_answer curl_transfer_answer(struct curl_transfer *transfer, CURLcode code);

#endif
