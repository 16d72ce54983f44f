#include "net/stream.h"

#include "crypto/openssl.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/text.h"
#include "net/internal.h"
#include "net/limits.h"
#include "net/stream_internal.h"

/* Reads in one wake-up before others have their turn. */
#define READS_MAX 16

enum stream_state {
	STREAM_CONNECTING,
	STREAM_HANDSHAKE,
	STREAM_OPEN,
	STREAM_CLOSED,
};

struct net_stream {
	struct net_stream_config config; /* the texts are not kept */
	enum stream_state state;
	int fd;
	struct net_watch *watch;
	struct net_timer timer; /* until it is open */
	struct net_defer defer; /* closed() */
	SSL_CTX *ctx;           /* NULL: no TLS */
	SSL *ssl;
	struct buffer queue;
	size_t queue_sent;
	bool in_callback, destroyed;
	enum err end_err;
	const char *end_reason;
};

static void free_all(struct net_stream *stream)
{
	SSL_free(stream->ssl);
	SSL_CTX_free(stream->ctx);
	buffer_deinit(&stream->queue);
	free(stream);
}

static void close_fd(struct net_stream *stream)
{
	net_watch_destroy(stream->watch);
	stream->watch = NULL;
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

void net_stream_destroy(struct net_stream *stream)
{
	if (!stream || stream->destroyed)
		return;
	stream->destroyed = true;
	stream->state = STREAM_CLOSED;
	net_timer_deinit(&stream->timer);
	net_defer_cancel(&stream->defer);
	close_fd(stream);
	if (!stream->in_callback)
		free_all(stream);
}

static void fail(struct net_stream *stream, enum err err, const char *reason)
{
	if (stream->state == STREAM_CLOSED)
		return;
	stream->state = STREAM_CLOSED;
	stream->end_err = err;
	stream->end_reason = reason;
	net_timer_cancel(&stream->timer);
	close_fd(stream);
	net_defer_post(&stream->defer);
}

/* Between begin and end of a callback the stream may be destroyed; then end says false, and it is
 * gone. */
static void callback_begin(struct net_stream *stream)
{
	stream->in_callback = true;
}

static bool callback_end(struct net_stream *stream)
{
	stream->in_callback = false;
	if (!stream->destroyed)
		return true;
	free_all(stream);
	return false;
}

static void on_closed(void *user)
{
	struct net_stream *stream = user;
	callback_begin(stream);
	stream->config.closed(stream->end_err, stream->end_reason, stream->config.user);
	(void)callback_end(stream);
}

static void on_timeout(void *user)
{
	fail(user, ERR_TIMEOUT, "timed out");
}

/* ---- Out ---- */

static size_t queued(const struct net_stream *stream)
{
	return stream->queue.size - stream->queue_sent;
}

static void fail_tls(struct net_stream *stream)
{
	long verdict = SSL_get_verify_result(stream->ssl);
	const char *text = ERR_reason_error_string(ERR_peek_error());
	if (verdict != X509_V_OK)
		fail(stream, ERR_UNTRUSTED, X509_verify_cert_error_string(verdict));
	else if (stream->state == STREAM_HANDSHAKE)
		fail(stream, ERR_CRYPTO, text ? text : "no TLS is spoken there");
	else
		fail(stream, ERR_CRYPTO, text ? text : "the TLS stream is damaged");
}

/* How many were taken; 0 when the socket is full or the stream has failed. */
static size_t write_some(struct net_stream *stream, struct bytes bytes)
{
	if (stream->ssl) {
		size_t size = 0;
		ERR_clear_error();
		int result = SSL_write_ex(stream->ssl, bytes.data, bytes.size, &size);
		int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, result);
		if (error == SSL_ERROR_SYSCALL)
			fail(stream, ERR_IO, "the connection broke");
		else if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_WRITE &&
			 error != SSL_ERROR_WANT_READ)
			fail_tls(stream);
		return size;
	}
	ssize_t size = send(stream->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
	if (size < 0 && errno != EAGAIN && errno != EINTR)
		fail(stream, ERR_IO, strerror(errno));
	return size > 0 ? (size_t)size : 0;
}

static void flush(struct net_stream *stream)
{
	while (stream->state == STREAM_OPEN && queued(stream) > 0) {
		size_t size = write_some(stream, bytes_slice(buffer_bytes(&stream->queue),
							 stream->queue_sent, queued(stream)));
		if (size == 0)
			break;
		stream->queue_sent += size;
	}
	if (stream->state != STREAM_OPEN)
		return;
	if (queued(stream) == 0) {
		buffer_deinit(&stream->queue);
		stream->queue_sent = 0;
	}
	net_watch_set(stream->watch, NET_READABLE | (queued(stream) > 0 ? NET_WRITABLE : 0u));
}

