/* A server on loopback with the routes that the tests of web/ need, and a raw client. */
#ifndef WEB_FIXTURE_H
#define WEB_FIXTURE_H

#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "net/loop.h"
#include "web/server.h"

/* Long enough for a machine that does other things: only a failure takes so long. */
#define FIXTURE_WAIT (60 * USEC_PER_SEC)

struct fixture {
	struct net_loop *loop;
	struct web *web;
	struct web_server *server;
	struct web_request *waiting; /* of /later and /stream */
	size_t cancelled, drained;
	struct web_socket *sockets[4]; /* open ones, in the order they came */
	size_t opened, closed, messages, too_large;
	char last_message[256], last_reason[128];
	bool send_much; /* a socket's opened callback floods it */
	uint16_t port;
};

static void run_until_(struct fixture *f, bool (*is_done)(void *user), void *user)
{
	usec deadline = net_now() + FIXTURE_WAIT;
	while (!is_done(user) && net_now() < deadline)
		net_loop_run_once(f->loop, net_now() + 20 * USEC_PER_MS);
	assert_true(is_done(user));
}

struct size_reaches {
	const size_t *value;
	size_t wanted;
};

static bool size_has_reached(void *user)
{
	struct size_reaches *reaches = user;
	return *reaches->value >= reaches->wanted;
}

static inline void run_until(struct fixture *f, const size_t *value, size_t wanted)
{
	struct size_reaches reaches = {value, wanted};
	run_until_(f, size_has_reached, &reaches);
}

/* Whatever is under way comes to rest. */
static inline void run_for(struct fixture *f, usec span)
{
	usec deadline = net_now() + span;
	while (net_now() < deadline)
		net_loop_run_once(f->loop, deadline);
}

/* ---- Handlers ---- */

static void handle_hello(struct web_request *request, void *user)
{
	(void)user;
	web_request_reply_json(request, 200, "{\"hello\":true}");
}

static void handle_echo(struct web_request *request, void *user)
{
	(void)user;
	char *text = text_format("%s|%s|%s|%.*s", web_request_param(request, "name"),
		web_request_query(request, "q") ? web_request_query(request, "q") : "-",
		web_request_header(request, "x-test") ? web_request_header(request, "x-test") : "-",
		(int)web_request_body(request).size, (const char *)web_request_body(request).data);
	web_request_add_header(request, "X-Answer", "yes");
	web_request_reply(request, 200, "text/plain", bytes_of_text(text));
	free(text);
}

static void on_cancelled(void *user)
{
	struct fixture *f = user;
	f->waiting = NULL;
	f->cancelled++;
}

static void on_drained(void *user)
{
	struct fixture *f = user;
	f->drained++;
}

static void handle_later(struct web_request *request, void *user)
{
	struct fixture *f = user;
	f->waiting = request;
	web_request_on_cancel(request, on_cancelled, f);
}

static void handle_stream(struct web_request *request, void *user)
{
	struct fixture *f = user;
	f->waiting = request;
	web_request_on_cancel(request, on_cancelled, f);
	web_stream_on_drain(request, on_drained, f);
	web_stream_start(request, 200, "application/x-ndjson");
	assert_ok(web_stream_write(request, bytes_of_text("{\"line\":1}\n")));
}

static void handle_large(struct web_request *request, void *user)
{
	(void)user;
	size_t size = 8 << 20;
	char *text = calloc(1, size);
	memset(text, 'x', size);
	web_request_reply(request, 200, "text/plain", bytes_of(text, size));
	free(text);
}

static void on_opened(struct web_socket *socket, void *user)
{
	struct fixture *f = user;
	assert_true(f->opened < 4);
	f->sockets[f->opened++] = socket;
	if (f->send_much)
		while (web_socket_send(socket, bytes_of_text("flood flood flood flood")) == ERR_OK)
			;
}

static void on_message(struct web_socket *socket, bool is_text, struct bytes message, void *user)
{
	struct fixture *f = user;
	assert_true(is_text);
	f->messages++;
	(void)text_copy_bytes(f->last_message, sizeof f->last_message,
		bytes_slice(message, 0, sizeof f->last_message - 1));
	assert_ok(web_socket_send(socket, message));
}

static void on_too_large(struct web_socket *socket, void *user)
{
	struct fixture *f = user;
	f->too_large++;
	assert_ok(web_socket_send(socket, bytes_of_text("too large")));
}

static void on_closed(struct web_socket *socket, const char *reason, void *user)
{
	(void)socket;
	struct fixture *f = user;
	f->closed++;
	snprintf(f->last_reason, sizeof f->last_reason, "%s", reason);
}

