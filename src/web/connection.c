/* One TCP or unix connection of the server: reads requests, sends answers, keeps the time. */
#include "web/internal.h"

#include <stdlib.h>

#include "base/text.h"

/* What is read at once. */
#define READ_SIZE 16384
/* Sent bytes are dropped from the front of the queue in steps of at least this. */
#define CONSUME_SIZE 65536
/* RFC 9112 section 9.6: the time that a client gets to read the last answer before the close. */
#define LINGER_S 1

static bool is_waiting_for_handler(const struct web_connection *connection)
{
	return connection->state == CONNECTION_HANDLING || connection->state == CONNECTION_STREAM;
}

size_t connection_queued(const struct web_connection *connection)
{
	return connection->out.size - connection->out_sent;
}

static void set_timeout(struct web_connection *connection, unsigned seconds)
{
	net_timer_set(&connection->timer, net_now() + (usec)seconds * USEC_PER_SEC);
}

/* While a handler works there is no time limit, unless the client does not take what is there. */
static void update_timer(struct web_connection *connection)
{
	if (connection_queued(connection) > 0)
		set_timeout(connection, WEB_SEND_TIMEOUT_S);
	else if (is_waiting_for_handler(connection))
		net_timer_cancel(&connection->timer);
}

static void update_watch(struct web_connection *connection)
{
	unsigned events = NET_READABLE;
	/* A handler's client is watched only for its going away; once it has sent more, that is
	 * left in the kernel until the handler is done. */
	if (connection->state == CONNECTION_ANSWERED)
		events = 0;
	if (is_waiting_for_handler(connection) &&
		connection->in.size > connection->request.body.size)
		events = 0;
	if (connection_queued(connection) > 0)
		events |= NET_WRITABLE;
	net_watch_set(connection->watch, transport_events(&connection->transport, events));
}

/* ---- Sending ---- */

static void flush(struct web_connection *connection)
{
	while (connection_queued(connection) > 0 && !connection->broken) {
		size_t sent = 0;
		enum err err = transport_write(&connection->transport,
			bytes_of(connection->out.data + connection->out_sent,
				connection_queued(connection)),
			&sent);
		if (err != ERR_OK) {
			connection->broken = err != ERR_AGAIN;
			break;
		}
		connection->out_sent += sent;
	}
	if (connection_queued(connection) == 0 || connection->out_sent >= CONSUME_SIZE) {
		buffer_consume(&connection->out, connection->out_sent);
		connection->out_sent = 0;
	}
	if (connection->broken ||
		(connection->state == CONNECTION_ANSWERED && connection_queued(connection) == 0))
		net_defer_post(&connection->advance);
}

enum err connection_send(
	struct web_connection *connection, struct bytes a, struct bytes b, size_t queue_max)
{
	size_t queued = connection_queued(connection);
	if (queue_max - min_size(queue_max, queued) < a.size + b.size)
		return ERR_LIMIT;
	enum err err = buffer_reserve(&connection->out, a.size + b.size);
	if (err != ERR_OK)
		return err;
	CHECK(buffer_append(&connection->out, a) == ERR_OK);
	CHECK(buffer_append(&connection->out, b) == ERR_OK);
	if (queued == 0) {
		flush(connection);
		update_timer(connection);
	}
	update_watch(connection);
	return ERR_OK;
}

static bool is_incomplete(const struct web_connection *connection)
{
	return connection->state == CONNECTION_HEAD || connection->state == CONNECTION_BODY;
}

/* It is not among the silent ones any more. */
static void leave_silent(struct web_connection *connection)
{
	list_remove(&connection->node);
	list_push_back(&connection->server->connections, &connection->node);
	connection->server->stats.silent_now--;
}

void connection_finish(struct web_connection *connection)
{
	CHECK(is_waiting_for_handler(connection) || is_incomplete(connection));
	if (is_incomplete(connection))
		leave_silent(connection);
	connection->state = CONNECTION_ANSWERED;
	connection->request.cancelled = NULL;
	connection->request.drained = NULL;
	net_timer_cancel(&connection->timer);
	update_timer(connection);
	update_watch(connection);
	flush(connection);
}

/* ---- Receiving ---- */

/* A client that does not hear it waits a moment and sends its body all the same. */
static void say_continue(struct web_connection *connection)
{
	size_t sent;
	enum err err = transport_write(
		&connection->transport, bytes_of_text("HTTP/1.1 100 Continue\r\n\r\n"), &sent);
	(void)err;
}

