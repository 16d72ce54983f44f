/* Receiving: recvmmsg into a few large buffers, each of which UDP_GRO may fill with many datagrams
 * of one sender, all of the same size but the last. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "net/internal.h"
#include "net/limits.h"
#include "net/udp_internal.h"

/* The largest that UDP_GRO makes is below 64 KiB. Memory that was never used costs nothing. */
#define BUFFER_SIZE 65536

/* Packet info, segment size, and the counter of datagrams that found no room. */
#define CONTROL_SIZE                                                                               \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int)) +                        \
		CMSG_SPACE(sizeof(uint32_t)))

struct udp_batch {
	struct mmsghdr messages[NET_UDP_BATCH];
	struct iovec vectors[NET_UDP_BATCH];
	struct sockaddr_storage names[NET_UDP_BATCH];
	_Alignas(struct cmsghdr) uint8_t controls[NET_UDP_BATCH][CONTROL_SIZE];
	uint8_t buffers[NET_UDP_BATCH][BUFFER_SIZE];
};

static_assert(CONTROL_SIZE % sizeof(size_t) == 0, "every control buffer is aligned");

enum err udp_receive_init(struct net_udp *udp)
{
	struct udp_batch *batch = malloc(sizeof(*batch));
	if (!batch)
		return ERR_NOMEM;
	for (size_t i = 0; i < NET_UDP_BATCH; i++) {
		batch->vectors[i] =
			(struct iovec){.iov_base = batch->buffers[i], .iov_len = BUFFER_SIZE};
		batch->messages[i] = (struct mmsghdr){.msg_hdr.msg_name = &batch->names[i],
			.msg_hdr.msg_iov = &batch->vectors[i],
			.msg_hdr.msg_iovlen = 1,
			.msg_hdr.msg_control = batch->controls[i]};
	}
	udp->batch = batch;
	return ERR_OK;
}

void udp_receive_deinit(struct net_udp *udp)
{
	free(udp->batch);
	udp->batch = NULL;
}

/* What a control message says, into the local address or the segment size. */
static void read_control(
	struct net_udp *udp, const struct cmsghdr *control, struct addr *local, size_t *segment)
{
	if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo info;
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		memcpy(local->ip, &info.ipi_spec_dst, 4);
	} else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo info;
		memcpy(&info, CMSG_DATA(control), sizeof(info));
		memcpy(local->ip, &info.ipi6_addr, 16);
		local->scope = addr_is_link_local(local) ? (uint32_t)info.ipi6_ifindex : 0;
	} else if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
		int size;
		memcpy(&size, CMSG_DATA(control), sizeof(size));
		if (size > 0)
			*segment = (size_t)size;
	} else if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SO_RXQ_OVFL) {
		uint32_t total;
		memcpy(&total, CMSG_DATA(control), sizeof(total));
		/* The kernel's counter wraps at 32 bits. */
		udp->stats.overflowed += total - (uint32_t)udp->stats.overflowed;
	}
}

/* Cuts one buffer into its datagrams. */
static void deliver(struct net_udp *udp, struct mmsghdr *message, usec now)
{
	struct msghdr *header = &message->msg_hdr;
	struct path path = {.local = udp->local};
	struct bytes rest = bytes_of(header->msg_iov->iov_base, message->msg_len);
	size_t segment = rest.size;
	if (header->msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
		!addr_of_sockaddr(header->msg_name, &path.remote)) {
		udp->stats.truncated++;
		return;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
		read_control(udp, c, &path.local, &segment);

	/* An empty datagram is one, too. */
	do {
		struct bytes datagram = bytes_slice(rest, 0, segment);
		rest = bytes_slice(rest, segment, rest.size);
		udp->stats.datagrams_in++;
		udp->stats.bytes_in += datagram.size;
		udp->handler.receive(&path, datagram, now, udp->handler.user);
	} while (rest.size > 0 && !udp->destroyed);
}

/* Returns how many messages were filled, or -1 and leaves errno. */
static int receive_some(struct net_udp *udp)
{
	struct mmsghdr *messages = udp->batch->messages;
	udp->stats.calls_in++;
	if (!(udp->avoid & NET_UDP_AVOID_RECVMMSG)) {
		int count = recvmmsg(udp->fd, messages, NET_UDP_BATCH, MSG_DONTWAIT, NULL);
		if (count >= 0 || errno != ENOSYS)
			return count;
		udp->avoid |= NET_UDP_AVOID_RECVMMSG;
	}
	ssize_t size = recvmsg(udp->fd, &messages[0].msg_hdr, MSG_DONTWAIT);
	if (size < 0)
		return -1;
	messages[0].msg_len = (unsigned)size;
	return 1;
}

/* Returns whether there may be more. */
static bool receive_batch(struct net_udp *udp)
{
	struct udp_batch *batch = udp->batch;
	for (size_t i = 0; i < NET_UDP_BATCH; i++) {
		batch->messages[i].msg_hdr.msg_namelen = sizeof(batch->names[i]);
		batch->messages[i].msg_hdr.msg_controllen = CONTROL_SIZE;
	}
	int count = receive_some(udp);
	if (count < 0) {
		if (errno == EAGAIN)
			return false;
		/* An ICMP error of an earlier datagram, taken off the socket by having been
		 * told. */
		if (errno != EINTR)
			udp->stats.errors_in++;
		return true;
	}
	usec now = net_now();
	for (int i = 0; i < count && !udp->destroyed; i++)
		deliver(udp, &batch->messages[i], now);
	if (udp->handler.batch_end && !udp->destroyed)
		udp->handler.batch_end(now, udp->handler.user);
	return count == NET_UDP_BATCH || (udp->avoid & NET_UDP_AVOID_RECVMMSG);
}

void udp_receive(struct net_udp *udp)
{
	for (size_t i = 0; i < NET_UDP_BATCHES_PER_WAKEUP && !udp->destroyed; i++) {
		if (!receive_batch(udp))
			return;
	}
}