static void on_socket_drained(struct web_socket *socket, void *user)
{
	assert_int_equal(web_socket_queued(socket), 0);
	on_drained(user);
}

static const struct web_socket_handler socket_handler = {
	.opened = on_opened,
	.drained = on_socket_drained,
	.message = on_message,
	.too_large = on_too_large,
	.closed = on_closed,
};

static void handle_socket(struct web_request *request, void *user)
{
	struct fixture *f = user;
	const char *authorization = web_request_header(request, "authorization");
	const char *offered = web_request_subprotocol(request, "dpc.bearer.");
	const char *query = web_request_query(request, "token");
	bool may = (authorization && strcmp(authorization, "Bearer good") == 0) ||
		   (offered && text_starts_with(offered, "dpc.bearer.good")) ||
		   (query && strcmp(query, "good") == 0);
	if (!may) {
		web_request_reply_error(request, 401, "unauthorized", "bad token");
		return;
	}
	struct web_socket *socket;
	assert_ok(web_request_upgrade(request,
		&(struct web_socket_options){.handler = &socket_handler,
			.user = f,
			.subprotocol = offered,
			.message_max = 100000},
		&socket));
}

static const struct web_route routes[] = {
	{"GET", "/", handle_hello, 0, 0},
	{"POST", "/echo/{name}", handle_echo, 65536, 0},
	{"GET", "/echo/{name}", handle_echo, 0, 0},
	{"GET", "/later", handle_later, 0, 0},
	{"GET", "/stream", handle_stream, 0, 0},
	{"GET", "/large", handle_large, 0, 0},
	{"GET", "/ws", handle_socket, 0, WEB_ROUTE_WEBSOCKET},
};

/* ---- Set-up ---- */

static void start_with(struct fixture *f, struct web_server_limits limits)
{
	assert_ok(net_loop_create(&f->loop));
	assert_ok(web_create(f->loop, &f->web));
	assert_ok(web_server_create(f->web,
		&(struct web_server_options){.listen = "127.0.0.1:0",
			.routes = routes,
			.route_count = sizeof routes / sizeof routes[0],
			.user = f,
			.server_name = "test",
			.limits = limits},
		&f->server));
	const char *address = web_server_address(f->server);
	uint32_t port;
	assert_true(text_starts_with(address, "127.0.0.1:"));
	assert_true(text_to_u32(address + strlen("127.0.0.1:"), &port));
	f->port = (uint16_t)port;
}

static inline void start(struct fixture *f)
{
	start_with(f, (struct web_server_limits){0});
}

static inline void stop(struct fixture *f)
{
	web_server_destroy(f->server);
	web_destroy(f->web);
	net_loop_destroy(f->loop);
}

/* ---- A raw client ---- */

static int raw_connect_from(struct fixture *f, const char *ip)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, ip, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)(void *)&in, sizeof in), 0);
	in.sin_port = htons(f->port);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)(void *)&in, sizeof in), 0);
	return fd;
}

static inline int raw_connect(struct fixture *f)
{
	return raw_connect_from(f, "127.0.0.1");
}

static inline void raw_send(int fd, const void *data, size_t size)
{
	assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static inline void raw_say(int fd, const char *text)
{
	raw_send(fd, text, strlen(text));
}

/* Appends what comes until `text` holds `wanted`, or, with NULL, until the other side closes. */
static inline void raw_receive(struct fixture *f, int fd, struct buffer *text, const char *wanted)
{
	usec deadline = net_now() + FIXTURE_WAIT;
	for (;;) {
		if (wanted && text->size && memmem(text->data, text->size, wanted, strlen(wanted)))
			return;
		net_loop_run_once(f->loop, net_now() + 10 * USEC_PER_MS);
		uint8_t data[65536];
		ssize_t size = recv(fd, data, sizeof data, MSG_DONTWAIT);
		if (size > 0)
			assert_ok(buffer_append(text, bytes_of(data, (size_t)size)));
		else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			break;
		assert_true(net_now() < deadline);
	}
	assert_null(wanted);
}

/* Sends a text and gives back what was answered, until the end or until `wanted`. */
static inline struct buffer raw_ask(struct fixture *f, const char *request, const char *wanted)
{
	struct buffer text = buffer_with_max(16 << 20);
	int fd = raw_connect(f);
	raw_say(fd, request);
	raw_receive(f, fd, &text, wanted);
	close(fd);
	return text;
}

#endif
