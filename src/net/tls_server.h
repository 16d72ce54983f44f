/* TLS of an ordinary server, HTTPS for one: a certificate chain and its key from files, which can
 * be exchanged while connections are open, and the sessions of accepted sockets.
 *
 * TLS 1.2 (with ECDHE and AEAD only) and 1.3, no client certificates, no renegotiation, nothing
 * remembered between sessions; a client that offers protocols (ALPN) must offer "http/1.1". */
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

#include "base/bytes.h"
#include "base/err.h"

/* Room for the line that says what is wrong with certificate or key. */
#define NET_TLS_PROBLEM_MAX 1024

/* ---- Certificate and key ---- */

struct net_tls_server;

/* Copies the paths, of PEM files. ERR_IO, ERR_CRYPTO, ERR_NOMEM: `problem` says which file, why,
 * and what to do. */
MUST_CHECK enum err net_tls_server_create(const char *certificate_path, const char *key_path,
	char *problem, struct net_tls_server **ret_server);
/* After its streams. Accepts NULL. */
void net_tls_server_destroy(struct net_tls_server *server);

/* Reads the files anew, for sessions that begin from now on. On failure, as above, nothing has
 * changed. */
MUST_CHECK enum err net_tls_server_reload(struct net_tls_server *server, char *problem);
/* Whether the files are others than when they were last read, or tried to be. */
bool net_tls_server_is_stale(const struct net_tls_server *server);
/* When the certificate that is in use ends, in unix seconds. */
int64_t net_tls_server_expires(const struct net_tls_server *server);

/* ---- Sessions ---- */

struct net_tls_stream;

/* On a socket that does not block, which stays the caller's. Little is allocated before its first
 * byte has come. ERR_NOMEM. */
MUST_CHECK enum err net_tls_stream_create(
	struct net_tls_server *server, int fd, struct net_tls_stream **ret_stream);
/* Says nothing to the other side; see net_tls_stream_end(). Accepts NULL. */
void net_tls_stream_destroy(struct net_tls_stream *stream);

/* Both shake hands first where that is not done. ERR_AGAIN: when the socket is readable, or
 * writable if net_tls_stream_wants_write(). ERR_CLOSED: the other side's end, in good order.
 * ERR_CRYPTO: what came is no TLS, or damaged, or not to be agreed on. ERR_IO. */
MUST_CHECK enum err net_tls_stream_read(
	struct net_tls_stream *stream, uint8_t *data, size_t capacity, size_t *ret_size);
/* May take less than there is. */
MUST_CHECK enum err net_tls_stream_write(
	struct net_tls_stream *stream, struct bytes bytes, size_t *ret_size);
/* Whether something can be read (without taking it): ERR_OK, or as net_tls_stream_read(). */
MUST_CHECK enum err net_tls_stream_peek(struct net_tls_stream *stream);
/* Bytes that the socket does not show any more, for they are decrypted and wait to be read. */
bool net_tls_stream_has_pending(const struct net_tls_stream *stream);
bool net_tls_stream_wants_write(const struct net_tls_stream *stream);
/* We send no more: close_notify, if the socket takes it at once. */
void net_tls_stream_end(struct net_tls_stream *stream);

#endif
