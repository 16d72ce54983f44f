/* Direct links: frames over TLS 1.3 over TCP, both sides with the certificate of their node.
 *
 * TLS 1.3 only, ALPN "dpc/1", no resumption, no early data. Certificates are signed by their own
 * keys; TLS proves that the other side holds the key, certificate_check() that the certificate is a
 * node's. Who that node is allowed to be is for the caller to decide: a connection is handed over
 * with the certificate, and reads nothing more before net_tls_conn_start(). A dialer can say whom
 * it expects; then a wrong host is refused before it sees our certificate.
 *
 * A connection that was handed over belongs to the caller until net_tls_conn_destroy(). Callbacks
 * never come from within a call into this file. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/addr.h"
#include "crypto/identity.h"
#include "net/frame.h"
#include "net/loop.h"
#include "net/tcp_stats.h"

/* ---- Both sides ---- */

struct net_tls;

/* Borrows the identity: it must outlive the object, and be unchanged meanwhile. ERR_CRYPTO,
 * ERR_NOMEM. */
MUST_CHECK enum err net_tls_create(
	struct net_loop *loop, const struct identity *identity, struct net_tls **ret_tls);
/* After its listeners, dials and connections. Accepts NULL. */
void net_tls_destroy(struct net_tls *tls);

/* ---- Connections ---- */

struct net_tls_conn;

struct net_tls_handler {
	/* A frame of kind text, binary, or one that we do not know; borrowed for the call. */
	void (*frame)(struct net_tls_conn *conn, const struct net_frame *frame, void *user);
	/* After an ERR_AGAIN: the queue has fallen to NET_TLS_QUEUE_LOW, or what waits to
	 * NET_TLS_BULK_LOW. NULL: not wanted. */
	void (*drained)(struct net_tls_conn *conn, void *user);
	/* The last one. ERR_OK: closed in good order, by us or with the other side's reason.
	 * ERR_MALFORMED, ERR_TOO_LARGE (a frame), ERR_CRYPTO, ERR_TIMEOUT, ERR_IO. `reason` is text
	 * for people, perhaps "", made printable when it is the other side's. */
	void (*closed)(struct net_tls_conn *conn, enum err err, const char *reason, void *user);
	void *user;
};

/* Who is there: a certificate that passed certificate_check(). Lives as long as the connection. */
const struct certificate *net_tls_conn_certificate(const struct net_tls_conn *conn);
const struct addr *net_tls_conn_local(const struct net_tls_conn *conn);
const struct addr *net_tls_conn_remote(const struct net_tls_conn *conn);

/* From here on frames are delivered and can be sent. Once a connection. */
void net_tls_conn_start(struct net_tls_conn *conn, const struct net_tls_handler *handler);
/* Copies. ERR_AGAIN: nothing was taken, wait for drained(). ERR_TOO_LARGE, ERR_CLOSED, ERR_NOMEM.
 */
MUST_CHECK enum err net_tls_conn_send(struct net_tls_conn *conn, const struct net_frame *frame);
/* The same for what is sent in bulk: ERR_AGAIN as soon as NET_TLS_BULK_MAX wait, of whatever. */
MUST_CHECK enum err net_tls_conn_send_bulk(
	struct net_tls_conn *conn, const struct net_frame *frame);
/* Bytes taken and not yet written to the socket. */
size_t net_tls_conn_buffered(const struct net_tls_conn *conn);
/* While paused nothing is read, so the other side's sending comes to a halt. */
void net_tls_conn_pause(struct net_tls_conn *conn, bool paused);
/* Sends what was taken, then a close frame with the reason, then ends both directions; closed()
 * comes when that is done, at the latest after NET_TLS_CLOSE_TIMEOUT. Only after start. Frames
 * still arriving are dropped. */
void net_tls_conn_close(struct net_tls_conn *conn, const char *reason);
/* At once and without a callback; in a callback of its own too. Accepts NULL. */
void net_tls_conn_destroy(struct net_tls_conn *conn);