/* The whole of a request's head is there: `size` bytes of `in`. */
static void take_head(struct web_connection *connection, size_t size)
{
	struct web_server *server = connection->server;
	struct web_request *request = &connection->request;
	server->stats.requests++;
	request->head_text = text_duplicate_bytes(bytes_of(connection->in.data, size));
	buffer_consume(&connection->in, size);
	connection->scanned = 0;
	int status = request->head_text ? http_head_parse(request->head_text, size, &request->head)
					: 500;
	if (status != 0) {
		server->stats.malformed++;
		request_refuse(request, status);
		return;
	}
	connection->close_after = request->head.wants_close;
	connection->state = CONNECTION_BODY;
	struct route_match match = route_find(server->options.routes, server->options.route_count,
		request->head.method, request->head.path);
	/* What is refused for its size is refused before it is read. */
	size_t body_max = match.route ? match.route->body_max : 0;
	if (match.route && request->head.content_length > body_max) {
		request_refuse(request, 413);
		return;
	}
	if (!match.route && request->head.content_length > 0)
		connection->close_after = true;
	set_timeout(connection, server->options.limits.body_timeout_s);
	if (match.route && request->head.wants_continue && request->head.content_length > 0)
		say_continue(connection);
	if (!match.route)
		request->head.content_length = 0;
}

static void take_body(struct web_connection *connection)
{
	struct web_request *request = &connection->request;
	request->body = bytes_of(connection->in.data, (size_t)request->head.content_length);
	leave_silent(connection);
	connection->state = CONNECTION_HANDLING;
	net_timer_cancel(&connection->timer);
	request_dispatch(request);
}

/* Works on what has been read, as far as it goes. */
static void process(struct web_connection *connection)
{
	if (connection->state == CONNECTION_HEAD && connection->in.size > 0) {
		struct bytes in = buffer_bytes(&connection->in);
		/* RFC 9112 section 2.2: "ignore at least one empty line (CRLF) received prior to
		 * the request-line". */
		if (in.size >= 2 && connection->scanned == 0 && memcmp(in.data, "\r\n", 2) == 0) {
			buffer_consume(&connection->in, 2);
			in = buffer_bytes(&connection->in);
		}
		size_t size = http_head_size(in, &connection->scanned);
		if (size > WEB_HEAD_SIZE_MAX || (size == 0 && in.size > WEB_HEAD_SIZE_MAX)) {
			connection->server->stats.malformed++;
			request_refuse(&connection->request, 431);
		} else if (size > 0) {
			take_head(connection, size);
		} else if (in.size > 0 && in.data[0] != '\r' && http_head_is_hopeless(in)) {
			connection->server->stats.malformed++;
			request_refuse(&connection->request, 400);
		}
	}
	if (connection->state == CONNECTION_BODY &&
		connection->in.size >= connection->request.head.content_length)
		take_body(connection);
	if (!connection->request.upgrade) {
		update_watch(connection);
		update_timer(connection);
	}
}

/* Ready for the next request, or the end. */
static void start_over(struct web_connection *connection)
{
	struct web_server *server = connection->server;
	size_t used =
		min_size(connection->in.size, (size_t)connection->request.head.content_length);
	request_reset(&connection->request);
	if (connection->close_after) {
		/* Closing now, with bytes unread, would make the kernel reset the connection and
		 * the client lose the answer. */
		connection->state = CONNECTION_LINGER;
		transport_end(&connection->transport);
		set_timeout(connection, LINGER_S);
		update_watch(connection);
		return;
	}
	buffer_consume(&connection->in, used);
	if (connection->in.size == 0)
		buffer_deinit(&connection->in);
	buffer_deinit(&connection->out);
	connection->state = CONNECTION_HEAD;
	connection->scanned = 0;
	list_remove(&connection->node);
	list_push_back(&server->silent, &connection->node);
	server->stats.silent_now++;
	set_timeout(connection, WEB_KEEPALIVE_TIMEOUT_S);
	process(connection);
	if (transport_has_pending(&connection->transport))
		net_defer_post(&connection->advance);
}

/* While a handler works only the end is of interest. False: it has come. */
static bool look_for_end(struct web_connection *connection)
{
	enum err err = transport_peek(&connection->transport);
	if (err == ERR_OK)
		net_watch_set(
			connection->watch, connection_queued(connection) > 0 ? NET_WRITABLE : 0);
	return err == ERR_OK || err == ERR_AGAIN;
}

