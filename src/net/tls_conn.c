/* A connection from its beginning to its end, and what its owner does with it. Handing over,
 * reading on and closed() go through one deferred call, so that no function that a caller uses
 * calls him back. */
#include "net/tls_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/internal.h"

#define QUEUE_CAPACITY (2 * NET_TLS_QUEUE_MAX + 2 * NET_FRAME_HEADER_SIZE + NET_TLS_REASON_MAX)
/* What OpenSSL adds to IN_FLIGHT_MAX bytes and to a last record, generously. */
#define CIPHER_CAPACITY (NET_TLS_IN_FLIGHT_MAX + 4 * 16384)

static void on_timer(void *user);
static void on_defer(void *user);

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
static void on_defer(void *user)
{
	struct net_tls_conn *conn = user;
	if (conn->state == CONN_CLOSED) {
		if (conn->handler.closed)
			conn->handler.closed(
				conn, conn->end_err, conn->end_reason, conn->handler.user);
		return;
	}
	if (tls_write_is_drained(conn)) {
		conn->drained_wanted = conn->bulk_wanted = false;
		if (conn->handler.drained)
			conn->handler.drained(conn, conn->handler.user);
		if (conn->destroyed)
			return;
	}
	tls_read_advance(conn);
}
/* ---- The beginning ---- */

static void set_options(struct net_tls_conn *conn)
{
	uv_os_fd_t fd;
	/* All of these help, none is needed. */
	(void)uv_tcp_nodelay(&conn->tcp, 1);
	(void)uv_tcp_keepalive(&conn->tcp, 1, NET_TLS_KEEPALIVE_SEC);
	unsigned timeout = NET_TLS_UNACKNOWLEDGED_MS;
	int interval = NET_TLS_KEEPALIVE_INTERVAL_SEC;
	int unsent = NET_TLS_UNSENT_MAX;
	if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
		(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	}
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
	tls_read_update(conn);
	if (server || conn->state == CONN_CLOSED)
		return;
	enum err err = tls_session_create(conn);
	if (err)
		tls_conn_fail(conn, err, err_text(err));
	else
		tls_read_advance(conn);
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
	if (tls_write_queued(conn) > 0 && tls_write_queued(conn) + size > NET_TLS_QUEUE_MAX) {
		conn->drained_wanted = true;
		return ERR_AGAIN;
	}
	return enqueue(conn, frame);
}

enum err net_tls_conn_send_bulk(struct net_tls_conn *conn, const struct net_frame *frame)
{
	if (conn->state == CONN_OPEN && net_tls_conn_buffered(conn) >= NET_TLS_BULK_MAX) {
		conn->bulk_wanted = true;
		return ERR_AGAIN;
	}
	return net_tls_conn_send(conn, frame);
}

size_t net_tls_conn_buffered(const struct net_tls_conn *conn)
{
	return tls_write_queued(conn) + conn->cipher.size - conn->cipher_sent;
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

bool net_tls_conn_tcp(const struct net_tls_conn *conn, struct net_tcp_stats *ret_stats)
{
	uv_os_fd_t fd;
	return conn->tcp_open && uv_fileno((const uv_handle_t *)&conn->tcp, &fd) == 0 &&
	       net_tcp_stats_read(fd, ret_stats);
}

const struct net_tls_conn_stats *net_tls_conn_stats(const struct net_tls_conn *conn)
{
	return &conn->stats;
}
