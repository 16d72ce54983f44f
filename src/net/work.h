/* Work in another thread: what would hold the loop up, above all disks. It is for plain functions
 * over memory of their own: what `run` touches is its alone from the posting until `done`, and it
 * may use nothing of the net layer. No locks are needed, and there are none. */
#ifndef NET_WORK_H
#define NET_WORK_H

#include "net/loop.h"

/* Embedded by who needs it, like a timer; its memory has to last until `done`. */
struct net_work {
	struct list node; /* these are the loop's */
	struct net_loop *loop;
	void (*run)(void *user);
	void (*done)(void *user);
	void *user;
	enum { NET_WORK_IDLE, NET_WORK_WAITS, NET_WORK_RUNS } state;
};

void net_work_init(struct net_work *work, struct net_loop *loop, void (*run)(void *user),
	void (*done)(void *user), void *user);
/* Calls `run` in another thread, in the order of posting and NET_WORKS_AT_ONCE at a time, and then
 * `done` in the loop. It must not be posted already. Cannot fail. */
void net_work_post(struct net_work *work);
static inline bool net_work_is_posted(const struct net_work *work)
{
	return work->state != NET_WORK_IDLE;
}
/* True: it had not begun, and neither is called. False: it is not to be stopped any more; `done`
 * comes, at the latest from net_loop_destroy(). */
bool net_work_withdraw(struct net_work *work);

#endif
