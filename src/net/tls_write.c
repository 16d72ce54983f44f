/* The way out: frames wait as plaintext, so that a queue is bounded in the caller's own terms;
 * ciphertext is made only as the socket takes it. */
#include "net/tls_internal.h"

/* Plaintext of one TLS record. */
#define RECORD_SIZE 16384

static void tidy(struct buffer *buffer)
{
	buffer_clear(buffer);
	if (buffer->capacity > TLS_BUFFER_KEPT)
		buffer_deinit(buffer);
}

/* Encrypts as much of the queue as may be in flight. */
static bool seal(struct net_tls_conn *conn)
{
	if (conn->state != CONN_OPEN && conn->state != CONN_CLOSING)
		return true;
	while (tls_write_queued(conn) > 0 && BIO_ctrl_pending(conn->out) < NET_TLS_IN_FLIGHT_MAX) {
		size_t size = min_size(tls_write_queued(conn), RECORD_SIZE), written;
		ERR_clear_error();
		if (SSL_write_ex(conn->ssl, conn->queue.data + conn->queue_sent, size, &written) !=
			1)
			return false;
		conn->queue_sent += written;
	}
	if (tls_write_queued(conn) == 0) {
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

bool tls_write_is_drained(const struct net_tls_conn *conn)
{
	return (conn->drained_wanted && tls_write_queued(conn) <= NET_TLS_QUEUE_LOW) ||
	       (conn->bulk_wanted && net_tls_conn_buffered(conn) <= NET_TLS_BULK_LOW);
}

/* Writes until nothing is left or the socket has enough. */
void tls_write_flush(struct net_tls_conn *conn)
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
	if (tls_write_is_drained(conn))
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
		tls_write_flush(conn);
}

void tls_write_goodbye(struct net_tls_conn *conn)
{
	if (conn->notified)
		return;
	conn->notified = true;
	ERR_clear_error();
	(void)SSL_shutdown(conn->ssl);
	if (conn->writing || take_cipher(conn) != ERR_OK || conn->cipher.size == 0)
		return;
	uv_buf_t buf = uv_buf_init((char *)conn->cipher.data, (unsigned)conn->cipher.size);
	(void)uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
}
