/* Where a TURN server is, as a URI (RFC 7065): turn:HOST[:PORT][?transport=udp|tcp] and
 * turns:HOST[:PORT]. */
#ifndef MESSAGE_TURN_URI_H
#define MESSAGE_TURN_URI_H

#include <stdint.h>

#include "base/err.h"
#include "message/limits.h"

enum turn_transport {
	TURN_OVER_UDP,
	TURN_OVER_TCP,
	TURN_OVER_TLS,
};

struct turn_uri {
	char host[URI_HOST_MAX + 1]; /* a name or an address, IPv6 without brackets */
	uint16_t port;               /* the scheme's when none is given */
	enum turn_transport transport;
};

/* ERR_MALFORMED; ERR_UNSUPPORTED: another scheme or transport, DTLS among them. */
MUST_CHECK enum err turn_uri_parse(const char *text, struct turn_uri *ret_uri);

/* As it is shown to people, "turn.example:443/tls", into TURN_URI_TEXT_MAX characters; returns
 * it. */
#define TURN_URI_TEXT_MAX (URI_HOST_MAX + 16)
char *turn_uri_text(const struct turn_uri *uri, char *text);

#endif
