/* What the files of the TLS link share: the context, and a connection from its first byte on. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include "crypto/openssl.h"

#include <openssl/ssl.h>
#include <uv.h>

#include "base/list.h"
#include "net/limits.h"
#include "net/tls.h"

#define TLS_READ_SIZE (64 * 1024)
#define TLS_REASON_SIZE 256
/* Buffers larger than this are given back when they are empty. */
#define TLS_BUFFER_KEPT 16384

struct net_tls {
	struct net_loop *loop;
	SSL_CTX *ctx;
	uint8_t read_buffer[TLS_READ_SIZE]; /* of whoever reads right now */
};

enum conn_state {
	CONN_CONNECTING, /* TCP, of a dial */
	CONN_HANDSHAKE,
	CONN_READY, /* authenticated, waiting for net_tls_conn_start() */
	CONN_OPEN,
	CONN_CLOSING, /* by us: the queue is being sent, then a close frame, then close_notify */
	CONN_CLOSED,  /* nothing happens any more, except that closed() may have to be called */
};

/* How a connection begins: once, in CONN_READY or in CONN_CLOSED with the error and a text. */
typedef void (*conn_settled)(
	struct net_tls_conn *conn, enum err err, const char *reason, void *user);

struct net_tls_conn {
	struct net_tls *tls;
	enum conn_state state;
	bool destroyed, tcp_open, tcp_closed;
	bool paused, reading, drained_wanted, bulk_wanted;
	bool notified; /* close_notify is on its way out */

	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	bool writing; /* `write` is under way with what `cipher` holds */
	struct buffer cipher;
	size_t cipher_sent;

	SSL *ssl; /* NULL before the first byte came to a server */
	BIO *in, *out;
	bool server;
	size_t handshake_bytes;
	struct certificate *certificate;
	enum err verify_err; /* of the certificate check */
	const char *verify_reason;

	/* Whom a dialer expects. */
	char expected_id[NODE_ID_MAX];
	bool has_expected_pin;
	struct node_pin expected_pin;

	struct addr local, remote;
	struct net_timer timer; /* handshake, close */
	struct net_defer defer; /* flush, read on, closed() */
	struct buffer queue;    /* frames to be sent */
	size_t queue_sent;
	struct net_frame_reader reader;
	struct net_tls_conn_stats stats;

	conn_settled settled;
	void *settled_user;
	struct list node; /* of the listener's pending ones */
	struct net_tls_handler handler;
	enum err end_err; /* for closed() */
	char end_reason[TLS_REASON_SIZE];
};

/* An object without a socket yet, in CONN_CONNECTING. */
MUST_CHECK enum err tls_conn_create(
	struct net_tls *tls, conn_settled settled, void *user, struct net_tls_conn **ret_conn);
/* The socket is connected: begins the handshake, which may last until `deadline`. */
void tls_conn_begin(struct net_tls_conn *conn, bool server, usec deadline);
/* Ends it at once: calls settled() or, later, closed(). */
void tls_conn_fail(struct net_tls_conn *conn, enum err err, const char *reason);

/* ---- tls_read.c ---- */

/* Carries on with what has arrived: the handshake, or frames; then sends what is to be sent. */
void tls_read_advance(struct net_tls_conn *conn);
/* Reads from the socket exactly when somebody wants what comes. */
void tls_read_update(struct net_tls_conn *conn);

/* ---- tls_write.c ---- */

static inline size_t tls_write_queued(const struct net_tls_conn *conn)
{
	return conn->queue.size - conn->queue_sent;
}

/* Writes until nothing is left or the socket has enough. */
/* Whether somebody waits for the queue to have fallen, and it has. */
bool tls_write_is_drained(const struct net_tls_conn *conn);
void tls_write_flush(struct net_tls_conn *conn);
/* Says close_notify, if that still fits the socket, once. */
void tls_write_goodbye(struct net_tls_conn *conn);

/* ---- tls_session.c: what is asked of OpenSSL ---- */

MUST_CHECK enum err tls_session_create(struct net_tls_conn *conn);
/* ERR_OK: done. ERR_AGAIN. Others: as conn->verify_reason says or `*ret_reason`. */
MUST_CHECK enum err tls_session_handshake(struct net_tls_conn *conn, const char **ret_reason);

#endif
