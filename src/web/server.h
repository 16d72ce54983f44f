/* An HTTP/1.1 and WebSocket server (RFC 9112, RFC 6455) on a TCP address or a unix socket.
 *
 * What it serves is a static table of routes. A handler gets the request when its body is complete
 * and answers now or later, whole or as a stream. A websocket route's handler gets the request
 * before the upgrade, with all its headers, and either takes it (web_request_upgrade) or answers
 * like any other, with 401 for instance.
 *
 * Nothing that a client does costs more than the limits below: it is answered with an error
 * or closed, and counted. */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/usec.h"
#include "web/limits.h"
#include "web/web.h"

struct net_tls_server;
struct web_server;
struct web_request;
struct web_socket;

/* ---- Routes ---- */

enum web_route_flag {
	/* Only for upgrades; a request without one is answered 426. */
	WEB_ROUTE_WEBSOCKET = 1,
};

struct web_route {
	const char *method; /* "GET" serves HEAD too */
	/* "/api/v1/peers/{peer}/accept"; a {parameter} takes one segment, in which the client may
	 * write a '/' as %2F. The first row that fits is taken. */
	const char *path;
	/* `user` is that of the server's options. The request lives until it is answered, or until
	 * its `cancelled` callback returns. */
	void (*handle)(struct web_request *request, void *user);
	size_t body_max; /* 0: a body is refused */
	unsigned flags;
};

/* ---- Requests ---- */

/* All of these are borrowed from the request, and NULL when there is no such thing. Parameters and
 * query values are percent-decoded, and so is the path once there is a route for it. Names of
 * headers are given in lower case. */
const char *web_request_method(const struct web_request *request);
const char *web_request_path(const struct web_request *request);
const char *web_request_param(const struct web_request *request, const char *name);
const char *web_request_query(struct web_request *request, const char *name);
const char *web_request_header(struct web_request *request, const char *name);
/* Never NULL; text in it ends in zero. */
struct bytes web_request_body(const struct web_request *request);
/* The other side's IP without port, "" on a unix socket. */
const char *web_request_address(const struct web_request *request);

/* Hears that the client went away, or the server is destroyed, before the answer was complete: then
 * the request is gone when `cancelled` returns. A handler that does not answer before it returns
 * must set it. */
void web_request_on_cancel(struct web_request *request, void (*cancelled)(void *user), void *user);

/* Adds a header to the answer, before it is given. It is ignored when it is malformed, or beyond
 * WEB_EXTRA_HEADERS_MAX. */
void web_request_add_header(struct web_request *request, const char *name, const char *value);

/* Answers; copies the body. An empty body with status 204 has no content type. The request is gone
 * afterwards. */
void web_request_reply(
	struct web_request *request, int status, const char *content_type, struct bytes body);
/* The same for JSON text. */
void web_request_reply_json(struct web_request *request, int status, const char *json);
/* {"error":{"code":CODE,"message":MESSAGE}} */
void web_request_reply_error(
	struct web_request *request, int status, const char *code, const char *message);

/* ---- Answers that are streams ---- */

/* Starts an answer without end ("application/x-ndjson"), sent chunk by chunk. Until
 * web_stream_end() the request stays the handler's; `cancelled` tells when it is gone. */
void web_stream_start(struct web_request *request, int status, const char *content_type);
/* Sends as one chunk, copied. ERR_LIMIT, and nothing of it is sent, when more than
 * WEB_STREAM_QUEUE_MAX would wait; ERR_NOMEM. */
MUST_CHECK enum err web_stream_write(struct web_request *request, struct bytes bytes);
/* Bytes that wait for the client to read. */
size_t web_stream_queued(const struct web_request *request);
/* Calls whenever the queue has become empty. */
void web_stream_on_drain(struct web_request *request, void (*drained)(void *user), void *user);
/* What waits is still sent; the request is gone for the handler. */
void web_stream_end(struct web_request *request);

/* ---- Websockets ---- */

struct web_socket_handler {
	/* The first thing to happen; sending is possible. */
	void (*opened)(struct web_socket *socket, void *user);
	/* One whole message, borrowed; a text is valid UTF-8. */
	void (*message)(struct web_socket *socket, bool is_text, struct bytes message, void *user);
	/* A message above the limit came and is skipped. NULL: such a socket is closed with 1009.
	 */
	void (*too_large)(struct web_socket *socket, void *user);
	/* All that waited has been sent. NULL: that does not matter. */
	void (*drained)(struct web_socket *socket, void *user);
	/* The last thing to happen, exactly once, also when the upgrade came to nothing; the socket
	 * is gone when it returns. `reason` is for the log. */
	void (*closed)(struct web_socket *socket, const char *reason, void *user);
};

struct web_socket_options {
	const struct web_socket_handler *handler; /* a static table */
	void *user;                               /* of the handler */
	const char *subprotocol; /* one of those that were offered, to be confirmed; or NULL */
	size_t message_max;      /* 0: WEB_SOCKET_MESSAGE_MAX */
	size_t queue_bytes_max;  /* 0: WEB_SOCKET_QUEUE_BYTES_MAX */
};

/* Whether the client offers this subprotocol; with a `prefix`, the first that begins so. Borrowed
 * from the request, or NULL. */
