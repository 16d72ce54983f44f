/* What has changed about the network of this machine, and what that calls for.
 *
 * Changes are told against what was told last, and not against what somebody has looked up since:
 * a node that has only direct links, or that makes a link just when its address goes, has to know
 * what it lost, too. Where there is no other address the list has the loopback addresses, which
 * come and go with that and never really do: they are never lost, and no reason to dial. */
#ifndef NODE_NETWORK_CHANGE_H
#define NODE_NETWORK_CHANGE_H

#include "base/addr.h"
#include "base/usec.h"
#include "net/limits.h"

/* The addresses of this machine, port 0. */
struct network_addrs {
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count;
};

struct network_change {
	struct addr removed[NET_IFACE_ADDRS_MAX], added[NET_IFACE_ADDRS_MAX]; /* port 0 */
	size_t removed_count, added_count;
};

/* The addresses are these now, NET_IFACE_ADDRS_MAX at most. */
void network_change_note(struct network_addrs *told, const struct addr *addrs, size_t count,
	struct network_change *ret_change);

struct network_advice {
	bool matters;  /* else the rest is false: there is nothing to do */
	bool lost;     /* connections from a former address are dead, none of them can say so */
	bool can_dial; /* what could not be reached may be now */
};

/* The kernel has news, of addresses or of links and routes. `doubted_at` is when there were last
 * news without other addresses, 0 if that does not count any more. */
struct network_advice network_change_judge(
	const struct network_change *change, usec now, usec *doubted_at);

#endif
