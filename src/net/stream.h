/* A byte stream to a server: TCP, or TLS over it with the server's certificate checked against the
 * authorities of this machine, as for any web server. For relays; nodes talk through net/tls.h.
 *
 * Bytes come as they come: what a message is, is the caller's business. Callbacks never come from
 * within a call into this file. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/addr.h"
#include "net/loop.h"

struct net_stream;

struct net_stream_config {
	struct addr remote;
	/* NULL: no TLS. Else the name or IP that the certificate must be for; copied, at most
	 * NET_HOST_MAX with its final zero. */
	const char *tls_name;
	const char *authorities; /* a PEM file; NULL: those of this machine */
	/* It is open: bytes can be sent. */
	void (*opened)(void *user);
	/* Borrowed for the call. */
	void (*received)(struct bytes bytes, void *user);
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

const struct addr *net_stream_remote(const struct net_stream *stream);

#endif
