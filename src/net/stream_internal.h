/* Between stream.c and stream_listener.c. */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "net/stream.h"

/* Takes the descriptor of an accepted connection, also when it fails. Nothing is read before
 * net_stream_handle(). */
MUST_CHECK enum err stream_of_accepted(
	struct net_loop *loop, int fd, const struct addr *remote, struct net_stream **ret_stream);

#endif
