/* In a network namespace of its own, whose loopback interface goes up and down. */
#include "net/iface_watch.h"

#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/limits.h"
#include "test.h"

struct fixture {
	struct net_loop *loop;
	struct net_iface_watch *watch;
	size_t changes;
};

static void on_changed(void *user)
{
	((struct fixture *)user)->changes++;
}

static bool own_network(void)
{
	return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static void set_loopback(bool up)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void begin(struct fixture *f, usec poll_every)
{
	struct net_iface_watch_config config = {
		.loopback = true, .poll_every = poll_every, .changed = on_changed, .user = f};
	*f = (struct fixture){0};
	if (!own_network())
		skip();
	assert_ok(net_loop_create(&f->loop));
	assert_ok(net_iface_watch_create(f->loop, &config, &f->watch));
	assert_int_equal(net_iface_watch_is_told(f->watch), poll_every == 0);
}

static void end(struct fixture *f)
{
	net_iface_watch_destroy(f->watch);
	net_loop_destroy(f->loop);
}

/* Runs until there is a change, and as long again as one settles. */
static void wait_for_change(struct fixture *f)
{
	usec until = net_now() + 20 * USEC_PER_SEC;
	size_t before = f->changes;
	while (f->changes == before && net_now() < until)
		net_loop_run_once(f->loop, until);
	assert_true(f->changes > before);
}

static void the_kernel_tells_once_of_a_change(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, 0);
	/* An interface, two addresses and their routes. */
	set_loopback(true);
	wait_for_change(&f);
	assert_int_equal(f.changes, 1);
	set_loopback(false);
	wait_for_change(&f);
	assert_int_equal(f.changes, 2);
	end(&f);
}

static void without_it_the_list_is_looked_at(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, 20 * USEC_PER_MS);
	set_loopback(true);
	wait_for_change(&f);
	assert_int_equal(f.changes, 1);
	/* What stays the same is no change. */
	usec until = net_now() + 100 * USEC_PER_MS;
	while (net_now() < until)
		net_loop_run_once(f.loop, until);
	assert_int_equal(f.changes, 1);
	end(&f);
}

TESTS(TEST(the_kernel_tells_once_of_a_change), TEST(without_it_the_list_is_looked_at))
