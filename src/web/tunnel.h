/* The way of a websocket whose connection is under TLS: libwebsockets gets one end of a pair of
 * sockets, and what passes the other is encrypted and decrypted here. */
#ifndef WEB_TUNNEL_H
#define WEB_TUNNEL_H

#include "base/err.h"

struct transport;
struct web_server;

/* Takes the transport, which is left empty, and gives the end for libwebsockets, which is the
 * caller's. It ends by itself with either side, or with the server. ERR_NOMEM, ERR_IO: nothing has
 * changed. */
MUST_CHECK enum err tunnel_create(
	struct web_server *server, struct transport *transport, int *ret_fd);
void tunnels_destroy(struct web_server *server);

#endif
