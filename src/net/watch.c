/* Watching file descriptors: uv_poll, whose end is asynchronous, behind an interface whose end is
 * not. */
#include <stdlib.h>

#include "net/internal.h"

struct net_watch {
	uv_poll_t poll;
	unsigned events;
	void (*on_event)(unsigned events, void *user); /* NULL: destroyed */
	void *user;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void start(struct net_watch *watch)
{
	int wanted = (watch->events & NET_READABLE ? UV_READABLE : 0) |
		     (watch->events & NET_WRITABLE ? UV_WRITABLE : 0);
	/* Neither fails on a handle that is not closing; no events is the same as a stop. */
	if (wanted)
		CHECK(uv_poll_start(&watch->poll, wanted, on_poll) == 0);
	else
		CHECK(uv_poll_stop(&watch->poll) == 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct net_watch *watch = poll->data;
	net_loop_note_event(CONTAINER_OF(poll->loop, struct net_loop, uv));
	unsigned seen = (events & UV_READABLE ? NET_READABLE : 0) |
			(events & UV_WRITABLE ? NET_WRITABLE : 0);
	if (status < 0)
		seen = NET_READABLE | NET_WRITABLE;
	watch->on_event(seen, watch->user);
	/* libuv stops watching a descriptor that has an error. */
	if (status < 0 && watch->on_event)
		start(watch);
}

enum err net_watch_create(struct net_loop *loop, int fd, unsigned events,
	void (*on_event)(unsigned events, void *user), void *user, struct net_watch **ret_watch)
{
	struct net_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return ERR_NOMEM;
	int error = uv_poll_init(&loop->uv, &watch->poll, fd);
	if (error) {
		free(watch);
		return error == UV_EEXIST ? ERR_EXISTS : ERR_IO;
	}
	watch->poll.data = watch;
	watch->on_event = on_event;
	watch->user = user;
	net_watch_set(watch, events);
	*ret_watch = watch;
	return ERR_OK;
}

void net_watch_handle(
	struct net_watch *watch, void (*on_event)(unsigned events, void *user), void *user)
{
	watch->on_event = on_event;
	watch->user = user;
}

void net_watch_set(struct net_watch *watch, unsigned events)
{
	if (events == watch->events)
		return;
	watch->events = events;
	start(watch);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void net_watch_destroy(struct net_watch *watch)
{
	if (!watch)
		return;
	watch->on_event = NULL;
	uv_close((uv_handle_t *)&watch->poll, on_closed);
}
