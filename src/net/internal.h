/* What the files of this layer share: the loop's state, and addresses as the kernel takes them. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include <sys/socket.h>
#include <uv.h>

#include "base/addr.h"
#include "net/limits.h"
#include "net/loop.h"

struct net_work;

struct net_worker {
	uv_work_t request;
	struct net_loop *loop;
	struct net_work *work; /* that it runs; NULL: none */
};

struct net_loop {
	uv_loop_t uv;
	uv_prepare_t prepare; /* before every wait: timers and deferred calls run here */
	uv_idle_t idle;       /* active: the next wait is to end at once */
	uv_poll_t timer_poll; /* of timer_fd */
	uv_signal_t signals[2], hangup, resize;
	int timer_fd;
	struct heap timers; /* every initialised net_timer, set or not */
	usec armed;         /* what timer_fd waits for; USEC_NEVER: nothing */
	usec turn;          /* when the kernel was last asked: net_turn() */
	size_t turn_events; /* dealt with since */
	bool is_turn_over;  /* the loop waits, or has waited and has found nothing yet */
	struct list deferred;
	struct net_timer waker; /* of net_loop_run_once() */
	bool once;              /* within net_loop_run_once() */
	size_t resolves_pending;
	struct list works; /* that wait for one of these */
	struct net_worker workers[NET_WORKS_AT_ONCE];
	void (*on_signal)(int signal, void *user);
	void *on_signal_user;
	void (*on_hangup)(void *user);
	void *on_hangup_user;
	void (*on_resize)(void *user);
	void *on_resize_user;
};

/* False where the family is unknown. An IPv4-mapped IPv6 address becomes the IPv4 one. */
bool addr_of_sockaddr(const struct sockaddr *sockaddr, struct addr *ret_addr);
/* Returns the size of what it filled in. */
socklen_t sockaddr_of_addr(const struct addr *addr, struct sockaddr_storage *storage);

/* Before each event is dealt with. */
void net_loop_note_event(struct net_loop *loop);

/* An errno value (positive) or a libuv error (negative). */
enum err err_of_errno(int error);

#endif
