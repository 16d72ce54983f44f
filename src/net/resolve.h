/* Host names to addresses, in the background. */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include "base/addr.h"
#include "net/loop.h"

struct net_resolve;

/* Looks a name or a numeric address up ("::1" without brackets) and calls once, never from within
 * this call: with ERR_OK and at most NET_RESOLVE_ADDRS_MAX addresses that all have `port`, in the
 * order to try them, or ERR_NOT_FOUND, ERR_AGAIN (no answer from the name server,
 * at the latest after NET_RESOLVE_TIMEOUT), ERR_IO and none.
 * The handle is gone when the callback begins. ERR_TOO_LARGE (no such names), ERR_LIMIT
 * (NET_RESOLVE_PENDING_MAX), ERR_NOMEM. */
MUST_CHECK enum err net_resolve_start(struct net_loop *loop, const char *host, uint16_t port,
	void (*done)(enum err err, const struct addr *addrs, size_t count, void *user), void *user,
	struct net_resolve **ret_resolve);
/* The callback will not come. Accepts NULL. */
void net_resolve_cancel(struct net_resolve *resolve);

#endif
