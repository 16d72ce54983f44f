/* What carries a connection of the server: a socket that does not block, as it is or under TLS. */
#ifndef WEB_TRANSPORT_H
#define WEB_TRANSPORT_H

#include "base/bytes.h"
#include "base/err.h"

struct net_tls_server;
struct net_tls_stream;

struct transport {
	int fd;                     /* -1: none */
	struct net_tls_stream *tls; /* NULL: as it is */
};

/* Takes the descriptor; `server` is NULL for none but TCP. ERR_NOMEM: it stays the caller's. */
MUST_CHECK enum err transport_init(
	struct transport *transport, int fd, struct net_tls_server *server);
/* Accepts one without a descriptor. */
void transport_deinit(struct transport *transport);

/* ERR_AGAIN: nothing there now, see transport_events(); ERR_CLOSED: the other side's end; ERR_IO;
 * ERR_CRYPTO: it does not speak TLS, or not ours. */
MUST_CHECK enum err transport_read(
	struct transport *transport, uint8_t *data, size_t capacity, size_t *ret_size);
/* Whether something is there, or the end, without taking it. */
MUST_CHECK enum err transport_peek(struct transport *transport);
/* May take a part. ERR_AGAIN, ERR_IO. */
MUST_CHECK enum err transport_write(
	struct transport *transport, struct bytes bytes, size_t *ret_size);
/* We send no more. */
void transport_end(struct transport *transport);

/* What to watch the descriptor for (enum net_watch_event), for somebody who wants `events`: TLS may
 * have to write before it can read. */
unsigned transport_events(const struct transport *transport, unsigned events);
/* There is something to read although the descriptor does not say so. */
bool transport_has_pending(const struct transport *transport);

#endif
