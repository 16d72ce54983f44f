/* A byte stream: TCP, or TLS over it to a server, whose certificate is checked against the
 * authorities of this machine, as for any web server. For relays, and for WebRTC where UDP is
 * blocked, where there is a listener as well; direct links talk through net/tls.h.
 *
 * Bytes come as they come: what a message is, is the caller's business. Callbacks never come from
 * within a call into this file. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/addr.h"
#include "net/loop.h"

struct net_stream;

struct net_stream_config {
	struct addr local; /* whose IP to connect from; ADDR_NONE: any */
	struct addr remote;
	/* How long what was sent may stay unacknowledged; 0: as the system has it, many minutes. */
	usec patience;
	/* NULL: no TLS. Else the name or IP that the certificate must be for; copied, at most
	 * NET_HOST_MAX with its final zero. */
	const char *tls_name;
	const char *authorities; /* a PEM file; NULL: those of this machine */
	/* It is open: bytes can be sent. */
	void (*opened)(void *user);
	/* Borrowed for the call. */
	void (*received)(struct bytes bytes, void *user);
	/* Bytes that waited for the socket do so no more. NULL: not wanted. */
	void (*drained)(void *user);
	/* The last one, but for net_stream_destroy(): ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT
	 * (NET_STREAM_OPEN_TIMEOUT), ERR_UNTRUSTED (the certificate), ERR_CRYPTO, ERR_CLOSED (by
	 * the server), ERR_IO. `reason` is text for people. */
	void (*closed)(enum err err, const char *reason, void *user);
	void *user;
};

/* ERR_TOO_LARGE (the name), ERR_NOT_FOUND (the authorities), ERR_CRYPTO, ERR_UNSUPPORTED (the
 * family), ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err net_stream_create(struct net_loop *loop, const struct net_stream_config *config,
	struct net_stream **ret_stream);
/* At once, unsent bytes included. In a callback of its own too. Accepts NULL. */
void net_stream_destroy(struct net_stream *stream);

/* Copies what the kernel does not take at once. ERR_STATE until it is open, ERR_CLOSED, ERR_AGAIN:
 * more than NET_STREAM_QUEUE_MAX wait already, and nothing was taken. */
MUST_CHECK enum err net_stream_send(struct net_stream *stream, struct bytes bytes);

/* Bytes that wait for the socket. */
size_t net_stream_queued(const struct net_stream *stream);

const struct addr *net_stream_remote(const struct net_stream *stream);

/* ---- Listening ---- */

struct net_stream_listener;

struct net_stream_listener_config {
	struct addr local; /* port 0: any */
	/* Somebody has connected, of whom nothing but the addresses is known. The stream is open,
	 * and the callee's: it is given a handler with net_stream_handle(), or destroyed, at once.
	 */
	void (*accepted)(struct net_stream *stream, const struct path *path, void *user);
	void *user;
};

/* ERR_ADDRESS_IN_USE, ERR_DENIED, ERR_UNREACHABLE, ERR_UNSUPPORTED (the family), ERR_NOMEM, ERR_IO.
 */
MUST_CHECK enum err net_stream_listener_create(struct net_loop *loop,
	const struct net_stream_listener_config *config, struct net_stream_listener **ret_listener);
/* Streams that it has handed out stay. Not in its callback. Accepts NULL. */
void net_stream_listener_destroy(struct net_stream_listener *listener);
/* What it is bound to, with the port that it got. */
const struct addr *net_stream_listener_local(const struct net_stream_listener *listener);

/* Of the configuration the callbacks, `user` and `patience` count. */
void net_stream_handle(struct net_stream *stream, const struct net_stream_config *config);

#endif