/* What waited goes out. False when the stream is gone. */
static bool drain(struct net_stream *stream)
{
	bool waited = queued(stream) > 0;
	flush(stream);
	if (!waited || stream->state != STREAM_OPEN || queued(stream) > 0 ||
		!stream->config.drained)
		return true;
	callback_begin(stream);
	stream->config.drained(stream->config.user);
	return callback_end(stream);
}

enum err net_stream_send(struct net_stream *stream, struct bytes bytes)
{
	if (stream->state == STREAM_CLOSED)
		return ERR_CLOSED;
	if (stream->state != STREAM_OPEN)
		return ERR_STATE;
	if (queued(stream) > 0 && queued(stream) + bytes.size > NET_STREAM_QUEUE_MAX)
		return ERR_AGAIN;
	buffer_consume(&stream->queue, stream->queue_sent);
	stream->queue_sent = 0;
	enum err err = buffer_append(&stream->queue, bytes);
	if (err)
		return err;
	flush(stream);
	return ERR_OK;
}

/* ---- In ---- */

/* The size, 0 when there is no more for now or the stream has failed. */
static size_t read_some(struct net_stream *stream, uint8_t *data, size_t capacity)
{
	if (stream->ssl) {
		size_t size = 0;
		ERR_clear_error();
		int result = SSL_read_ex(stream->ssl, data, capacity, &size);
		int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(stream->ssl, result);
		if (error == SSL_ERROR_ZERO_RETURN)
			fail(stream, ERR_CLOSED, "the server closed the connection");
		else if (error == SSL_ERROR_SYSCALL)
			fail(stream, ERR_IO, "the connection broke");
		else if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ &&
			 error != SSL_ERROR_WANT_WRITE)
			fail_tls(stream);
		return size;
	}
	ssize_t size = recv(stream->fd, data, capacity, 0);
	if (size == 0)
		fail(stream, ERR_CLOSED, "the server closed the connection");
	else if (size < 0 && errno != EAGAIN && errno != EINTR)
		fail(stream, ERR_IO, strerror(errno));
	return size > 0 ? (size_t)size : 0;
}

static void receive(struct net_stream *stream)
{
	uint8_t data[NET_STREAM_READ_MAX];
	for (int i = 0; i < READS_MAX && stream->state == STREAM_OPEN; i++) {
		size_t size = read_some(stream, data, sizeof data);
		if (size == 0)
			return;
		callback_begin(stream);
		stream->config.received(bytes_of(data, size), stream->config.user);
		if (!callback_end(stream))
			return;
	}
	/* What OpenSSL holds decrypted does not make the socket readable. */
	if (stream->state == STREAM_OPEN && stream->ssl && SSL_has_pending(stream->ssl))
		net_watch_set(stream->watch, NET_READABLE | NET_WRITABLE);
}

/* ---- Opening ---- */

/* False when the stream is gone. */
static bool open_up(struct net_stream *stream)
{
	stream->state = STREAM_OPEN;
	net_timer_cancel(&stream->timer);
	net_watch_set(stream->watch, NET_READABLE);
	callback_begin(stream);
	stream->config.opened(stream->config.user);
	return callback_end(stream);
}

static bool shake_hands(struct net_stream *stream)
{
	ERR_clear_error();
	int result = SSL_connect(stream->ssl);
	if (result == 1)
		return open_up(stream);
	int error = SSL_get_error(stream->ssl, result);
	if (error == SSL_ERROR_WANT_READ)
		net_watch_set(stream->watch, NET_READABLE);
	else if (error == SSL_ERROR_WANT_WRITE)
		net_watch_set(stream->watch, NET_READABLE | NET_WRITABLE);
	else if (error == SSL_ERROR_SYSCALL)
		fail(stream, ERR_REFUSED, "the server closed the connection");
	else
		fail_tls(stream);
	return true;
}

static bool connected(struct net_stream *stream)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error) {
		fail(stream, err_of_errno(error), strerror(error));
		return true;
	}
	if (!stream->ctx)
		return open_up(stream);
	stream->state = STREAM_HANDSHAKE;
	return shake_hands(stream);
}

static void on_event(unsigned events, void *user)
{
	struct net_stream *stream = user;
	if (stream->state == STREAM_CONNECTING) {
		if (!(events & NET_WRITABLE) || !connected(stream))
			return;
	} else if (stream->state == STREAM_HANDSHAKE) {
		if (!shake_hands(stream))
			return;
	}
	if (stream->state == STREAM_OPEN && !drain(stream))
		return;
	if (stream->state == STREAM_OPEN)
		receive(stream);
}

