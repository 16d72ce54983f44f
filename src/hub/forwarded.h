/* Who a client is behind proxies that are trusted, by X-Forwarded-For, without I/O. */
#ifndef HUB_FORWARDED_H
#define HUB_FORWARDED_H

#include "base/addr.h"
#include "hub/limits.h"

struct trusted_proxies {
	struct addr addrs[TRUSTED_PROXIES_MAX];
	size_t count;
};

/* IP addresses with spaces between. False: one of them is none, or there are too many. */
bool trusted_proxies_parse(const char *text, struct trusted_proxies *ret_proxies);

/* The client of a request that came from `address`: that address itself, unless it is a trusted
 * proxy's; then the last one in the header that is not. Each proxy adds whom it heard it from at
 * the end, so what stands further to the front is only what a client said. `header` may be NULL. */
struct addr forwarded_client(
	const struct trusted_proxies *proxies, const struct addr *address, const char *header);

#endif
