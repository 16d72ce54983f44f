/* A connection: bytes from the socket through OpenSSL to frames, and back.
 *
 * What is sent waits as plaintext, so that a queue is bounded in the caller's own terms; ciphertext
 * is made only as the socket takes it. Handing over, reading on and closed() go through one
 * deferred call, so that no function that a caller uses calls him back. */
#include "net/tls_internal.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"

/* Plaintext of one TLS record. */
#define RECORD_SIZE 16384
/* What a stranger may send at a time. */
#define HANDSHAKE_READ_SIZE 4096
/* Buffers larger than this are given back when they are empty. */
#define BUFFER_KEPT 16384

#define QUEUE_CAPACITY (2 * NET_TLS_QUEUE_MAX + 2 * NET_FRAME_HEADER_SIZE + NET_TLS_REASON_MAX)
/* What OpenSSL adds to IN_FLIGHT_MAX bytes and to a last record, generously. */
#define CIPHER_CAPACITY (NET_TLS_IN_FLIGHT_MAX + 4 * RECORD_SIZE)

static void on_timer(void *user);
static void on_defer(void *user);
static void advance(struct net_tls_conn *conn);

enum err tls_conn_create(
	struct net_tls *tls, conn_settled settled, void *user, struct net_tls_conn **ret_conn)
{
	struct net_tls_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return ERR_NOMEM;
	conn->tls = tls;
	conn->settled = settled;
	conn->settled_user = user;
	conn->queue = buffer_with_max(QUEUE_CAPACITY);
	conn->cipher = buffer_with_max(CIPHER_CAPACITY);
	net_frame_reader_init(&conn->reader);
	net_defer_init(&conn->defer, tls->loop, on_defer, conn);
	enum err err = net_timer_init(&conn->timer, tls->loop, on_timer, conn);
	if (err) {
		free(conn);
		return err;
	}
	CHECK(uv_tcp_init(net_loop_uv(tls->loop), &conn->tcp) == 0);
	conn->tcp.data = conn;
	conn->tcp_open = true;
	*ret_conn = conn;
	return ERR_OK;
}

/* ---- The end ---- */

static void free_all(struct net_tls_conn *conn)
{
	SSL_free(conn->ssl);
	certificate_destroy(conn->certificate);
	buffer_deinit(&conn->queue);
	buffer_deinit(&conn->cipher);
	net_frame_reader_deinit(&conn->reader);
	free(conn);
}

static void on_tcp_closed(uv_handle_t *handle)
{
	struct net_tls_conn *conn = handle->data;
	conn->tcp_closed = true;
	if (conn->destroyed)
		free_all(conn);
}

static void close_tcp(struct net_tls_conn *conn)
{
	if (!conn->tcp_open)
		return;
	conn->tcp_open = false;
	conn->reading = false;
	uv_close((uv_handle_t *)&conn->tcp, on_tcp_closed);
}

void net_tls_conn_destroy(struct net_tls_conn *conn)
{
	if (!conn || conn->destroyed)
		return;
	conn->destroyed = true;
	conn->state = CONN_CLOSED;
	net_timer_deinit(&conn->timer);
	net_defer_cancel(&conn->defer);
	close_tcp(conn);
	if (conn->tcp_closed)
		free_all(conn);
}

void tls_conn_fail(struct net_tls_conn *conn, enum err err, const char *reason)
{
	if (conn->state == CONN_CLOSED)
		return;
	bool settling = conn->state == CONN_CONNECTING || conn->state == CONN_HANDSHAKE;
	conn->state = CONN_CLOSED;
	net_timer_cancel(&conn->timer);
	close_tcp(conn);
	if (settling) {
		conn->settled(conn, err, reason, conn->settled_user);
		return;
	}
	conn->end_err = err;
	if (reason != conn->end_reason &&
		!text_copy(conn->end_reason, sizeof(conn->end_reason), reason))
		text_copy(conn->end_reason, sizeof(conn->end_reason), err_text(err));
	net_defer_post(&conn->defer);
}