const char *web_request_subprotocol(struct web_request *request, const char *prefix);

/* Whether it asks to become a websocket, with everything that RFC 6455 section 4.2.1 wants. Only
 * where both are served: a websocket route's requests do. */
bool web_request_wants_upgrade(const struct web_request *request);

/* From within the handler only: accepts. The request is gone afterwards, and
 * `opened` follows, or `closed`. On failure the request can still be answered. ERR_NOMEM, ERR_STATE
 * (the request is no upgrade). */
MUST_CHECK enum err web_request_upgrade(struct web_request *request,
	const struct web_socket_options *options, struct web_socket **ret_socket);

/* Sends a text message, copied. Never calls back. ERR_LIMIT: the other side does not keep up; the
 * socket is closed with the reason "slow reader". ERR_CLOSED: it is closing already. ERR_NOMEM. */
MUST_CHECK enum err web_socket_send(struct web_socket *socket, struct bytes text);
/* Closes (RFC 6455 section 7.4: 1000 is normal, 1008 policy, 4000 and above are ours). What waits
 * is dropped, no message comes any more, and `closed` follows from the loop: it does not wait for
 * the other side to answer. */
void web_socket_close(struct web_socket *socket, unsigned code, const char *reason);
/* Bytes that wait for the other side to read. */
size_t web_socket_queued(const struct web_socket *socket);
/* Bytes that the kernel has taken since it opened: those that wait come behind them. */
uint64_t web_socket_sent(const struct web_socket *socket);

/* ---- The server ---- */

/* Zero means the limit of that name in limits.h. */
struct web_server_limits {
	size_t connections;
	size_t connections_per_address;
	size_t connections_silent;
	size_t sockets_queue_bytes;
	unsigned head_timeout_s;
	unsigned body_timeout_s;
	unsigned ping_after_s, close_after_s, stall_s, linger_s; /* of websockets */
};

struct web_server_options {
	/* One of the two. "127.0.0.1:8000", "[::1]:8000", "localhost:8000"; port 0 takes a free
	 * one. */
	const char *listen;
	/* Mode 0600. A socket file that nobody listens on any more is replaced. */
	const char *unix_path;
	const struct web_route *routes; /* a static table */
	size_t route_count;
	void *user; /* of the routes' handlers */
	/* Sees every request that is whole before its handler does, and those without a handler
	 * too: adds headers to the answer, or answers, and is true. NULL: nothing. */
	bool (*prepare)(struct web_request *request, void *user);
	/* Answers what the server refuses by itself, also what is no whole request: no such path,
	 * too large, malformed. NULL: web_request_reply_error(). */
	void (*refuse)(
		struct web_request *request, int status, const char *code, const char *message);
	const char *server_name;    /* static; in the Server header; or NULL */
	struct net_tls_server *tls; /* HTTPS with this certificate, borrowed; or NULL */
	struct web_server_limits limits;
};

/* Answers are counted by their status, and by how long the handler took, in the bucket of the first
 * bound that it did not exceed; the last bucket has no bound. */
#define WEB_STATUS_END 600
#define WEB_LATENCY_BUCKETS 8
extern const usec web_latency_bounds[WEB_LATENCY_BUCKETS - 1];

/* Answers of web_request_reply_error() with this code; those beyond the table's end are together in
 * its last row, "other". */
struct web_error_count {
	char code[WEB_ERROR_CODE_SIZE];
	uint64_t count;
};

/* What came and what was refused, since the start. */
struct web_server_stats {
	size_t connections_now, silent_now, sockets_now;
	size_t sockets_queued; /* bytes that wait on all websockets */
	uint64_t connections, requests, upgrades;
	uint64_t refused_limit;    /* over a number of connections */
	uint64_t refused_address;  /* over the number for one address */
	uint64_t silent_evicted;   /* without a whole request, made room for newer ones */
	uint64_t timeouts;         /* too slow with head, body or message */
	uint64_t malformed;        /* no HTTP, or not one that we take */
	uint64_t tls_failed;       /* no TLS, or not one that we take */
	uint64_t frames_malformed; /* websockets closed since they broke RFC 6455 */
	uint64_t slow_readers;     /* and since they did not read */
	uint64_t dead_sockets; /* and since nothing came of them, an answer to a ping included */
	uint64_t answers[WEB_STATUS_END];
	struct web_error_count errors[WEB_ERROR_CODES_MAX]; /* until the first without a code */
	uint64_t latency[WEB_LATENCY_BUCKETS];
	usec latency_sum;
};

/* ERR_MALFORMED (the address), ERR_ADDRESS_IN_USE, ERR_DENIED, ERR_TOO_LARGE (the path), ERR_IO,
 * ERR_NOMEM. Copies what is not said to be static. */
MUST_CHECK enum err web_server_create(
	struct web *web, const struct web_server_options *options, struct web_server **ret_server);
/* Stops listening, cancels every request and closes every socket (with 1001 where nothing waits),
 * calling back. Never from within one of its callbacks. Accepts NULL. */
void web_server_destroy(struct web_server *server);

/* "127.0.0.1:43121", with the port that was bound, or the path. */
const char *web_server_address(const struct web_server *server);
const struct web_server_stats *web_server_stats(const struct web_server *server);

#endif
