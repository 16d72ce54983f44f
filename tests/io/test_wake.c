#include "net/wake.h"

#include "net/limits.h"
#include "test.h"

struct fixture {
	struct net_loop *loop;
	struct net_wake *wake;
	usec slept;
	size_t wakes;
};

static void on_woke(usec slept, void *user)
{
	struct fixture *f = user;
	f->slept = slept;
	f->wakes++;
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){0};
	assert_ok(net_loop_create(&f->loop));
	assert_ok(net_wake_create(f->loop, on_woke, f, &f->wake));
}

static void end(struct fixture *f)
{
	net_wake_destroy(f->wake);
	net_loop_destroy(f->loop);
}

static void a_sleep_is_told_once_and_how_long_it_was(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	usec monotonic = net_now(), boottime = monotonic + 365 * 86400 * USEC_PER_SEC;
	net_wake_compare(f.wake, boottime, monotonic);
	assert_int_equal(f.wakes, 1);
	net_wake_compare(f.wake, boottime + USEC_PER_SEC, monotonic + USEC_PER_SEC);
	assert_int_equal(f.wakes, 1);
	net_wake_compare(f.wake, boottime + 62 * USEC_PER_SEC, monotonic + 2 * USEC_PER_SEC);
	assert_int_equal(f.wakes, 2);
	assert_true(f.slept == 60 * USEC_PER_SEC);
	/* The clocks are not read at the same instant. */
	net_wake_compare(f.wake, boottime + 63 * USEC_PER_SEC + NET_WAKE_SLEPT_MIN / 2,
		monotonic + 3 * USEC_PER_SEC);
	assert_int_equal(f.wakes, 2);
	end(&f);
}

static void one_that_is_awake_hears_nothing(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f);
	net_loop_run_once(f.loop, net_now() + 50 * USEC_PER_MS);
	assert_int_equal(f.wakes, 0);
	end(&f);
}

TESTS(TEST(a_sleep_is_told_once_and_how_long_it_was), TEST(one_that_is_awake_hears_nothing))