/* False when the other side has closed, or the connection is broken. */
static bool receive(struct web_connection *connection)
{
	uint8_t data[READ_SIZE];
	size_t size;
	if (is_waiting_for_handler(connection))
		return look_for_end(connection);
	enum err err = transport_read(&connection->transport, data, sizeof data, &size);
	if (err == ERR_AGAIN)
		update_watch(connection);
	if (err == ERR_CRYPTO)
		connection->server->stats.tls_failed++;
	if (err != ERR_OK)
		return err == ERR_AGAIN;
	if (connection->state == CONNECTION_LINGER)
		return true;
	/* The first byte of a head starts its time. */
	if (connection->state == CONNECTION_HEAD && connection->in.size == 0)
		set_timeout(connection, connection->server->options.limits.head_timeout_s);
	if (buffer_append(&connection->in, bytes_of(data, size)) != ERR_OK)
		return false;
	process(connection);
	return true;
}

/* What was put off because a handler might have been on the stack. */
static void on_advance(void *user)
{
	struct web_connection *connection = user;
	if (connection->broken)
		connection_destroy(connection);
	else if (connection->state == CONNECTION_ANSWERED && connection_queued(connection) == 0)
		start_over(connection);
	else if (connection->request.upgrade)
		connection_upgrade(connection);
	else if (is_incomplete(connection) && transport_has_pending(&connection->transport) &&
		 !receive(connection))
		connection_destroy(connection);
}

static void on_event(unsigned events, void *user)
{
	struct web_connection *connection = user;
	if (events & NET_WRITABLE && connection_queued(connection) > 0) {
		size_t before = connection_queued(connection);
		flush(connection);
		update_watch(connection);
		if (connection_queued(connection) < before)
			update_timer(connection);
		if (connection->broken)
			return;
		if (before > 0 && connection_queued(connection) == 0 &&
			connection->state == CONNECTION_STREAM && connection->request.drained)
			connection->request.drained(connection->request.drained_user);
	}
	/* A handshake of TLS may have waited to write. */
	bool may_receive = events & NET_READABLE || is_incomplete(connection);
	if (may_receive && connection->state != CONNECTION_ANSWERED &&
		!connection->request.upgrade && !receive(connection))
		connection_destroy(connection);
}

static void on_timeout(void *user)
{
	struct web_connection *connection = user;
	struct web_server_stats *stats = &connection->server->stats;
	bool has_begun = connection->state == CONNECTION_BODY ||
			 (connection->state == CONNECTION_HEAD && connection->in.size > 0);
	if (connection->state != CONNECTION_LINGER)
		stats->timeouts++;
	if (has_begun)
		request_refuse(&connection->request, 408);
	else
		connection_destroy(connection);
}

/* ---- Life ---- */

enum err connection_create(struct web_server *server, int fd, struct address_count *count,
	const char *address, struct web_connection **ret_connection)
{
	struct web_connection *connection = calloc(1, sizeof *connection);
	if (!connection)
		return ERR_NOMEM;
	connection->server = server;
	connection->in.max = WEB_HEAD_SIZE_MAX + WEB_BODY_SIZE_MAX + READ_SIZE;
	connection->out.max = SIZE_MAX / 2; /* connection_send() has its own limits */
	connection->request.extra_headers.max = WEB_EXTRA_HEADERS_MAX;
	list_init(&connection->request.decoded);
	net_defer_init(&connection->advance, server->web->loop, on_advance, connection);
	enum err err =
		net_timer_init(&connection->timer, server->web->loop, on_timeout, connection);
	if (err == ERR_OK)
		err = net_watch_create(server->web->loop, fd, NET_READABLE, on_event, connection,
			&connection->watch);
	if (err == ERR_OK)
		err = transport_init(&connection->transport, fd, server->options.tls);
	if (err != ERR_OK) {
		net_watch_destroy(connection->watch);
		net_timer_deinit(&connection->timer);
		free(connection);
		return err;
	}
	connection->count = count;
	(void)text_copy(connection->address, sizeof connection->address, address);
	list_push_back(&server->silent, &connection->node);
	server->stats.silent_now++;
	server->stats.connections_now++;
	set_timeout(connection, server->options.limits.head_timeout_s);
	*ret_connection = connection;
	return ERR_OK;
}

void connection_destroy(struct web_connection *connection)
{
	struct web_server *server = connection->server;
	struct web_request *request = &connection->request;
	if (request->cancelled && is_waiting_for_handler(connection))
		request->cancelled(request->cancelled_user);
	if (request->upgrade)
		socket_abandon(request->upgrade, "the connection broke");
	if (is_incomplete(connection))
		server->stats.silent_now--;
	server->stats.connections_now--;
	list_remove(&connection->node);
	request_reset(request);
	net_defer_cancel(&connection->advance);
	net_timer_deinit(&connection->timer);
	net_watch_destroy(connection->watch);
	transport_deinit(&connection->transport);
	server_release(server, connection->count);
	buffer_deinit(&connection->in);
	buffer_deinit(&connection->out);
	free(connection);
}
