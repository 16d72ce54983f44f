/* Tells when this machine has slept. The monotonic clock, by which all timers go, stands still
 * meanwhile, while the network and everybody on it went on: CLOCK_BOOTTIME shows the difference.
 * The kernel reports a wake-up at once, as a change of the real-time clock
 * (TFD_TIMER_CANCEL_ON_SET); the two clocks are compared now and then as well. */
#ifndef NET_WAKE_H
#define NET_WAKE_H

#include "net/loop.h"

struct net_wake;

/* `woke` is told how long the sleep was, in microseconds. ERR_NOMEM, ERR_IO. */
MUST_CHECK enum err net_wake_create(struct net_loop *loop, void (*woke)(usec slept, void *user),
	void *user, struct net_wake **ret_wake);
/* Accepts NULL. */
void net_wake_destroy(struct net_wake *wake);

/* What the clocks say now, for tests: the watch tells of a sleep when the first has gained on the
 * second. */
void net_wake_compare(struct net_wake *wake, usec boottime, usec monotonic);

#endif
