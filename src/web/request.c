/* Requests: what a handler reads of one, and how it answers. */
#include "web/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

/* Status line and our own headers. */
#define OWN_HEADERS_MAX 512

/* A value that was decoded for the handler; freed with the request. */
struct decoded_value {
	struct list node;
	char *text;
};

struct web_connection *connection_of_request(const struct web_request *request)
{
	const char *start = (const char *)request - offsetof(struct web_connection, request);
	/* The request is a part of its connection, which we may change although a handler's view
	 * of the request is const. */
	return (struct web_connection *)(uintptr_t)start;
}

void request_reset(struct web_request *request)
{
	struct list *node;
	while ((node = list_pop_front(&request->decoded))) {
		struct decoded_value *value = CONTAINER_OF(node, struct decoded_value, node);
		free(value->text);
		free(value);
	}
	for (size_t i = 0; i < request->param_count; i++)
		free(request->params[i]);
	free(request->path);
	free(request->head_text);
	buffer_deinit(&request->extra_headers);
	*request = (struct web_request){.extra_headers.max = WEB_EXTRA_HEADERS_MAX};
	list_init(&request->decoded);
}

const char *request_keep(struct web_request *request, char *text)
{
	struct decoded_value *value = calloc(1, sizeof *value);
	if (!text || !value) {
		free(text);
		free(value);
		return NULL;
	}
	value->text = text;
	list_push_back(&request->decoded, &value->node);
	return text;
}

/* ---- Reading ---- */

const char *web_request_method(const struct web_request *request)
{
	return request->head.method;
}

const char *web_request_path(const struct web_request *request)
{
	return request->path ? request->path : request->head.path;
}

const char *web_request_param(const struct web_request *request, const char *name)
{
	for (size_t i = 0; i < request->param_count; i++)
		if (route_name_is(request->param_names[i], name))
			return request->params[i];
	return NULL;
}

const char *web_request_query(struct web_request *request, const char *name)
{
	struct bytes encoded;
	if (!http_query_find(request->head.query, name, &encoded))
		return NULL;
	return request_keep(request, http_percent_decode(encoded, true));
}

const char *web_request_header(struct web_request *request, const char *name)
{
	return http_head_find(&request->head, name);
}

struct bytes web_request_body(const struct web_request *request)
{
	return request->body.data ? request->body : bytes_of("", 0);
}

const char *web_request_address(const struct web_request *request)
{
	return connection_of_request(request)->address;
}

void web_request_on_cancel(struct web_request *request, void (*cancelled)(void *user), void *user)
{
	request->cancelled = cancelled;
	request->cancelled_user = user;
}

/* ---- Answering ---- */

