#include "net/wake.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "net/limits.h"

struct net_wake {
	void (*woke)(usec slept, void *user);
	void *user;
	int fd;
	struct net_watch *watch;
	struct net_timer timer; /* the next comparison */
	usec slept;             /* in all, as far as it is told */
};

static usec clock_read(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return (usec)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

/* The descriptor never expires; it becomes readable, with ECANCELED, when the real-time clock is
 * set, which every wake-up does. */
static void arm(struct net_wake *wake)
{
	struct itimerspec spec = {.it_value.tv_sec = INT32_MAX};
	(void)timerfd_settime(wake->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, NULL);
}

void net_wake_compare(struct net_wake *wake, usec boottime, usec monotonic)
{
	usec slept = boottime - monotonic, more = slept - wake->slept;
	if (more < NET_WAKE_SLEPT_MIN)
		return;
	wake->slept = slept;
	wake->woke(more, wake->user);
}

static void compare(struct net_wake *wake)
{
	usec monotonic = clock_read(CLOCK_MONOTONIC);
	net_timer_set(&wake->timer, monotonic + NET_WAKE_INTERVAL);
	net_wake_compare(wake, clock_read(CLOCK_BOOTTIME), monotonic);
}

static void on_readable(unsigned events, void *user)
{
	struct net_wake *wake = user;
	uint64_t expirations;
	(void)events;
	/* Arming it again makes it silent, whatever the read says. */
	ssize_t size = read(wake->fd, &expirations, sizeof(expirations));
	(void)size;
	arm(wake);
	compare(wake);
}

static void on_timer(void *user)
{
	compare(user);
}

enum err net_wake_create(struct net_loop *loop, void (*woke)(usec slept, void *user), void *user,
	struct net_wake **ret_wake)
{
	CHECK(woke);
	struct net_wake *wake = calloc(1, sizeof(*wake));
	if (!wake)
		return ERR_NOMEM;
	wake->woke = woke;
	wake->user = user;
	wake->slept = clock_read(CLOCK_BOOTTIME) - clock_read(CLOCK_MONOTONIC);
	enum err err = net_timer_init(&wake->timer, loop, on_timer, wake);
	if (err)
		goto fail_wake;
	err = ERR_IO;
	wake->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (wake->fd < 0)
		goto fail_timer;
	arm(wake);
	err = net_watch_create(loop, wake->fd, NET_READABLE, on_readable, wake, &wake->watch);
	if (err)
		goto fail_fd;
	net_timer_set(&wake->timer, net_now() + NET_WAKE_INTERVAL);
	*ret_wake = wake;
	return ERR_OK;

fail_fd:
	close(wake->fd);
fail_timer:
	net_timer_deinit(&wake->timer);
fail_wake:
	free(wake);
	return err;
}

void net_wake_destroy(struct net_wake *wake)
{
	if (!wake)
		return;
	net_watch_destroy(wake->watch);
	close(wake->fd);
	net_timer_deinit(&wake->timer);
	free(wake);
}