static void on_timer(void *user)
{
	struct net_tls_conn *conn = user;
	if (conn->state == CONN_CLOSING) {
		/* Everything is out, only the other side's word for it is missing. */
		bool sent = conn->notified && !conn->writing;
		tls_conn_fail(conn, sent ? ERR_OK : ERR_TIMEOUT, sent ? "" : "not taken in time");
		return;
	}
	tls_conn_fail(conn, ERR_TIMEOUT, "timed out");
}

/* ---- Out ---- */

static size_t queued(const struct net_tls_conn *conn)
{
	return conn->queue.size - conn->queue_sent;
}

static void tidy(struct buffer *buffer)
{
	buffer_clear(buffer);
	if (buffer->capacity > BUFFER_KEPT)
		buffer_deinit(buffer);
}

/* Encrypts as much of the queue as may be in flight. */
static bool seal(struct net_tls_conn *conn)
{
	if (conn->state != CONN_OPEN && conn->state != CONN_CLOSING)
		return true;
	while (queued(conn) > 0 && BIO_ctrl_pending(conn->out) < NET_TLS_IN_FLIGHT_MAX) {
		size_t size = min_size(queued(conn), RECORD_SIZE), written;
		ERR_clear_error();
		if (SSL_write_ex(conn->ssl, conn->queue.data + conn->queue_sent, size, &written) !=
			1)
			return false;
		conn->queue_sent += written;
	}
	if (queued(conn) == 0) {
		tidy(&conn->queue);
		conn->queue_sent = 0;
		if (conn->state == CONN_CLOSING && !conn->notified) {
			conn->notified = true;
			ERR_clear_error();
			(void)SSL_shutdown(conn->ssl);
		}
	}
	return true;
}

/* Moves the ciphertext from OpenSSL to our buffer, which stays in place while libuv writes it. */
static enum err take_cipher(struct net_tls_conn *conn)
{
	size_t size = BIO_ctrl_pending(conn->out);
	if (size == 0)
		return ERR_OK;
	enum err err = buffer_reserve(&conn->cipher, size);
	if (err)
		return err;
	int taken = BIO_read(conn->out, conn->cipher.data + conn->cipher.size, (int)size);
	CHECK(taken >= 0);
	conn->cipher.size += (size_t)taken;
	return ERR_OK;
}

static void on_written(uv_write_t *write, int status);

/* Returns 0 when all was written, UV_EAGAIN when the rest is under way, or an error. */
static int write_cipher(struct net_tls_conn *conn)
{
	uv_buf_t buf = uv_buf_init((char *)conn->cipher.data, (unsigned)conn->cipher.size);
	int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
	if (sent < 0 && sent != UV_EAGAIN)
		return sent;
	conn->cipher_sent = sent > 0 ? (size_t)sent : 0;
	if (conn->cipher_sent == conn->cipher.size) {
		tidy(&conn->cipher);
		conn->cipher_sent = 0;
		return 0;
	}
	buf = uv_buf_init((char *)conn->cipher.data + conn->cipher_sent,
		(unsigned)(conn->cipher.size - conn->cipher_sent));
	conn->write.data = conn;
	int error = uv_write(&conn->write, (uv_stream_t *)&conn->tcp, &buf, 1, on_written);
	conn->writing = error == 0;
	return error ? error : UV_EAGAIN;
}

/* Writes until nothing is left or the socket has enough. */
static void flush(struct net_tls_conn *conn)
{
	if (!conn->ssl)
		return;
	while (conn->tcp_open && !conn->writing) {
		if (!seal(conn)) {
			tls_conn_fail(conn, ERR_CRYPTO, "encryption failed");
			return;
		}
		enum err err = take_cipher(conn);
		if (err) {
			tls_conn_fail(conn, err, err_text(err));
			return;
		}
		if (conn->cipher.size == 0)
			break;
		int error = write_cipher(conn);
		if (error && error != UV_EAGAIN) {
			tls_conn_fail(conn, ERR_IO, uv_strerror(error));
			return;
		}
	}
	if (conn->drained_wanted && queued(conn) <= NET_TLS_QUEUE_LOW)
		net_defer_post(&conn->defer);
}