const char *status_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {{200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
		{302, "Found"}, {303, "See Other"}, {304, "Not Modified"}, {400, "Bad Request"},
		{401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"},
		{410, "Gone"}, {413, "Content Too Large"}, {415, "Unsupported Media Type"},
		{421, "Misdirected Request"}, {422, "Unprocessable Content"},
		{426, "Upgrade Required"}, {429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
		{501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
		{504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"}};
	for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Unknown";
}

void web_request_add_header(struct web_request *request, const char *name, const char *value)
{
	for (const char *c = value; *c; c++)
		if ((uint8_t)*c < 0x20 || *c == 0x7f)
			return;
	size_t before = request->extra_headers.size;
	if (buffer_append_format(&request->extra_headers, "%s: %s\r\n", name, value) != ERR_OK)
		request->extra_headers.size = before;
}

const usec web_latency_bounds[WEB_LATENCY_BUCKETS - 1] = {100, 1 * USEC_PER_MS, 5 * USEC_PER_MS,
	25 * USEC_PER_MS, 100 * USEC_PER_MS, 500 * USEC_PER_MS, 2500 * USEC_PER_MS};

static void count_answer(struct web_connection *connection, int status)
{
	struct web_server_stats *stats = &connection->server->stats;
	usec taken = connection->dispatched ? net_now() - connection->dispatched : 0;
	CHECK(status >= 100 && status < WEB_STATUS_END);
	stats->answers[status]++;
	stats->latency[usec_bucket(taken, web_latency_bounds, WEB_LATENCY_BUCKETS - 1)]++;
	stats->latency_sum += taken;
	connection->dispatched = 0;
}

/* The head of an answer; `framing` is the header that says where its body ends. */
static enum err format_head(struct web_request *request, int status, const char *content_type,
	const char *framing, struct buffer *head)
{
	struct web_connection *connection = connection_of_request(request);
	const char *server = connection->server->options.server_name;
	count_answer(connection, status);
	enum err err =
		buffer_append_format(head, "HTTP/1.1 %d %s\r\n", status, status_phrase(status));
	if (err == ERR_OK && server)
		err = buffer_append_format(head, "Server: %s\r\n", server);
	/* What we say it is, it is: a browser must not find out otherwise. */
	if (err == ERR_OK)
		err = buffer_append_text(head, "X-Content-Type-Options: nosniff\r\n");
	/* RFC 6797: from now on only by TLS, whatever a link says. */
	if (err == ERR_OK && connection->transport.tls)
		err = buffer_append_text(head, "Strict-Transport-Security: max-age=31536000\r\n");
	if (err == ERR_OK && content_type)
		err = buffer_append_format(head, "Content-Type: %s\r\n", content_type);
	if (err == ERR_OK)
		err = buffer_append_text(head, framing);
	if (err == ERR_OK && connection->close_after)
		err = buffer_append_text(head, "Connection: close\r\n");
	if (err == ERR_OK)
		err = buffer_append(head, buffer_bytes(&request->extra_headers));
	if (err == ERR_OK)
		err = buffer_append_text(head, "\r\n");
	return err;
}

/* Nothing can be answered any more: the connection just ends. */
static void give_up(struct web_connection *connection)
{
	connection->broken = true;
	connection_finish(connection);
}

void web_request_reply(
	struct web_request *request, int status, const char *content_type, struct bytes body)
{
	struct web_connection *connection = connection_of_request(request);
	struct buffer head = buffer_with_max(OWN_HEADERS_MAX + WEB_EXTRA_HEADERS_MAX);
	char framing[64] = "";
	bool has_body = status != 204 && status != 304;
	if (has_body)
		snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body.size);
	enum err err = format_head(
		request, status, has_body && body.size > 0 ? content_type : NULL, framing, &head);
	bool is_head = request->head.method && strcmp(request->head.method, "HEAD") == 0;
	if (!has_body || is_head)
		body = (struct bytes){0};
	if (err == ERR_OK)
		err = connection_send(connection, buffer_bytes(&head), body, SIZE_MAX / 2);
	buffer_deinit(&head);
	if (err == ERR_OK)
		connection_finish(connection);
	else
		give_up(connection);
}

void web_request_reply_json(struct web_request *request, int status, const char *json)
{
	web_request_reply(request, status, "application/json", bytes_of_text(json));
}

/* A JSON string without its quotes. */
static enum err append_escaped(struct buffer *text, const char *plain)
{
	enum err err = ERR_OK;
	for (; *plain && err == ERR_OK; plain++) {
		uint8_t c = (uint8_t)*plain;
		if (c < 0x20)
			err = buffer_append_format(text, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			err = buffer_append_format(text, "\\%c", c);
		else
			err = buffer_append(text, bytes_of(plain, 1));
	}
	return err;
}

static void count_error(struct web_server_stats *stats, const char *code)
{
	size_t i = 0;
	while (i < WEB_ERROR_CODES_MAX - 1 && stats->errors[i].code[0] &&
		strcmp(stats->errors[i].code, code) != 0)
		i++;
	struct web_error_count *row = &stats->errors[i];
	if (!row->code[0] &&
		(i == WEB_ERROR_CODES_MAX - 1 || !text_copy(row->code, sizeof row->code, code)))
		CHECK(text_copy(row->code, sizeof row->code, "other"));
	row->count++;
}

void web_request_reply_error(
	struct web_request *request, int status, const char *code, const char *message)
{
	count_error(&connection_of_request(request)->server->stats, code);
	struct buffer text = buffer_with_max(65536);
	enum err err = buffer_append_text(&text, "{\"error\":{\"code\":\"");
	if (err == ERR_OK)
		err = append_escaped(&text, code);
	if (err == ERR_OK)
		err = buffer_append_text(&text, "\",\"message\":\"");
	if (err == ERR_OK)
		err = append_escaped(&text, message);
	if (err == ERR_OK)
		err = buffer_append_text(&text, "\"}}");
	if (err != ERR_OK)
		give_up(connection_of_request(request));
	else
		web_request_reply_json(request, status, buffer_text(&text));
	buffer_deinit(&text);
}

/* What this server refuses by itself, in the form that its programs know. */
static void refuse(struct web_request *request, int status, const char *code, const char *message)
{
	const struct web_server_options *options = &connection_of_request(request)->server->options;
	if (options->refuse)
		options->refuse(request, status, code, message);
	else
		web_request_reply_error(request, status, code, message);
}

void request_refuse(struct web_request *request, int status)
{
	static const struct {
		int status;
		const char *code, *message;
	} refusals[] = {
		{400, "malformed", "the request is malformed"},
		{408, "timeout", "the request came too slowly"},
		{413, "too_large", "the body is too large"},
		{431, "too_large", "the request line and headers are too large"},
		{501, "unsupported", "a body needs a content-length"},
		{505, "unsupported", "this server speaks http/1.1"},
	};
	connection_of_request(request)->close_after = true;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (refusals[i].status == status) {
			refuse(request, status, refusals[i].code, refusals[i].message);
			return;
		}
	}
	refuse(request, 500, "internal", "out of memory");
}

/* ---- Streams ---- */

void web_stream_start(struct web_request *request, int status, const char *content_type)
{
	struct web_connection *connection = connection_of_request(request);
	CHECK(connection->state == CONNECTION_HANDLING);
	struct buffer head = buffer_with_max(OWN_HEADERS_MAX + WEB_EXTRA_HEADERS_MAX);
	/* HTTP/1.0 has no chunks: the end of the connection is the end of the answer. */
	if (request->head.is_http_1_0)
		connection->close_after = true;
	enum err err = format_head(request, status, content_type,
		request->head.is_http_1_0 ? "" : "Transfer-Encoding: chunked\r\n", &head);
	connection->state = CONNECTION_STREAM;
	if (err == ERR_OK)
		err = connection_send(
			connection, buffer_bytes(&head), (struct bytes){0}, SIZE_MAX / 2);
	buffer_deinit(&head);
	if (err != ERR_OK) {
		connection->broken = true;
		net_defer_post(&connection->advance);
	}
}

enum err web_stream_write(struct web_request *request, struct bytes bytes)
{
	struct web_connection *connection = connection_of_request(request);
	CHECK(connection->state == CONNECTION_STREAM);
	if (bytes.size == 0 || connection->broken)
		return ERR_OK;
	if (request->head.is_http_1_0)
		return connection_send(connection, bytes, (struct bytes){0}, WEB_STREAM_QUEUE_MAX);
	if (connection_queued(connection) + bytes.size > WEB_STREAM_QUEUE_MAX)
		return ERR_LIMIT;
	struct buffer chunk = buffer_with_max(bytes.size + 32);
	enum err err = buffer_append_format(&chunk, "%zx\r\n", bytes.size);
	if (err == ERR_OK)
		err = buffer_append(&chunk, bytes);
	if (err == ERR_OK)
		err = connection_send(connection, buffer_bytes(&chunk), bytes_of("\r\n", 2),
			2 * WEB_STREAM_QUEUE_MAX);
	buffer_deinit(&chunk);
	return err;
}

size_t web_stream_queued(const struct web_request *request)
{
	return connection_queued(connection_of_request(request));
}

void web_stream_on_drain(struct web_request *request, void (*drained)(void *user), void *user)
{
	request->drained = drained;
	request->drained_user = user;
}

void web_stream_end(struct web_request *request)
{
	struct web_connection *connection = connection_of_request(request);
	CHECK(connection->state == CONNECTION_STREAM);
	if (!request->head.is_http_1_0 && !connection->broken &&
		connection_send(connection, bytes_of("0\r\n\r\n", 5), (struct bytes){0},
			SIZE_MAX / 2) != ERR_OK)
		connection->broken = true;
	connection_finish(connection);
}

/* ---- To the handler ---- */

static void refuse_route(struct web_request *request, bool path_fits)
{
	const struct web_server_options *options = &connection_of_request(request)->server->options;
	if (!path_fits) {
		refuse(request, 404, "not_found", "no such path");
		return;
	}
	char methods[128];
	route_methods(
		options->routes, options->route_count, request->head.path, methods, sizeof methods);
	web_request_add_header(request, "Allow", methods);
	refuse(request, 405, "method", "this path has no such method");
}

void request_dispatch(struct web_request *request)
{
	const struct web_server_options *options = &connection_of_request(request)->server->options;
	connection_of_request(request)->dispatched = net_now();
	if (options->prepare && options->prepare(request, options->user))
		return;
	struct route_match match = route_find(
		options->routes, options->route_count, request->head.method, request->head.path);
	if (!match.route) {
		refuse_route(request, match.path_fits);
		return;
	}
	request->route = match.route;
	request->path = http_percent_decode(bytes_of_text(request->head.path), false);
	for (size_t i = 0; i < match.param_count; i++) {
		request->param_names[i] = match.names[i];
		request->params[i] = http_percent_decode(match.params[i], false);
		request->param_count = i + 1;
		if (!request->params[i]) {
			request_refuse(request, 400);
			return;
		}
	}
	if (!request->path) {
		request_refuse(request, 400);
		return;
	}
	if (match.route->flags & WEB_ROUTE_WEBSOCKET && !request->head.wants_upgrade) {
		web_request_add_header(request, "Upgrade", "websocket");
		/* RFC 6455 section 4.4: "the version(s) it is capable of understanding". */
		web_request_add_header(request, "Sec-WebSocket-Version", "13");
		web_request_reply_error(
			request, 426, "upgrade", "this path takes websockets (rfc 6455) only");
		return;
	}
	match.route->handle(request, options->user);
}
