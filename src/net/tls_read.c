/* The way in: bytes from the socket through OpenSSL to frames. While a handshake is under way
 * little is taken at a time, and little in all; afterwards only as much as somebody wants. */
#include "net/tls_internal.h"

#include <assert.h>

#include "base/text.h"

/* Plaintext of one TLS record. */
#define RECORD_SIZE 16384
/* What a stranger may send at a time. */
#define HANDSHAKE_READ_SIZE 4096

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
	tls_write_goodbye(conn);
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
	if (conn->reader.in.capacity > TLS_BUFFER_KEPT * 4 &&
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
	tls_read_advance(conn);
}

/* Reads from the socket exactly when somebody wants what comes. */
void tls_read_update(struct net_tls_conn *conn)
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
	tls_write_flush(conn);
	if (err == ERR_AGAIN || conn->state == CONN_CLOSED)
		return;
	if (err) {
		tls_conn_fail(conn, err, reason);
		return;
	}
	conn->state = CONN_READY;
	net_timer_cancel(&conn->timer);
	tls_read_update(conn);
	conn->settled(conn, ERR_OK, "", conn->settled_user);
}

void tls_read_advance(struct net_tls_conn *conn)
{
	if (conn->state == CONN_HANDSHAKE) {
		shake_hands(conn);
		return;
	}
	if (conn->state == CONN_OPEN || conn->state == CONN_CLOSING)
		drain(conn);
	if (conn->state != CONN_CLOSED)
		tls_write_flush(conn);
	if (conn->state != CONN_CLOSED)
		tls_read_update(conn);
}