static void on_written(uv_write_t *write, int status)
{
	struct net_tls_conn *conn = write->data;
	conn->writing = false;
	tidy(&conn->cipher);
	conn->cipher_sent = 0;
	if (conn->state == CONN_CLOSED)
		return;
	if (status < 0)
		tls_conn_fail(conn, ERR_IO, uv_strerror(status));
	else
		flush(conn);
}

/* ---- In ---- */

/* For people: no control characters, and nothing but ASCII if it is not UTF-8. */
static void copy_printable(char *to, struct bytes from)
{
	from = bytes_slice(from, 0, NET_TLS_REASON_MAX);
	bool utf8 = utf8_is_valid(from);
	for (size_t i = 0; i < from.size; i++) {
		uint8_t c = from.data[i];
		bool printable = c >= 0x20 && c != 0x7f && (c < 0x80 || utf8);
		to[i] = printable ? (char)c : '?';
	}
	to[from.size] = 0;
}

static_assert(NET_TLS_REASON_MAX < TLS_REASON_SIZE, "a reason fits");

/* The other side has said that it closes: so do we. */
static void answer_close(struct net_tls_conn *conn)
{
	if (conn->state == CONN_OPEN && !conn->notified) {
		conn->notified = true;
		ERR_clear_error();
		(void)SSL_shutdown(conn->ssl);
		if (!conn->writing && take_cipher(conn) == ERR_OK && conn->cipher.size > 0) {
			uv_buf_t buf =
				uv_buf_init((char *)conn->cipher.data, (unsigned)conn->cipher.size);
			(void)uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
		}
	}
	tls_conn_fail(conn, ERR_OK, conn->end_reason);
}

/* Hands over whole frames. False when nothing more is to be read now. */
static bool deliver(struct net_tls_conn *conn)
{
	struct net_frame frame;
	while (!conn->paused && conn->state != CONN_CLOSED) {
		enum err err = net_frame_reader_next(&conn->reader, &frame);
		if (err == ERR_AGAIN)
			return true;
		if (err) {
			tls_conn_fail(conn, err, "a frame is too large");
			return false;
		}
		conn->stats.frames_in++;
		conn->stats.bytes_in += NET_FRAME_HEADER_SIZE + frame.payload.size;
		if (conn->state == CONN_CLOSING)
			continue;
		if (frame.kind == NET_FRAME_CLOSE) {
			copy_printable(conn->end_reason, frame.payload);
			answer_close(conn);
			return false;
		}
		if (frame.kind != NET_FRAME_TEXT && frame.kind != NET_FRAME_BINARY)
			conn->stats.unknown_in++;
		conn->handler.frame(conn, &frame, conn->handler.user);
	}
	return false;
}

static void read_failed(struct net_tls_conn *conn, int result)
{
	int error = SSL_get_error(conn->ssl, result);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return;
	if (conn->state == CONN_CLOSING) {
		tls_conn_fail(conn, conn->notified ? ERR_OK : ERR_CLOSED, "");
	} else if (error != SSL_ERROR_ZERO_RETURN) {
		/* An alert of the other side's has a text, too. */
		const char *text = ERR_reason_error_string(ERR_peek_error());
		tls_conn_fail(conn, ERR_CRYPTO, text ? text : "the TLS stream is damaged");
	} else if (!net_frame_reader_is_empty(&conn->reader)) {
		tls_conn_fail(conn, ERR_MALFORMED, "ended within a frame");
	} else {
		answer_close(conn);
	}
}

