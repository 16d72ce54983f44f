/* The event loop and the clock: libuv's loop with timers of microsecond resolution.
 *
 * One thread, one loop. Callbacks carry `void *user` last; they run with nothing of the net layer
 * on the stack that they could break: inside any of them everything may be created, changed and
 * destroyed, the caller of the callback included. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/usec.h"

/* Microseconds on the monotonic clock: the `now` of all layers below. */
usec net_now(void);
/* Microseconds since 1970 UTC. It can jump: for dates and for people, never for intervals. */
usec net_unix_now(void);

/* ---- The loop ---- */

struct net_loop;

/* Also makes the process ignore SIGPIPE. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err net_loop_create(struct net_loop **ret_loop);
/* Everything made with the loop must be destroyed first (timers, watches, sockets, the
 * libwebsockets context). Waits at most a second for name look-ups under way. Accepts NULL. */
void net_loop_destroy(struct net_loop *loop);

/* Runs until net_loop_stop(). May be called again afterwards. */
void net_loop_run(struct net_loop *loop);
/* Waits for something to happen, but not beyond `deadline`, and handles it. For tests and for
 * programs that have a condition to look at in between. */
void net_loop_run_once(struct net_loop *loop, usec deadline);
/* From a callback: the run ends as soon as it returns. Before a run: that run ends at once. */
void net_loop_stop(struct net_loop *loop);

/* When what is being dealt with was found by the loop, which looks at the clock once for all that
 * it finds together: how long something has waited for its turn. */
usec net_turn(const struct net_loop *loop);

/* The uv_loop_t, for libwebsockets' foreign loop. Nobody else needs it. */
void *net_loop_uv(struct net_loop *loop);

/* Calls on SIGINT and SIGTERM, in the loop like any other callback; once a loop. ERR_IO. */
MUST_CHECK enum err net_loop_on_signal(
	struct net_loop *loop, void (*on_signal)(int signal, void *user), void *user);

/* Calls on SIGHUP, in the same way; once a loop. ERR_IO. */
MUST_CHECK enum err net_loop_on_hangup(
	struct net_loop *loop, void (*on_hangup)(void *user), void *user);

/* Calls on SIGWINCH, the terminal has another size, in the same way; once a loop. ERR_IO. */
MUST_CHECK enum err net_loop_on_resize(
	struct net_loop *loop, void (*on_resize)(void *user), void *user);

/* ---- Timers: embedded, one-shot, re-armable ---- */

struct net_timer {
	struct heap_node node; /* these are the loop's */
	struct net_loop *loop;
	void (*fire)(void *user);
	void *user;
};

/* Reserves the timer's place in the loop, so that setting it cannot fail. It is not running.
 * ERR_NOMEM. */
MUST_CHECK enum err net_timer_init(
	struct net_timer *timer, struct net_loop *loop, void (*fire)(void *user), void *user);
/* Accepts a zeroed timer. */
void net_timer_deinit(struct net_timer *timer);

/* Fires once at `deadline` (absolute; soon, but never from within this call, when that is past);
 * replaces an earlier setting. USEC_NEVER stops it. O(log n), and rarely a system call. */
void net_timer_set(struct net_timer *timer, usec deadline);
void net_timer_cancel(struct net_timer *timer);
bool net_timer_is_set(const struct net_timer *timer);

/* ---- Deferred calls: "run soon" ---- */

struct net_defer {
	struct list node; /* these are the loop's */
	struct net_loop *loop;
	void (*call)(void *user);
	void *user;
};

void net_defer_init(
	struct net_defer *defer, struct net_loop *loop, void (*call)(void *user), void *user);
/* Calls once before the loop waits again; posting what is posted already changes nothing. A call
 * that posts itself runs in the next turn, so other work is not starved. */
void net_defer_post(struct net_defer *defer);
/* Accepts a zeroed one. Mandatory before its memory goes. */
void net_defer_cancel(struct net_defer *defer);

/* ---- Watching a file descriptor ---- */

enum net_watch_event {
	NET_READABLE = 1,
	NET_WRITABLE = 2,
};

struct net_watch;

/* Level-triggered. `events` is a set of enum net_watch_event, to begin with and in the callback; an
 * error or a hang-up is reported as both, so that the next read or write finds it. The descriptor
 * stays the caller's and must be closed only after net_watch_destroy(). ERR_NOMEM, ERR_EXISTS (it
 * is watched already), ERR_IO (it cannot be watched: a regular file). */
MUST_CHECK enum err net_watch_create(struct net_loop *loop, int fd, unsigned events,
	void (*on_event)(unsigned events, void *user), void *user, struct net_watch **ret_watch);
/* Whom it calls from now on. */
void net_watch_handle(
	struct net_watch *watch, void (*on_event)(unsigned events, void *user), void *user);
/* 0 pauses it. */
void net_watch_set(struct net_watch *watch, unsigned events);
/* No callback comes afterwards. Accepts NULL. */
void net_watch_destroy(struct net_watch *watch);

#endif
