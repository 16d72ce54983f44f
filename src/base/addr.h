/* An IP transport address as the core sees it, and the pair of them that a datagram travels on. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/bytes.h"

enum addr_family {
	ADDR_NONE = 0,
	ADDR_IPV4 = 4,
	ADDR_IPV6 = 6,
};

enum addr_transport {
	ADDR_UDP = 0,
	ADDR_TCP = 1,
};

struct addr {
	enum addr_family family;
	uint16_t port;                     /* host order */
	enum addr_transport transport : 8; /* where the others were, so that it costs no room */
	uint32_t scope; /* interface index of an IPv6 link-local address, else 0 */
	uint8_t ip[16]; /* the first 4 bytes for IPv4; the rest is zero */
};

/* A local and a remote address of one family and transport. The local one may be unspecified (its
 * IP all zero) where the caller cannot tell on which interface a datagram came. */
struct path {
	struct addr local, remote;
};

/* "[2001:db8::1%2]:65535" fits with room to spare. */
#define ADDR_TEXT_MAX 80

bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_same_ip(const struct addr *a, const struct addr *b);
bool path_equal(const struct path *a, const struct path *b);
bool addr_is_unspecified(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_is_link_local(const struct addr *a);
/* Whether it is of no use beyond one's own network: private (RFC 1918, RFC 4193), link-local or
 * loopback. */
bool addr_is_local_network(const struct addr *a);
size_t addr_ip_size(const struct addr *a);

/* A numeric IP without port; an IPv4-mapped IPv6 address becomes the IPv4 one. False if it is none.
 */
bool addr_parse_ip(const char *ip, uint16_t port, struct addr *ret_addr);
/* "192.0.2.1:80" or "[2001:db8::1]:80". */
bool addr_parse(const char *text, struct addr *ret_addr);

/* The IP alone, then IP and port, into a buffer of ADDR_TEXT_MAX; returns it. */
char *addr_ip_text(const struct addr *a, char *text);
char *addr_text(const struct addr *a, char *text);

#endif
