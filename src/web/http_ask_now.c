/* The blocking form of an HTTP request. */
#include "web/curl.h"

#include <stdio.h>

/* Text that outlives the libcurl handle, of the last request of this (only) thread. */
static char last_problem[CURL_ERROR_SIZE], last_redirect[CURL_REDIRECT_MAX];

enum err http_ask_now(const struct http_ask *ask, bool (*line)(struct bytes line, void *user),
	void *user, struct buffer *storage, struct http_answer *ret_answer)
{
	*storage = (struct buffer){0};
	struct curl_transfer transfer = {.line = line, .user = user, .body = storage};
	enum err err = curl_transfer_init(&transfer, ask);
	if (err != ERR_OK) {
		*ret_answer =
			(struct http_answer){.err = err, .reason = err_text(err), .redirect = ""};
		return err;
	}
	struct http_answer answer =
		curl_transfer_answer(&transfer, curl_easy_perform(transfer.easy));
	snprintf(last_problem, sizeof last_problem, "%s", answer.reason);
	answer.reason = last_problem;
	snprintf(last_redirect, sizeof last_redirect, "%s", answer.redirect);
	answer.redirect = last_redirect;
	curl_transfer_deinit(&transfer);
	*ret_answer = answer;
	return answer.err;
}
