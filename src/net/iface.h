/* The addresses of this machine that another one might reach: ICE host candidates. */
#ifndef NET_IFACE_H
#define NET_IFACE_H

#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* Whether an address may be offered (RFC 8445 section 5.1.1.1); loopback ones may where they are
 * asked for. */
bool net_iface_is_usable(const struct addr *addr);

/* Up to `max` addresses with port 0, IPv6 first, without duplicates. Left out: interfaces that are
 * down, link-local, multicast, IPv4-mapped and site-local addresses (RFC 8445 section 5.1.1.1), and
 * loopback ones unless `loopback` is true or there is nothing else. ERR_IO. */
MUST_CHECK enum err net_iface_list(
	bool loopback, struct addr *addrs, size_t max, size_t *ret_count);

/* The largest MTU of the interfaces that have such addresses, in bytes; 0 when it cannot be told.
 */
uint32_t net_iface_mtu(bool loopback);

/* The local IP that the kernel would send from to `remote`, with port 0; nothing is sent.
 * ERR_UNREACHABLE, ERR_UNSUPPORTED (the family), ERR_IO. */
MUST_CHECK enum err net_iface_source(const struct addr *remote, struct addr *ret_local);

#endif