static enum err prepare_tls(struct net_stream *stream, const struct net_stream_config *config)
{
	char name[NET_HOST_MAX]; /* libssl's macro takes no constant */
	struct addr ip;
	if (!text_copy(name, sizeof name, config->tls_name))
		return ERR_TOO_LARGE;
	stream->ctx = SSL_CTX_new(TLS_client_method());
	if (!stream->ctx)
		return ERR_CRYPTO;
	SSL_CTX_set_min_proto_version(stream->ctx, TLS1_2_VERSION);
	SSL_CTX_set_verify(stream->ctx, SSL_VERIFY_PEER, NULL);
	/* A queue that is moved and grown is written from again. */
	SSL_CTX_set_mode(
		stream->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	int loaded = config->authorities
			     ? SSL_CTX_load_verify_file(stream->ctx, config->authorities)
			     : SSL_CTX_set_default_verify_paths(stream->ctx);
	if (loaded != 1)
		return ERR_NOT_FOUND;
	stream->ssl = SSL_new(stream->ctx);
	if (!stream->ssl)
		return ERR_NOMEM;
	bool is_ip = addr_parse_ip(name, 0, &ip);
	int named = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream->ssl), name)
			  : SSL_set1_host(stream->ssl, name) &&
				    SSL_set_tlsext_host_name(stream->ssl, name);
	return named && SSL_set_fd(stream->ssl, stream->fd) ? ERR_OK : ERR_CRYPTO;
}

static void configure(const struct net_stream *stream)
{
	int on = 1;
	unsigned patience_ms = (unsigned)(stream->config.patience / USEC_PER_MS);
	(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (patience_ms > 0)
		(void)setsockopt(stream->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms,
			sizeof patience_ms);
}

static enum err bind_to(int fd, const struct addr *local)
{
	struct sockaddr_storage name;
	struct addr any_port = *local;
	any_port.port = 0;
	socklen_t size = sockaddr_of_addr(&any_port, &name);
	return bind(fd, (struct sockaddr *)&name, size) == 0 ? ERR_OK : err_of_errno(errno);
}

static enum err begin(struct net_stream *stream, const struct addr *remote)
{
	struct sockaddr_storage name;
	socklen_t size = sockaddr_of_addr(remote, &name);
	stream->fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return err_of_errno(errno);
	configure(stream);
	enum err err = ERR_OK;
	if (stream->config.local.family != ADDR_NONE)
		err = bind_to(stream->fd, &stream->config.local);
	if (err)
		return err;
	if (connect(stream->fd, (struct sockaddr *)&name, size) != 0 && errno != EINPROGRESS)
		return err_of_errno(errno);
	return ERR_OK;
}

/* Without a descriptor. NULL: memory is out. */
static struct net_stream *create(struct net_loop *loop)
{
	struct net_stream *stream = calloc(1, sizeof *stream);
	if (!stream)
		return NULL;
	stream->queue = buffer_with_max(2 * NET_STREAM_QUEUE_MAX);
	stream->fd = -1;
	net_defer_init(&stream->defer, loop, on_closed, stream);
	if (net_timer_init(&stream->timer, loop, on_timeout, stream) != ERR_OK) {
		free(stream);
		return NULL;
	}
	return stream;
}

enum err stream_of_accepted(
	struct net_loop *loop, int fd, const struct addr *remote, struct net_stream **ret_stream)
{
	struct net_stream *stream = create(loop);
	if (!stream) {
		close(fd);
		return ERR_NOMEM;
	}
	stream->fd = fd;
	stream->state = STREAM_OPEN;
	stream->config.remote = *remote;
	enum err err = net_watch_create(loop, fd, 0, on_event, stream, &stream->watch);
	if (err) {
		net_stream_destroy(stream);
		return err;
	}
	*ret_stream = stream;
	return ERR_OK;
}

void net_stream_handle(struct net_stream *stream, const struct net_stream_config *config)
{
	CHECK(config->received && config->closed);
	CHECK(!stream->config.received);
	struct addr remote = stream->config.remote;
	stream->config = *config;
	stream->config.remote = remote;
	stream->config.tls_name = stream->config.authorities = NULL;
	configure(stream);
	net_watch_set(stream->watch, NET_READABLE);
}

enum err net_stream_create(struct net_loop *loop, const struct net_stream_config *config,
	struct net_stream **ret_stream)
{
	CHECK(config->opened && config->received && config->closed);
	struct net_stream *stream = create(loop);
	if (!stream)
		return ERR_NOMEM;
	stream->config = *config;
	stream->config.tls_name = stream->config.authorities = NULL;
	enum err err = begin(stream, &config->remote);
	if (!err && config->tls_name)
		err = prepare_tls(stream, config);
	if (!err)
		err = net_watch_create(
			loop, stream->fd, NET_WRITABLE, on_event, stream, &stream->watch);
	if (err) {
		net_stream_destroy(stream);
		return err;
	}
	net_timer_set(&stream->timer, net_now() + NET_STREAM_OPEN_TIMEOUT);
	*ret_stream = stream;
	return ERR_OK;
}

size_t net_stream_queued(const struct net_stream *stream)
{
	return queued(stream);
}

const struct addr *net_stream_remote(const struct net_stream *stream)
{
	return &stream->config.remote;
}
