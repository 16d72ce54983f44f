/* The engine below the servers and the websocket clients of this process, on the loop of net/. The
 * clients are libwebsockets' and libcurl's; nothing of either shows in these headers.
 *
 * Everything runs in the loop's thread. Callbacks carry `void *user` last and come from the loop,
 * never from within a call of ours, unless the function says so. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/err.h"

struct net_loop;
struct web;

/* Raise the limit of file descriptors (web_raise_descriptor_limit()) before, never after: tables
 * are sized by it. ERR_NOMEM. */
MUST_CHECK enum err web_create(struct net_loop *loop, struct web **ret_web);

/* Servers and clients must be destroyed first. Call it while the loop is not running: it runs the
 * loop itself, a second at most, until every handle of libwebsockets is closed. Accepts NULL. */
void web_destroy(struct web *web);

/* Raises RLIMIT_NOFILE to the hard limit, at most WEB_DESCRIPTORS_MAX. Returns what it is now. */
unsigned web_raise_descriptor_limit(void);

#endif
