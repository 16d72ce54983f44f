#include "net/iface.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "net/internal.h"
#include "net/limits.h"

bool net_iface_is_usable(const struct addr *addr)
{
	static const uint8_t zeros[12];
	if (addr_is_unspecified(addr) || addr_is_link_local(addr))
		return false;
	if (addr->family == ADDR_IPV4)
		return addr->ip[0] < 224; /* multicast and beyond */
	bool multicast = addr->ip[0] == 0xff;
	bool site_local = addr->ip[0] == 0xfe && (addr->ip[1] & 0xc0) == 0xc0;
	/* An IPv4 address in IPv6, but for the loopback address, which looks like one. */
	bool compatible = memcmp(addr->ip, zeros, sizeof zeros) == 0 && !addr_is_loopback(addr);
	return !multicast && !site_local && !compatible;
}

struct addr_list {
	struct addr *addrs;
	size_t count, max;
};

static void add(struct addr_list *list, const struct addr *addr)
{
	for (size_t i = 0; i < list->count; i++) {
		if (addr_same_ip(&list->addrs[i], addr))
			return;
	}
	if (list->count < list->max)
		list->addrs[list->count++] = *addr;
}

static void collect(
	struct addr_list *list, const struct ifaddrs *all, enum addr_family family, bool loopback)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct addr addr;
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
			!addr_of_sockaddr(i->ifa_addr, &addr))
			continue;
		addr.port = 0;
		if (addr.family == family && addr_is_loopback(&addr) == loopback &&
			net_iface_is_usable(&addr))
			add(list, &addr);
	}
}

enum err net_iface_list(bool loopback, struct addr *addrs, size_t max, size_t *ret_count)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) != 0)
		return ERR_IO;
	struct addr_list list = {.addrs = addrs, .max = max};
	collect(&list, all, ADDR_IPV6, false);
	collect(&list, all, ADDR_IPV4, false);
	if (loopback || list.count == 0) {
		collect(&list, all, ADDR_IPV6, true);
		collect(&list, all, ADDR_IPV4, true);
	}
	freeifaddrs(all);
	*ret_count = list.count;
	return ERR_OK;
}

static uint32_t mtu_of(int fd, const char *name)
{
	struct ifreq request = {0};
	if (!text_copy(request.ifr_name, sizeof(request.ifr_name), name) ||
		ioctl(fd, SIOCGIFMTU, &request) != 0 || request.ifr_mtu < 0)
		return 0;
	return (uint32_t)request.ifr_mtu;
}

uint32_t net_iface_mtu(bool loopback)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) != 0)
		return 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t largest = 0;
	for (const struct ifaddrs *i = all; i && fd >= 0; i = i->ifa_next) {
		struct addr addr;
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
			!addr_of_sockaddr(i->ifa_addr, &addr) || !net_iface_is_usable(&addr) ||
			(addr_is_loopback(&addr) && !loopback))
			continue;
		uint32_t mtu = mtu_of(fd, i->ifa_name);
		largest = mtu > largest ? mtu : largest;
	}
	if (fd >= 0)
		close(fd);
	freeifaddrs(all);
	return largest;
}

enum err net_iface_source(const struct addr *remote, struct addr *ret_local)
{
	struct sockaddr_storage name;
	socklen_t size = sockaddr_of_addr(remote, &name);
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_of_errno(errno);
	/* Connecting a UDP socket is only a look into the routing table. */
	enum err err = ERR_OK;
	if (connect(fd, (struct sockaddr *)&name, size) != 0) {
		err = err_of_errno(errno);
	} else {
		size = sizeof(name);
		struct addr local;
		if (getsockname(fd, (struct sockaddr *)&name, &size) != 0 ||
			!addr_of_sockaddr((struct sockaddr *)&name, &local)) {
			err = ERR_IO;
		} else {
			local.port = 0;
			*ret_local = local;
		}
	}
	close(fd);
	return err;
}
