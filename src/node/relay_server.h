/* Where a TURN server is, as a URI (RFC 7065): turn:HOST[:PORT][?transport=udp|tcp] and
 * turns:HOST[:PORT]. */
#ifndef NODE_RELAY_SERVER_H
#define NODE_RELAY_SERVER_H

#include "base/err.h"
#include "net/limits.h"

#include <stdint.h>

enum relay_transport {
	RELAY_UDP,
	RELAY_TCP,
	RELAY_TLS,
};

struct relay_server {
	char host[NET_HOST_MAX]; /* a name or an address, IPv6 without brackets */
	uint16_t port;           /* the scheme's when none is given */
	enum relay_transport transport;
};

/* ERR_MALFORMED; ERR_UNSUPPORTED: another scheme or transport, DTLS among them. */
MUST_CHECK enum err relay_server_parse(const char *uri, struct relay_server *ret_server);

/* As it is shown to people, "turn.example:443/tls", into RELAY_SERVER_TEXT_MAX characters; returns
 * it. */
#define RELAY_SERVER_TEXT_MAX (NET_HOST_MAX + 16)
char *relay_server_text(const struct relay_server *server, char *text);

#endif
