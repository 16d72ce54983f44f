/* Who connects becomes a stream. Whether there is room for it is the owner's business; when the
 * process has no descriptor left, it is left in the kernel's queue for a while. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/internal.h"
#include "net/limits.h"
#include "net/stream_internal.h"

#define BACKLOG 128
/* Accepted in one wake-up before others have their turn. */
#define ACCEPTS_MAX 16

struct net_stream_listener {
	struct net_loop *loop;
	struct net_stream_listener_config config;
	struct addr local;
	int fd;
	struct net_watch *watch;
	struct net_timer timer; /* the end of a pause */
};

static void pause_for_a_while(struct net_stream_listener *listener)
{
	net_watch_set(listener->watch, 0);
	net_timer_set(&listener->timer, net_now() + NET_STREAM_ACCEPT_PAUSE);
}

static void on_pause_over(void *user)
{
	struct net_stream_listener *listener = user;
	net_watch_set(listener->watch, NET_READABLE);
}

/* The local address of an accepted connection is the one that was connected to. */
static bool read_local(int fd, struct addr *ret_local)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	return getsockname(fd, (struct sockaddr *)&name, &size) == 0 &&
	       addr_of_sockaddr((struct sockaddr *)&name, ret_local);
}

/* False when there is nobody for now. */
static bool accept_one(struct net_stream_listener *listener)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	struct path path;
	struct net_stream *stream;
	int fd = accept4(
		listener->fd, (struct sockaddr *)&name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		/* Else somebody has gone before we came. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_for_a_while(listener);
		return errno == ECONNABORTED || errno == EINTR;
	}
	if (!addr_of_sockaddr((struct sockaddr *)&name, &path.remote) ||
		!read_local(fd, &path.local)) {
		close(fd);
		return true;
	}
	path.local.transport = path.remote.transport = ADDR_TCP;
	if (stream_of_accepted(listener->loop, fd, &path.remote, &stream) == ERR_OK)
		listener->config.accepted(stream, &path, listener->config.user);
	return true;
}

static void on_event(unsigned events, void *user)
{
	(void)events;
	for (int i = 0; i < ACCEPTS_MAX && accept_one(user); i++)
		continue;
}

static enum err listen_on(struct net_stream_listener *listener)
{
	struct sockaddr_storage name;
	const struct addr *local = &listener->config.local;
	socklen_t size = sockaddr_of_addr(local, &name);
	int on = 1;
	listener->fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return err_of_errno(errno);
	/* What is left of connections of before does not keep the port. */
	(void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (local->family == ADDR_IPV6 &&
		setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
		return err_of_errno(errno);
	if (bind(listener->fd, (struct sockaddr *)&name, size) != 0 ||
		listen(listener->fd, BACKLOG) != 0)
		return err_of_errno(errno);
	return read_local(listener->fd, &listener->local) ? ERR_OK : ERR_IO;
}

enum err net_stream_listener_create(struct net_loop *loop,
	const struct net_stream_listener_config *config, struct net_stream_listener **ret_listener)
{
	CHECK(config->accepted);
	CHECK(config->local.family != ADDR_NONE);
	struct net_stream_listener *listener = calloc(1, sizeof *listener);
	if (!listener)
		return ERR_NOMEM;
	listener->loop = loop;
	listener->config = *config;
	listener->fd = -1;
	enum err err = net_timer_init(&listener->timer, loop, on_pause_over, listener);
	if (err) {
		free(listener);
		return err;
	}
	err = listen_on(listener);
	if (!err)
		err = net_watch_create(
			loop, listener->fd, NET_READABLE, on_event, listener, &listener->watch);
	if (err) {
		net_stream_listener_destroy(listener);
		return err;
	}
	listener->local.transport = ADDR_TCP;
	*ret_listener = listener;
	return ERR_OK;
}

void net_stream_listener_destroy(struct net_stream_listener *listener)
{
	if (!listener)
		return;
	net_timer_deinit(&listener->timer);
	net_watch_destroy(listener->watch);
	if (listener->fd >= 0)
		close(listener->fd);
	free(listener);
}

const struct addr *net_stream_listener_local(const struct net_stream_listener *listener)
{
	return &listener->local;
}
