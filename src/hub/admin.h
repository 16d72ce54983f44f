/* The operator's interface: HTTP on a unix socket in the data directory, which only the hub's user
 * can open. `dpc-hub admin` asks it. */
#ifndef HUB_ADMIN_H
#define HUB_ADMIN_H

#include "base/err.h"

struct hub;

/* In the data directory. */
#define ADMIN_SOCKET_NAME "admin.sock"

/* Listens. ERR_IO and others of web_server_create(): `problem`, with room for HUB_PROBLEM_MAX, says
 * what. A path that is too long for a socket is only logged: then there is no such interface. */
MUST_CHECK enum err admin_open(struct hub *hub, char *problem);

#endif
