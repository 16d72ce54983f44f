/* Where a datagram goes and where it comes from, as sendmsg takes them. */
#include <netinet/in.h>

#include "net/internal.h"
#include "net/udp_internal.h"

void udp_envelope_add(
	struct udp_envelope *envelope, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *control =
		(struct cmsghdr *)(void *)(envelope->control + envelope->control_size);
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(control), data, size);
	envelope->control_size += CMSG_SPACE(size);
}

void udp_envelope_init(struct udp_envelope *envelope, const struct path *path)
{
	memset(envelope, 0, sizeof(*envelope));
	envelope->name_size = sockaddr_of_addr(&path->remote, &envelope->name);
	if (addr_is_unspecified(&path->local))
		return;
	if (path->remote.family == ADDR_IPV4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, path->local.ip, 4);
		udp_envelope_add(envelope, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = path->local.scope};
		memcpy(&info.ipi6_addr, path->local.ip, 16);
		udp_envelope_add(envelope, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

struct msghdr udp_envelope_header(struct udp_envelope *envelope, struct iovec *vector)
{
	return (struct msghdr){.msg_name = &envelope->name,
		.msg_namelen = envelope->name_size,
		.msg_iov = vector,
		.msg_iovlen = 1,
		.msg_control = envelope->control_size > 0 ? envelope->control : NULL,
		.msg_controllen = envelope->control_size};
}

struct iovec udp_vector_of(struct bytes bytes)
{
	/* The kernel only reads it; the type serves both directions. */
	union {
		const uint8_t *from;
		void *base;
	} pointer = {.from = bytes.data};
	return (struct iovec){.iov_base = pointer.base, .iov_len = bytes.size};
}
