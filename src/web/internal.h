/* What the files of web/ share among themselves; nobody else includes it.
 *
 * A connection belongs to its server and holds at most one request, which is a part of it. It is
 * only ever destroyed from the loop (connection_advance, timers, the descriptor's watch) or with
 * its server, never from within a call of a handler. A websocket leaves its connection behind,
 * and takes over its transport and its watch. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include "base/addr.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "net/loop.h"
#include "web/http_head.h"
#include "web/route.h"
#include "web/server.h"
#include "web/transport.h"

struct lws;
struct lws_context;
struct lws_vhost;

struct web {
	struct net_loop *loop;
	/* NULL until the first client is created. */
	struct lws_context *context;
	struct lws_vhost *client_vhost;
	char *client_authorities; /* whom it trusts; NULL: those of this machine */
};

/* The vhost of websocket clients, made when it is first needed: it loads the certificate
 * authorities, the system's (NULL) or those in a file. NULL on failure. */
struct lws_vhost *web_client_vhost(struct web *web, const char *authorities);
/* The callback of libwebsockets for its websockets. */
int web_client_socket_callback(struct lws *wsi, int reason, void *session, void *in, size_t size);

/* ---- The server ---- */

/* How many connections there are from one address: an IPv4 address or an IPv6 /64. */
struct address_count {
	uint8_t key[9]; /* family, then the first 8 bytes of the IP */
	size_t count;
};

struct web_server {
	struct web *web;
	struct web_server_options options;
	struct web_server_stats stats;
	int fd;
	struct net_watch *watch;
	struct net_timer accept_again; /* descriptors ran out: listening pauses for a moment */
	char *address;
	bool unlink_path;
	struct list silent;      /* connections without a whole request yet, the oldest first */
	struct list connections; /* the others */
	struct list sockets;
	/* What is sent to this socket while another is being read; NULL: nothing waits. */
	struct web_socket *outgoing_to;
	struct buffer outgoing;
	bool is_reading;
	struct map addresses;
	struct rng rng;
};

/* Takes part in the counts of a server; released when the connection or socket ends. */
void server_release(struct web_server *server, struct address_count *count);

/* ---- Connections ---- */

enum connection_state {
	CONNECTION_HEAD,     /* reading a head */
	CONNECTION_BODY,     /* reading a body */
	CONNECTION_HANDLING, /* the handler has the request */
	CONNECTION_STREAM,   /* the handler has it and has begun to answer */
	CONNECTION_ANSWERED, /* the answer is complete and being sent */
	CONNECTION_LINGER,   /* everything is sent; what still comes is thrown away until it ends */
};

struct web_request {
	char *head_text; /* what `head` points into */
	struct http_head head;
	const struct web_route *route;
	char *params[WEB_PARAMS_MAX];
	const char *param_names[WEB_PARAMS_MAX]; /* in the route's path, ending in '}' */
	size_t param_count;
	char *path;          /* decoded */
	struct list decoded; /* texts that were made for the handler */
	struct bytes body;
	struct buffer extra_headers;
	void (*cancelled)(void *user);
	void *cancelled_user;
	void (*drained)(void *user);
	void *drained_user;
	struct web_socket *upgrade; /* accepted by the handler, with this subprotocol or none */
	const char *subprotocol;
};

struct web_connection {
	struct list node; /* in one of the server's two lists */
	struct web_server *server;
	struct address_count *count;
	enum connection_state state;
	usec dispatched; /* when the handler got the request */
	struct transport transport;
	struct net_watch *watch;
	struct net_timer timer;
	struct net_defer advance;
	struct buffer in;
	size_t scanned; /* of `in`, for the end of the head */
	struct buffer out;
	size_t out_sent;
	bool close_after; /* the answer is the last on this connection */
	bool broken;      /* a write failed */
	char address[ADDR_TEXT_MAX];
	struct web_request request;
};

/* Takes the descriptor and the count. ERR_NOMEM: then they stay the caller's. */
MUST_CHECK enum err connection_create(struct web_server *server, int fd,
	struct address_count *count, const char *address, struct web_connection **ret_connection);
/* Cancels its request. */
void connection_destroy(struct web_connection *connection);

/* Appends to what is to be sent, and sends what the kernel takes at once. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err connection_send(
	struct web_connection *connection, struct bytes a, struct bytes b, size_t queue_max);
/* Leaves what is left of it to the websocket of its request, and destroys it (upgrade.c). */
void connection_upgrade(struct web_connection *connection);
size_t connection_queued(const struct web_connection *connection);
/* The answer is complete: when it is sent, the connection goes on or ends. */
void connection_finish(struct web_connection *connection);

/* Keeps a heap text until the request ends; NULL when it cannot, or `text` is NULL. */
const char *request_keep(struct web_request *request, char *text);
struct web_connection *connection_of_request(const struct web_request *request);
void request_reset(struct web_request *request);
/* An error that we answer ourselves, after which the connection ends. */
void request_refuse(struct web_request *request, int status);
/* The route's handler, or an error. */
void request_dispatch(struct web_request *request);
const char *status_phrase(int status);

/* ---- Websockets of a server ---- */

/* One that waits for its connection; NULL when memory is out. */
struct web_socket *socket_create(
	struct web_server *server, const struct web_socket_options *options);
/* Sends the handshake, and takes the connection's transport and watch, which no longer has them,
 * and the bytes behind the head. Calls `opened`, or `closed`. */
void socket_adopt(
	struct web_socket *socket, struct web_connection *connection, struct bytes handshake);
/* Calls `closed`, of one that was not adopted. */
void socket_abandon(struct web_socket *socket, const char *reason);
void sockets_destroy(struct web_server *server);

#endif
