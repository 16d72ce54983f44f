/* A WebSocket client (RFC 6455) for ws:// and wss://, on the loop. One object is one connection: to
 * connect again, create another. Certificates and names are verified, always. */
#ifndef WEB_WEBSOCKET_CLIENT_H
#define WEB_WEBSOCKET_CLIENT_H

#include "base/bytes.h"
#include "base/err.h"
#include "web/limits.h"
#include "web/web.h"

struct websocket_client;

struct websocket_client_handler {
	/* The handshake is done; sending is possible. */
	void (*opened)(struct websocket_client *client, void *user);
	/* One whole text or binary message, borrowed. */
	void (*message)(struct websocket_client *client, struct bytes message, void *user);
	/* The last thing to happen, exactly once, unless websocket_client_destroy() came first. The
	 * object stays until destroyed, which may be done here. `http_status` is the server's
	 * answer to the handshake when it was not 101 (401: the token is not good any more), else
	 * 0; `code` the one of its close frame, else 0; `reason` is for a person. */
	void (*closed)(struct websocket_client *client, int http_status, unsigned code,
		const char *reason, void *user);
};

struct websocket_client_options {
	const char *url;    /* "ws://127.0.0.1:8000/ws/signal"; http and https mean ws and wss */
	const char *bearer; /* sent as "Authorization: Bearer ..."; or NULL */
	/* PEM file of who vouches for servers; NULL: this machine's. The same for all of a `web`.
	 */
	const char *authorities;
	const struct websocket_client_handler *handler; /* a static table */
	void *user;                                     /* of the handler */
	size_t message_max;     /* 0: WEB_SOCKET_MESSAGE_MAX; beyond, closed with 1009 */
	size_t queue_bytes_max; /* 0: WEB_SOCKET_QUEUE_BYTES_MAX */
};

/* Starts to connect; never calls back from within. Copies the options. ERR_MALFORMED (the URL),
 * ERR_IO (the authorities cannot be loaded), ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err websocket_client_create(struct web *web, struct net_loop *loop,
	const struct websocket_client_options *options, struct websocket_client **ret_client);
/* Closes without waiting for an answer; no callback comes afterwards. Accepts NULL. */
void websocket_client_destroy(struct websocket_client *client);

bool websocket_client_is_open(const struct websocket_client *client);
/* Sends a text message, copied. ERR_STATE before `opened`, ERR_CLOSED, ERR_LIMIT (nothing of it is
 * sent; the connection stays), ERR_NOMEM. */
MUST_CHECK enum err websocket_client_send(struct websocket_client *client, struct bytes text);
size_t websocket_client_queued(const struct websocket_client *client);

#endif
