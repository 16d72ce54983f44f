/* A WebSocket client as bare as it can be, for the load generator of the hub: beside it the hub has
 * a processor to itself, so a signal must cost less here than there. It trusts its server, and dies
 * with a line of text when that does not keep to RFC 6455. */
#ifndef BENCH_LOAD_SOCKET_H
#define BENCH_LOAD_SOCKET_H

#include "base/bytes.h"

/* What a signal is, as text: its size, whoever relays it. */
#define LOAD_SIGNAL_SIZE 200
/* Signals that go out together at most. */
#define LOAD_BURST_MAX 64

enum load_state {
	LOAD_CLOSED,
	LOAD_CONNECTING,
	LOAD_HANDSHAKE, /* the request is sent */
	LOAD_GREETING,  /* upgraded: the server's first message says that the token was good */
	LOAD_OPEN,
	LOAD_HTTP, /* plain HTTP, one request at a time */
};

struct load_socket {
	int fd;
	enum load_state state;
	char *request; /* sent when it is connected */
	uint8_t *rest; /* of what was read: no whole frame or answer yet */
	size_t rest_size;
	char *signal; /* LOAD_SIGNAL_SIZE bytes; those from `stamp` on are replaced when it is sent
		       */
	size_t stamp;
};

struct load_handler {
	void (*opened)(struct load_socket *socket, void *user);
	void (*message)(struct load_socket *socket, struct bytes text, void *user);
	void (*answered)(struct load_socket *socket, void *user); /* of LOAD_HTTP */
	void *user;
};

_Noreturn void load_die(const char *format, ...) PRINTF_LIKE(1, 2);

/* Starts to connect to a port of loopback, from 127.1.x.y by its number: a hub has clients of many
 * addresses. The descriptor is to be watched for both directions. Takes the request. */
void load_connect(struct load_socket *socket, uint16_t port, size_t number, char *request);
/* A plain HTTP request, again and again on one connection. */
void load_ask(struct load_socket *socket);
void load_close(struct load_socket *socket);

/* Something happened on the descriptor. */
void load_event(struct load_socket *socket, bool is_writable, const struct load_handler *handler);

/* Sends the socket's signal so many times, at most LOAD_BURST_MAX, each with `stamp` in it. */
void load_send(struct load_socket *socket, uint64_t stamp, size_t count);
/* The stamp of a signal that was relayed. */
uint64_t load_stamp(struct bytes text);

#endif
