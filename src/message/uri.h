/* The address of a node that people pass on: dpc://host:port?node_id=ID&key=HEX. Strict: what is
 * not understood is refused, except query parameters of other names, which are ignored. */
#ifndef MESSAGE_URI_H
#define MESSAGE_URI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/node_id.h"
#include "message/limits.h"

#define URI_PORT_DEFAULT 8888

struct uri {
	char host[URI_HOST_MAX + 1]; /* a name or a numeric address; IPv6 without brackets */
	uint16_t port;               /* URI_PORT_DEFAULT when the text has none */
	char node_id[NODE_ID_MAX];   /* always there */
	char key[NODE_PIN_TEXT_MAX]; /* SHA-256 of the public key in lower-case hex, or "" */
};

/* Whether the text begins as a dpc:// address does, well-formed or not. */
bool uri_is(const char *text);

/* ERR_MALFORMED, ERR_TOO_LARGE. */
MUST_CHECK enum err uri_parse(const char *text, struct uri *ret_uri);

/* Writes the text with its final zero; `capacity` of URI_TEXT_MAX always suffices for a parsed one.
 * ERR_MALFORMED: not a valid address; ERR_TOO_LARGE: no room. */
MUST_CHECK enum err uri_format(const struct uri *uri, char *text, size_t capacity);

/* "host:port" or "[host]:port", the form in which addresses are stored. The port may be left out,
 * and port 0 is read as it is. ERR_MALFORMED. */
MUST_CHECK enum err uri_parse_host_port(struct bytes text, uint16_t port_default, char *ret_host,
	size_t host_capacity, uint16_t *ret_port);

#endif