struct net_tls_conn_stats {
	uint64_t frames_in, frames_out;
	uint64_t bytes_in, bytes_out; /* of frames, headers included */
	uint64_t unknown_in;          /* frames of a kind that we do not know */
};

const struct net_tls_conn_stats *net_tls_conn_stats(const struct net_tls_conn *conn);

/* What the kernel says of the TCP connection below. */
MUST_CHECK bool net_tls_conn_tcp(const struct net_tls_conn *conn, struct net_tcp_stats *ret_stats);

/* ---- Listening ---- */

struct net_tls_listener;

struct net_tls_listener_config {
	/* An unspecified IPv6 address takes IPv4 connections as well; port 0 is any. */
	struct addr local;
	/* 0: NET_TLS_HANDSHAKE_TIMEOUT, NET_TLS_PENDING_MAX, NET_TLS_PENDING_PER_IP_MAX. */
	usec handshake_timeout;
	size_t pending_max, pending_per_ip_max;
	/* A connection whose other side has authenticated; it is the callee's now, to start, close
	 * or destroy. */
	void (*arrived)(struct net_tls_conn *conn, void *user);
	void *user;
};

struct net_tls_listener_stats {
	uint64_t accepted;    /* TCP connections */
	uint64_t arrived;     /* of those, authenticated */
	uint64_t failed;      /* no TLS 1.3, no ALPN, no or a wrong certificate, hung up */
	uint64_t timed_out;   /* NET_TLS_HANDSHAKE_TIMEOUT */
	uint64_t crowded_out; /* the oldest, beyond NET_TLS_PENDING_MAX */
	uint64_t refused;     /* the newest, beyond NET_TLS_PENDING_PER_IP_MAX */
	size_t pending;       /* now */
};

/* ERR_ADDRESS_IN_USE, ERR_DENIED, ERR_UNREACHABLE (not an address of this machine),
 * ERR_UNSUPPORTED (the family), ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err net_tls_listener_create(struct net_tls *tls,
	const struct net_tls_listener_config *config, struct net_tls_listener **ret_listener);
/* Connections handed over stay. Accepts NULL. */
void net_tls_listener_destroy(struct net_tls_listener *listener);
/* With the port that it got. */
const struct addr *net_tls_listener_local(const struct net_tls_listener *listener);
const struct net_tls_listener_stats *net_tls_listener_stats(
	const struct net_tls_listener *listener);

/* ---- Dialing ---- */

struct net_tls_dial;

struct net_tls_dial_config {
	/* Copied; at most NET_TLS_DIAL_ADDRS_MAX are tried, the families in turn, IPv6 first, each
	 * NET_TLS_DIAL_INTERVAL after the one before, or at once when that one fails. The first
	 * that completes TLS wins, the others are closed. */
	const struct addr *addrs;
	size_t addr_count;
	/* Whom we expect; copied. NULL: anybody. */
	const char *node_id;
	const struct node_pin *pin;
	/* Once, never from within net_tls_dial_start(); the dial is gone when it begins. The
	 * connection is the callee's; or else NULL, and the error of the attempt that came nearest:
	 * ERR_UNTRUSTED or ERR_MISMATCH (somebody else answered), ERR_EXPIRED (the certificate),
	 * ERR_CRYPTO (no TLS 1.3 for "dpc/1"), ERR_TIMEOUT, ERR_REFUSED, ERR_UNREACHABLE, ERR_IO.
	 * `reason` is text for people that names the address and the cause. */
	void (*done)(enum err err, const char *reason, struct net_tls_conn *conn, void *user);
	void *user;
};

/* ERR_NOT_FOUND (no address), ERR_MALFORMED (the node id), ERR_NOMEM. */
MUST_CHECK enum err net_tls_dial_start(struct net_tls *tls,
	const struct net_tls_dial_config *config, struct net_tls_dial **ret_dial);
/* Closes its attempts; the callback will not come. Accepts NULL. */
void net_tls_dial_cancel(struct net_tls_dial *dial);

#endif
