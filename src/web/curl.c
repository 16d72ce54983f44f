#include "web/curl.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS 30000

static int status_of(const struct curl_transfer *transfer)
{
	long status = 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* ---- Receiving ---- */

/* Hands over every line that is whole, and keeps the rest. */
static bool take_lines(struct curl_transfer *transfer)
{
	struct buffer *body = transfer->body;
	size_t used = 0;
	bool goes_on = true;
	while (goes_on) {
		struct bytes rest = bytes_slice(buffer_bytes(body), used, body->size);
		const uint8_t *end = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;
		if (!end)
			break;
		size_t size = (size_t)(end - rest.data);
		used += size + 1;
		if (size > 0 && rest.data[size - 1] == '\r')
			size--;
		goes_on = transfer->line(bytes_of(rest.data, size), transfer->user);
	}
	if (goes_on)
		buffer_consume(body, used);
	return goes_on;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
	struct curl_transfer *transfer = user;
	bool is_stream = transfer->is_stream && status_of(transfer) < 300;
	enum err err = buffer_append(transfer->body, bytes_of(data, size * count));
	if (err != ERR_OK) {
		transfer->failure = err == ERR_LIMIT ? ERR_TOO_LARGE : err;
		return 0;
	}
	if (is_stream && !take_lines(transfer)) {
		transfer->failure = ERR_CLOSED;
		return 0;
	}
	return size * count;
}

/* ---- Asking ---- */

static bool add_header(struct curl_transfer *transfer, char *header)
{
	struct curl_slist *longer = header ? curl_slist_append(transfer->headers, header) : NULL;
	free(header);
	if (longer)
		transfer->headers = longer;
	return longer != NULL;
}

static bool set_headers(struct curl_transfer *transfer, const struct http_ask *ask)
{
	/* Waiting for a 100 would cost a round trip for nothing. */
	if (!add_header(transfer, text_duplicate("Expect:")))
		return false;
	if (ask->bearer &&
		!add_header(transfer, text_format("Authorization: Bearer %s", ask->bearer)))
		return false;
	const char *type = ask->content_type ? ask->content_type : "application/json";
	if (ask->body.data && !add_header(transfer, text_format("Content-Type: %s", type)))
		return false;
	for (size_t i = 0; ask->headers && ask->headers[i]; i++)
		if (!add_header(transfer, text_duplicate(ask->headers[i])))
			return false;
	return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool set_body(CURL *easy, const struct http_ask *ask)
{
	const char *method = ask->method ? ask->method : ask->body.data ? "POST" : "GET";
	bool ok = true;
	if (ask->body.data || strcmp(method, "POST") == 0) {
		ok = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			     (curl_off_t)ask->body.size) == CURLE_OK &&
		     curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
			     ask->body.data ? (const char *)ask->body.data : "") == CURLE_OK;
	}
	if (strcmp(method, "HEAD") == 0)
		return ok && curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
	return ok && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) == CURLE_OK;
}

static bool set_options(struct curl_transfer *transfer, const struct http_ask *ask)
{
	CURL *easy = transfer->easy;
	long connect_ms =
		ask->connect_timeout_ms ? (long)ask->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	long timeout_ms =
		ask->timeout_ms ? (long)ask->timeout_ms : (transfer->is_stream ? 0 : TIMEOUT_MS);
	return curl_easy_setopt(easy, CURLOPT_URL, ask->url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)ask->quiet_timeout_s) ==
		       CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->problem) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

/* A unix socket is on this machine: no proxy is asked. */
static bool set_unix_path(CURL *easy, const char *path)
{
	return !path || (curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, path) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
}

static bool set_authorities(CURL *easy, const char *path)
{
	return !path || (curl_easy_setopt(easy, CURLOPT_CAINFO, path) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

enum err curl_transfer_init(struct curl_transfer *transfer, const struct http_ask *ask)
{
	if (!text_starts_with(ask->url, "http://") && !text_starts_with(ask->url, "https://"))
		return ERR_MALFORMED;
	transfer->is_stream = transfer->line != NULL;
	transfer->body->max = transfer->is_stream
				      ? WEB_CLIENT_LINE_MAX + CURL_MAX_WRITE_SIZE
				      : (ask->answer_max ? ask->answer_max : WEB_CLIENT_ANSWER_MAX);
	transfer->easy = curl_easy_init();
	if (transfer->easy && set_options(transfer, ask) && set_headers(transfer, ask) &&
		set_body(transfer->easy, ask) && set_unix_path(transfer->easy, ask->unix_path) &&
		set_authorities(transfer->easy, ask->authorities))
		return ERR_OK;
	curl_transfer_deinit(transfer);
	return ERR_NOMEM;
}

void curl_transfer_deinit(struct curl_transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	transfer->easy = NULL;
	transfer->headers = NULL;
}

/* ---- The answer ---- */

static const char *redirect_of(struct curl_transfer *transfer)
{
	char *url = NULL;
	curl_easy_getinfo(transfer->easy, CURLINFO_REDIRECT_URL, &url);
	snprintf(transfer->redirect, sizeof transfer->redirect, "%s", url ? url : "");
	return transfer->redirect;
}

static enum err err_of(CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_OUT_OF_MEMORY:
		return ERR_NOMEM;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return ERR_UNREACHABLE;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return ERR_UNTRUSTED;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return ERR_MALFORMED;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return ERR_CLOSED;
	default:
		return ERR_IO;
	}
}

struct http_answer curl_transfer_answer(struct curl_transfer *transfer, CURLcode code)
{
	struct http_answer answer = {
		.err = err_of(code), .reason = "", .redirect = redirect_of(transfer)};
	if (transfer->failure != ERR_OK)
		answer.err = transfer->failure;
	if (answer.err == ERR_OK) {
		answer.status = status_of(transfer);
		/* A last line may come without an end. */
		bool is_stream = transfer->is_stream && answer.status < 300;
		if (is_stream && transfer->body->size > 0)
			(void)transfer->line(buffer_bytes(transfer->body), transfer->user);
		if (is_stream)
			buffer_clear(transfer->body);
		answer.body = bytes_of(buffer_text(transfer->body), transfer->body->size);
	} else if (transfer->failure != ERR_OK) {
		answer.reason = err_text(transfer->failure);
	} else {
		answer.reason = transfer->problem[0] ? transfer->problem : curl_easy_strerror(code);
	}
	return answer;
}