/* Decrypts and delivers all that has arrived. */
static void drain(struct net_tls_conn *conn)
{
	while (deliver(conn)) {
		uint8_t *space = net_frame_reader_space(&conn->reader, RECORD_SIZE);
		if (!space) {
			tls_conn_fail(conn, ERR_NOMEM, err_text(ERR_NOMEM));
			return;
		}
		ERR_clear_error();
		size_t size;
		int result = SSL_read_ex(conn->ssl, space, RECORD_SIZE, &size);
		if (result != 1) {
			read_failed(conn, result);
			break;
		}
		net_frame_reader_added(&conn->reader, size);
	}
	if (conn->destroyed)
		return;
	if (conn->reader.in.capacity > BUFFER_KEPT * 4 &&
		net_frame_reader_is_empty(&conn->reader)) {
		net_frame_reader_deinit(&conn->reader);
		net_frame_reader_init(&conn->reader);
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
	(void)suggested;
	struct net_tls_conn *conn = handle->data;
	bool stranger = conn->state == CONN_HANDSHAKE;
	*ret_buf = uv_buf_init(
		(char *)conn->tls->read_buffer, stranger ? HANDSHAKE_READ_SIZE : TLS_READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
	struct net_tls_conn *conn = stream->data;
	if (conn->state == CONN_CLOSED || size == 0)
		return;
	if (size < 0 && conn->state == CONN_CLOSING) {
		tls_conn_fail(conn, conn->notified && !conn->writing ? ERR_OK : ERR_CLOSED, "");
		return;
	}
	if (size < 0) {
		bool refused = conn->state == CONN_HANDSHAKE;
		tls_conn_fail(conn, refused ? ERR_REFUSED : ERR_IO,
			size == UV_EOF ? "the connection was closed" : uv_strerror((int)size));
		return;
	}
	if (!conn->ssl) {
		enum err err = tls_session_create(conn);
		if (err) {
			tls_conn_fail(conn, err, err_text(err));
			return;
		}
	}
	if (BIO_write(conn->in, buf->base, (int)size) != (int)size) {
		tls_conn_fail(conn, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	if (conn->state == CONN_HANDSHAKE)
		conn->handshake_bytes += (size_t)size;
	advance(conn);
}

/* Reads from the socket exactly when somebody wants what comes. */
static void update_reading(struct net_tls_conn *conn)
{
	bool wanted = conn->tcp_open && !conn->paused &&
		      (conn->state == CONN_HANDSHAKE || conn->state == CONN_OPEN ||
			      conn->state == CONN_CLOSING);
	if (wanted == conn->reading || !conn->tcp_open)
		return;
	conn->reading = wanted;
	if (!wanted) {
		uv_read_stop((uv_stream_t *)&conn->tcp);
		return;
	}
	int error = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
	if (error)
		tls_conn_fail(conn, ERR_IO, uv_strerror(error));
}

static void shake_hands(struct net_tls_conn *conn)
{
	const char *reason = "";
	enum err err = tls_session_handshake(conn, &reason);
	if (err == ERR_AGAIN && conn->handshake_bytes > NET_TLS_HANDSHAKE_BYTES_MAX) {
		reason = "too long a handshake";
		err = ERR_LIMIT;
	}
	/* Our part of the handshake or, if it failed, the alert. */
	flush(conn);
	if (err == ERR_AGAIN || conn->state == CONN_CLOSED)
		return;
	if (err) {
		tls_conn_fail(conn, err, reason);
		return;
	}
	conn->state = CONN_READY;
	net_timer_cancel(&conn->timer);
	update_reading(conn);
	conn->settled(conn, ERR_OK, "", conn->settled_user);
}

static void advance(struct net_tls_conn *conn)
{
	if (conn->state == CONN_HANDSHAKE) {
		shake_hands(conn);
		return;
	}
	if (conn->state == CONN_OPEN || conn->state == CONN_CLOSING)
		drain(conn);
	if (conn->state != CONN_CLOSED)
		flush(conn);
	if (conn->state != CONN_CLOSED)
		update_reading(conn);
}

static void on_defer(void *user)
{
	struct net_tls_conn *conn = user;
	if (conn->state == CONN_CLOSED) {
		if (conn->handler.closed)
			conn->handler.closed(
				conn, conn->end_err, conn->end_reason, conn->handler.user);
		return;
	}
	if (conn->drained_wanted && queued(conn) <= NET_TLS_QUEUE_LOW) {
		conn->drained_wanted = false;
		if (conn->handler.drained)
			conn->handler.drained(conn, conn->handler.user);
		if (conn->destroyed)
			return;
	}
	advance(conn);
}

/* ---- The beginning ---- */

static void set_options(struct net_tls_conn *conn)
{
	uv_os_fd_t fd;
	/* All of these help, none is needed. */
	(void)uv_tcp_nodelay(&conn->tcp, 1);
	(void)uv_tcp_keepalive(&conn->tcp, 1, NET_TLS_KEEPALIVE_SEC);
	unsigned timeout = NET_TLS_UNACKNOWLEDGED_MS;
	if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
	struct sockaddr_storage name;
	int size = sizeof(name);
	if (uv_tcp_getsockname(&conn->tcp, (struct sockaddr *)&name, &size) == 0)
		(void)addr_of_sockaddr((struct sockaddr *)&name, &conn->local);
}

void tls_conn_begin(struct net_tls_conn *conn, bool server, usec deadline)
{
	CHECK(conn->state == CONN_CONNECTING);
	conn->state = CONN_HANDSHAKE;
	conn->server = server;
	net_timer_set(&conn->timer, deadline);
	set_options(conn);
	update_reading(conn);
	if (server || conn->state == CONN_CLOSED)
		return;
	enum err err = tls_session_create(conn);
	if (err)
		tls_conn_fail(conn, err, err_text(err));
	else
		advance(conn);
}

void net_tls_conn_start(struct net_tls_conn *conn, const struct net_tls_handler *handler)
{
	CHECK(handler->frame);
	CHECK(handler->closed);
	CHECK(!conn->handler.frame);
	conn->handler = *handler;
	if (conn->state == CONN_READY)
		conn->state = CONN_OPEN;
	net_defer_post(&conn->defer);
}

/* ---- For the caller ---- */

static enum err enqueue(struct net_tls_conn *conn, const struct net_frame *frame)
{
	if (conn->queue_sent >= NET_TLS_QUEUE_MAX / 2) {
		buffer_consume(&conn->queue, conn->queue_sent);
		conn->queue_sent = 0;
	}
	enum err err = net_frame_append(&conn->queue, frame);
	if (err)
		return err;
	conn->stats.frames_out++;
	conn->stats.bytes_out += NET_FRAME_HEADER_SIZE + frame->payload.size;
	net_defer_post(&conn->defer);
	return ERR_OK;
}

enum err net_tls_conn_send(struct net_tls_conn *conn, const struct net_frame *frame)
{
	CHECK(conn->state != CONN_READY);
	if (frame->payload.size > NET_FRAME_PAYLOAD_MAX)
		return ERR_TOO_LARGE;
	if (conn->state != CONN_OPEN)
		return ERR_CLOSED;
	size_t size = NET_FRAME_HEADER_SIZE + frame->payload.size;
	if (queued(conn) > 0 && queued(conn) + size > NET_TLS_QUEUE_MAX) {
		conn->drained_wanted = true;
		return ERR_AGAIN;
	}
	return enqueue(conn, frame);
}

size_t net_tls_conn_buffered(const struct net_tls_conn *conn)
{
	return queued(conn) + conn->cipher.size - conn->cipher_sent;
}

void net_tls_conn_pause(struct net_tls_conn *conn, bool paused)
{
	conn->paused = paused;
	if (conn->state != CONN_CLOSED)
		net_defer_post(&conn->defer);
}

void net_tls_conn_close(struct net_tls_conn *conn, const char *reason)
{
	CHECK(conn->handler.closed);
	if (conn->state != CONN_OPEN)
		return;
	struct net_frame frame = {.kind = NET_FRAME_CLOSE,
		.payload = bytes_slice(bytes_of_text(reason), 0, NET_TLS_REASON_MAX)};
	/* Without memory for the reason it is closed without one. */
	if (enqueue(conn, &frame) != ERR_OK)
		net_defer_post(&conn->defer);
	conn->state = CONN_CLOSING;
	conn->paused = false;
	net_timer_set(&conn->timer, net_now() + NET_TLS_CLOSE_TIMEOUT);
}

const struct certificate *net_tls_conn_certificate(const struct net_tls_conn *conn)
{
	return conn->certificate;
}

const struct addr *net_tls_conn_local(const struct net_tls_conn *conn)
{
	return &conn->local;
}

const struct addr *net_tls_conn_remote(const struct net_tls_conn *conn)
{
	return &conn->remote;
}

const struct net_tls_conn_stats *net_tls_conn_stats(const struct net_tls_conn *conn)
{
	return &conn->stats;
}
