#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/internal.h"
#include "net/limits.h"
#include "net/udp_internal.h"

static bool set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* What must work is checked; the rest is speed. */
static enum err configure(int fd, enum addr_family family, unsigned avoid)
{
	(void)set_option(fd, SOL_SOCKET, SO_RCVBUF, NET_UDP_SOCKET_BUFFER);
	(void)set_option(fd, SOL_SOCKET, SO_SNDBUF, NET_UDP_SOCKET_BUFFER);
	(void)set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	if (!(avoid & NET_UDP_AVOID_GRO))
		(void)set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	/* PROBE: the "don't fragment" bit, and no path MTU from ICMP messages that anybody can
	 * forge. */
	bool ok;
	if (family == ADDR_IPV4)
		ok = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1) &&
		     set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	else
		ok = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
		     set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
		     set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	return ok ? ERR_OK : err_of_errno(errno);
}

static enum err bind_to(struct net_udp *udp, const struct addr *local)
{
	struct sockaddr_storage storage;
	socklen_t size = sockaddr_of_addr(local, &storage);
	if (bind(udp->fd, (struct sockaddr *)&storage, size) != 0)
		return err_of_errno(errno);
	size = sizeof(storage);
	if (getsockname(udp->fd, (struct sockaddr *)&storage, &size) != 0)
		return err_of_errno(errno);
	return addr_of_sockaddr((struct sockaddr *)&storage, &udp->local) ? ERR_OK : ERR_IO;
}

static void free_all(struct net_udp *udp)
{
	udp_receive_deinit(udp);
	net_timer_deinit(&udp->retry);
	free(udp->waiting.data);
	free(udp->outbox);
	free(udp);
}

/* A callback may destroy the socket: then it is freed when the last of them has returned. */
static void on_event(unsigned events, void *user)
{
	struct net_udp *udp = user;
	udp->in_callback = true;
	if (events & NET_WRITABLE)
		udp_send_waiting(udp);
	if ((events & NET_READABLE) && !udp->destroyed)
		udp_receive(udp);
	udp->in_callback = false;
	if (udp->destroyed)
		free_all(udp);
}

static void on_retry(void *user)
{
	on_event(NET_WRITABLE, user);
}

static enum err init_buffers(struct net_udp *udp, struct net_loop *loop)
{
	/* Memory that was never used costs nothing. */
	udp->outbox = malloc(sizeof(*udp->outbox));
	if (!udp->outbox)
		return ERR_NOMEM;
	udp->outbox->first = udp->outbox->count = 0;
	udp->outbox->blocked = false;
	enum err err = net_timer_init(&udp->retry, loop, on_retry, udp);
	return err ? err : udp_receive_init(udp);
}

enum err net_udp_create(struct net_loop *loop, const struct addr *local, unsigned avoid,
	const struct net_udp_handler *handler, struct net_udp **ret_udp)
{
	CHECK(local->family != ADDR_NONE);
	CHECK(handler->receive);
	struct net_udp *udp = calloc(1, sizeof(*udp));
	if (!udp)
		return ERR_NOMEM;
	udp->avoid = avoid;
	udp->handler = *handler;
	int family = local->family == ADDR_IPV4 ? AF_INET : AF_INET6;
	udp->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (udp->fd < 0) {
		enum err err = err_of_errno(errno);
		free(udp);
		return err;
	}
	enum err err = configure(udp->fd, local->family, avoid);
	if (!err)
		err = bind_to(udp, local);
	if (!err)
		err = init_buffers(udp, loop);
	if (!err)
		err = net_watch_create(loop, udp->fd, NET_READABLE, on_event, udp, &udp->watch);
	if (err) {
		close(udp->fd);
		free_all(udp);
		return err;
	}
	*ret_udp = udp;
	return ERR_OK;
}

void net_udp_destroy(struct net_udp *udp)
{
	if (!udp || udp->destroyed)
		return;
	udp->destroyed = true;
	net_watch_destroy(udp->watch);
	close(udp->fd);
	if (!udp->in_callback)
		free_all(udp);
}

const struct addr *net_udp_local(const struct net_udp *udp)
{
	return &udp->local;
}

const struct net_udp_stats *net_udp_stats(const struct net_udp *udp)
{
	return &udp->stats;
}
