#include "net/iface_watch.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/iface.h"
#include "net/limits.h"

#define GROUPS                                                                                     \
	(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |               \
		RTMGRP_IPV6_ROUTE)
/* The kernel's largest message to listeners, and more than any that matters here. */
#define READ_SIZE 32768

struct net_iface_watch {
	struct net_iface_watch_config config;
	int fd; /* -1: the list is polled */
	struct net_watch *watch;
	struct net_timer timer; /* the news have settled, or the next look */
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count;
	union {
		struct nlmsghdr aligned;
		uint8_t bytes[READ_SIZE];
	} in;
};

/* ---- The kernel tells ---- */

/* Of routes those count that lead everywhere: others come with every address. */
static bool is_default_route(const uint8_t *body, size_t size)
{
	struct rtmsg route;
	if (size < sizeof(route))
		return false;
	memcpy(&route, body, sizeof(route));
	return route.rtm_dst_len == 0 && route.rtm_table == RT_TABLE_MAIN;
}

static bool is_news(uint16_t type, const uint8_t *body, size_t size)
{
	switch (type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return is_default_route(body, size);
	default:
		return false;
	}
}

static bool any_news(const struct net_iface_watch *watch, size_t size)
{
	size_t at = 0;
	while (size - at >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr head;
		memcpy(&head, watch->in.bytes + at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > size - at)
			return false;
		if (is_news(head.nlmsg_type, watch->in.bytes + at + NLMSG_HDRLEN,
			    head.nlmsg_len - NLMSG_HDRLEN))
			return true;
		at += NLMSG_ALIGN(head.nlmsg_len);
		if (at > size)
			return false;
	}
	return false;
}

static void on_readable(unsigned events, void *user)
{
	struct net_iface_watch *watch = user;
	bool news = false;
	(void)events;
	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(watch->fd, watch->in.bytes, sizeof(watch->in.bytes),
			MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);
		if (size < 0 && errno == EINTR)
			continue;
		/* More came than the socket holds: something has changed for sure. */
		if (size < 0 && errno == ENOBUFS) {
			news = true;
			continue;
		}
		if (size <= 0)
			break;
		/* Other processes can send here, too. */
		if (from.nl_pid == 0)
			news |= any_news(watch, (size_t)size);
	}
	if (news && !net_timer_is_set(&watch->timer))
		net_timer_set(&watch->timer, net_now() + NET_IFACE_SETTLE);
}

static bool listen_to_kernel(struct net_iface_watch *watch, struct net_loop *loop)
{
	struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = GROUPS};
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (watch->fd < 0)
		return false;
	if (bind(watch->fd, (struct sockaddr *)&name, sizeof(name)) == 0 &&
		net_watch_create(
			loop, watch->fd, NET_READABLE, on_readable, watch, &watch->watch) == ERR_OK)
		return true;
	close(watch->fd);
	watch->fd = -1;
	return false;
}

/* ---- Or the list is looked at ---- */

static bool list_changed(struct net_iface_watch *watch)
{
	struct addr addrs[NET_IFACE_ADDRS_MAX];
	size_t count;
	if (net_iface_list(watch->config.loopback, addrs, NET_IFACE_ADDRS_MAX, &count) != ERR_OK)
		return false;
	bool same = count == watch->count;
	for (size_t i = 0; same && i < count; i++)
		same = addr_equal(&addrs[i], &watch->addrs[i]);
	memcpy(watch->addrs, addrs, count * sizeof(addrs[0]));
	watch->count = count;
	return !same;
}

static void on_timer(void *user)
{
	struct net_iface_watch *watch = user;
	bool changed = true;
	if (watch->fd < 0) {
		net_timer_set(&watch->timer, net_now() + watch->config.poll_every);
		changed = list_changed(watch);
	}
	if (changed)
		watch->config.changed(watch->config.user);
}

/* ---- Life ---- */

enum err net_iface_watch_create(struct net_loop *loop, const struct net_iface_watch_config *config,
	struct net_iface_watch **ret_watch)
{
	CHECK(config->changed);
	struct net_iface_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return ERR_NOMEM;
	watch->config = *config;
	watch->fd = -1;
	enum err err = net_timer_init(&watch->timer, loop, on_timer, watch);
	if (err) {
		free(watch);
		return err;
	}
	if (config->poll_every || !listen_to_kernel(watch, loop)) {
		if (!config->poll_every) {
			log_info("the kernel does not tell of changes of the network; it is looked "
				 "at");
			watch->config.poll_every = NET_IFACE_POLL;
		}
		(void)list_changed(watch);
		net_timer_set(&watch->timer, net_now() + watch->config.poll_every);
	}
	*ret_watch = watch;
	return ERR_OK;
}

void net_iface_watch_destroy(struct net_iface_watch *watch)
{
	if (!watch)
		return;
	net_watch_destroy(watch->watch);
	if (watch->fd >= 0)
		close(watch->fd);
	net_timer_deinit(&watch->timer);
	free(watch);
}

bool net_iface_watch_is_told(const struct net_iface_watch *watch)
{
	return watch->fd >= 0;
}
