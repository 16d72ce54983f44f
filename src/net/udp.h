/* A UDP socket for many peers: batches in both directions, and the local address of each datagram.
 *
 * Receiving is recvmmsg with UDP_GRO, split again by the segment size that the kernel tells; where
 * the kernel refuses recvmmsg, recvmsg. Sending is one sendmsg with UDP_SEGMENT for up to 64 equal
 * datagrams; where the kernel refuses that, sendmmsg, then one sendmsg a datagram. IP_PKTINFO and
 * IPV6_RECVPKTINFO give each datagram's path its local IP, and what is sent leaves from the path's
 * local IP. Datagrams are never fragmented. ICMP errors are ignored and counted: whether a path
 * works is for ICE to say. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "base/addr.h"
#include "net/loop.h"

/* Ways to leave out, as a set: so that tests reach each of the others. */
enum net_udp_avoid {
	NET_UDP_AVOID_GSO = 1,      /* sendmsg with UDP_SEGMENT */
	NET_UDP_AVOID_SENDMMSG = 2, /* together with the first: one call a datagram */
	NET_UDP_AVOID_GRO = 4,      /* UDP_GRO */
	NET_UDP_AVOID_RECVMMSG = 8,
};

struct net_udp_handler {
	/* One datagram, borrowed for the call. The path's local port is the socket's. */
	void (*receive)(const struct path *path, struct bytes datagram, usec now, void *user);
	/* After the last datagram of a batch: the time to send answers. NULL: not wanted. */
	void (*batch_end)(usec now, void *user);
	/* net_udp_is_blocked() was true and is no more. NULL: not wanted. */
	void (*writable)(void *user);
	void *user;
};

struct net_udp_stats {
	uint64_t datagrams_in, bytes_in, calls_in;
	uint64_t datagrams_out, bytes_out, calls_out;
	uint64_t truncated;  /* received, larger than the buffer or without an address: dropped */
	uint64_t errors_in;  /* failed receives, ICMP errors among them */
	uint64_t errors_out; /* datagrams that the kernel refused to send */
	uint64_t blocked;    /* times that the send buffer or the device's queue was full */
	uint64_t overflowed; /* datagrams that the kernel dropped since our receive buffer was full
			      */
};

struct net_udp;

/* `local` has a family; an unspecified IP is the wildcard (IPv6 sockets take IPv6 only), port 0
 * any. ERR_ADDRESS_IN_USE, ERR_DENIED, ERR_UNREACHABLE (not an address of this machine),
 * ERR_UNSUPPORTED (the family), ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err net_udp_create(struct net_loop *loop, const struct addr *local, unsigned avoid,
	const struct net_udp_handler *handler, struct net_udp **ret_udp);
/* Inside a callback of its own too. Accepts NULL. */
void net_udp_destroy(struct net_udp *udp);

/* What it is bound to, with the port that it got. */
const struct addr *net_udp_local(const struct net_udp *udp);

/* Sends `bytes` as datagrams of `segment` bytes, the last one perhaps shorter, from path->local's
 * IP (any, where unspecified) to path->remote. At most NET_UDP_PAYLOAD_MAX bytes. Copies what the
 * kernel does not take at once, so all or nothing is accepted: ERR_AGAIN when the socket is
 * blocked. The others mean that some or all were lost, as on the network: ERR_UNREACHABLE,
 * ERR_TOO_LARGE (a segment beyond the interface's MTU), ERR_DENIED, ERR_IO. */
MUST_CHECK enum err net_udp_send(
	struct net_udp *udp, const struct path *path, struct bytes bytes, size_t segment);
/* Until net_udp_uncork() small datagrams may wait, to leave together with others. Their order with
 * all that is sent is kept; those that the kernel then refuses are counted in errors_out only. */
void net_udp_cork(struct net_udp *udp);
void net_udp_uncork(struct net_udp *udp);
/* A send is still waiting for the kernel: the next one would be ERR_AGAIN. */
bool net_udp_is_blocked(const struct net_udp *udp);

const struct net_udp_stats *net_udp_stats(const struct net_udp *udp);

#endif
