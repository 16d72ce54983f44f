/* A server of src/web/ whose one path, /, is a websocket that says what it hears: a text as it is,
 * and a binary message as text in hexadecimal. For tests/system/test_websocket_cases.py. Says its
 * port in a line, and runs until SIGTERM. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/loop.h"
#include "web/server.h"

#define MESSAGE_MAX 65536

static void on_opened(struct web_socket *socket, void *user)
{
	(void)socket;
	(void)user;
}

static void answer(struct web_socket *socket, struct bytes text)
{
	/* Who is not there any more hears nothing. */
	enum err err = web_socket_send(socket, text);
	(void)err;
}

static void on_message(struct web_socket *socket, bool is_text, struct bytes message, void *user)
{
	static char text[2 * MESSAGE_MAX + 1];
	(void)user;
	if (!is_text) {
		hex_encode(message, text);
		message = bytes_of_text(text);
	}
	answer(socket, message);
}

static void on_too_large(struct web_socket *socket, void *user)
{
	(void)user;
	answer(socket, bytes_of_text("too large"));
}

static void on_closed(struct web_socket *socket, const char *reason, void *user)
{
	(void)socket;
	(void)reason;
	(void)user;
}

static const struct web_socket_handler handler = {
	.opened = on_opened,
	.message = on_message,
	.too_large = on_too_large,
	.closed = on_closed,
};

static void handle(struct web_request *request, void *user)
{
	struct web_socket *socket;
	struct web_socket_options options = {
		.handler = &handler, .user = user, .message_max = MESSAGE_MAX};
	if (web_request_upgrade(request, &options, &socket) != ERR_OK)
		web_request_reply_error(request, 500, "internal", "no upgrade");
}

static const struct web_route routes[] = {{"GET", "/", handle, 0, WEB_ROUTE_WEBSOCKET}};

static void on_signal(int signal, void *user)
{
	(void)signal;
	net_loop_stop(user);
}

int main(void)
{
	struct net_loop *loop;
	struct web *web;
	struct web_server *server;
	CHECK(net_loop_create(&loop) == ERR_OK);
	CHECK(net_loop_on_signal(loop, on_signal, loop) == ERR_OK);
	CHECK(web_create(loop, &web) == ERR_OK);
	CHECK(web_server_create(web,
		      &(struct web_server_options){.listen = "127.0.0.1:0",
			      .routes = routes,
			      .route_count = sizeof routes / sizeof routes[0],
			      .user = loop},
		      &server) == ERR_OK);
	printf("%s\n", strrchr(web_server_address(server), ':') + 1);
	fflush(stdout);
	net_loop_run(loop);
	web_server_destroy(server);
	web_destroy(web);
	net_loop_destroy(loop);
	return 0;
}
