/* A TLS session of a server on an accepted socket. OpenSSL reads and writes the socket itself, one
 * record at a time, so that what it does not need stays in the kernel. */
#include "net/tls_server_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct net_tls_stream {
	struct net_tls_server *server;
	SSL *ssl; /* NULL before the first byte came */
	int fd;
	bool wants_write;
	bool broken;
};

enum err net_tls_stream_create(
	struct net_tls_server *server, int fd, struct net_tls_stream **ret_stream)
{
	struct net_tls_stream *stream = calloc(1, sizeof(*stream));
	if (!stream)
		return ERR_NOMEM;
	stream->server = server;
	stream->fd = fd;
	*ret_stream = stream;
	return ERR_OK;
}

void net_tls_stream_destroy(struct net_tls_stream *stream)
{
	if (!stream)
		return;
	SSL_free(stream->ssl);
	free(stream);
}

/* The session, made when there is something for it. */
static enum err begin(struct net_tls_stream *stream)
{
	uint8_t byte;
	stream->wants_write = false;
	if (stream->broken)
		return ERR_IO;
	if (stream->ssl)
		return ERR_OK;
	ssize_t size = recv(stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (size == 0)
		return ERR_CLOSED;
	if (size < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? ERR_AGAIN
										 : ERR_IO;
	stream->ssl = tls_server_session(stream->server);
	if (!stream->ssl || SSL_set_fd(stream->ssl, stream->fd) != 1)
		return ERR_NOMEM;
	SSL_set_accept_state(stream->ssl);
	return ERR_OK;
}

/* What it means that a call of OpenSSL's did not succeed. */
static enum err failure(struct net_tls_stream *stream, int result)
{
	int error = SSL_get_error(stream->ssl, result);
	if (error == SSL_ERROR_WANT_READ)
		return ERR_AGAIN;
	if (error == SSL_ERROR_WANT_WRITE) {
		stream->wants_write = true;
		return ERR_AGAIN;
	}
	if (error == SSL_ERROR_ZERO_RETURN)
		return ERR_CLOSED;
	stream->broken = true;
	/* Who hangs up without close_notify leaves nothing in the queue, or this. */
	bool is_end = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
	bool is_damaged = error == SSL_ERROR_SSL && !is_end;
	ERR_clear_error();
	return is_damaged ? ERR_CRYPTO : ERR_IO;
}

enum err net_tls_stream_read(
	struct net_tls_stream *stream, uint8_t *data, size_t capacity, size_t *ret_size)
{
	enum err err = begin(stream);
	if (err != ERR_OK)
		return err;
	ERR_clear_error();
	int result = SSL_read_ex(stream->ssl, data, capacity, ret_size);
	return result == 1 ? ERR_OK : failure(stream, result);
}

enum err net_tls_stream_peek(struct net_tls_stream *stream)
{
	uint8_t byte;
	size_t size;
	enum err err = begin(stream);
	if (err != ERR_OK)
		return err;
	ERR_clear_error();
	int result = SSL_peek_ex(stream->ssl, &byte, 1, &size);
	return result == 1 ? ERR_OK : failure(stream, result);
}

enum err net_tls_stream_write(struct net_tls_stream *stream, struct bytes bytes, size_t *ret_size)
{
	enum err err = begin(stream);
	if (err != ERR_OK)
		return err;
	ERR_clear_error();
	int result = SSL_write_ex(stream->ssl, bytes.data, bytes.size, ret_size);
	return result == 1 ? ERR_OK : failure(stream, result);
}

bool net_tls_stream_has_pending(const struct net_tls_stream *stream)
{
	return stream->ssl && SSL_pending(stream->ssl) > 0;
}

bool net_tls_stream_wants_write(const struct net_tls_stream *stream)
{
	return stream->wants_write;
}

void net_tls_stream_end(struct net_tls_stream *stream)
{
	if (!stream->ssl || stream->broken || !SSL_is_init_finished(stream->ssl))
		return;
	ERR_clear_error();
	(void)SSL_shutdown(stream->ssl);
	ERR_clear_error();
}
