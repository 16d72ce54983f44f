/* A loop for each test, and how it is run until something has happened. */
#ifndef LOOP_FIXTURE_H
#define LOOP_FIXTURE_H

#include "net/loop.h"

static struct net_loop *loop;

static inline int set_up(void **state)
{
	(void)state;
	return net_loop_create(&loop) == ERR_OK ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	net_loop_destroy(loop);
	return 0;
}

/* Runs until the condition holds, for at most five seconds. */
#define RUN_UNTIL(condition)                                                                       \
	do {                                                                                       \
		usec limit_ = net_now() + 5 * USEC_PER_SEC;                                        \
		while (!(condition) && net_now() < limit_)                                         \
			net_loop_run_once(loop, limit_);                                           \
		assert_true(condition);                                                            \
	} while (0)

#endif
