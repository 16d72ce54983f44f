#include "net/loop.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_fixture.h"
#include "test.h"

struct probe {
	struct net_timer timer, other;
	struct net_defer defer;
	int fired;
	usec at;
	usec again_after;
};

static void on_probe(void *user)
{
	struct probe *probe = user;
	probe->fired++;
	probe->at = net_now();
	if (probe->again_after > 0)
		net_timer_set(&probe->timer, net_now() + probe->again_after);
}

static void a_timer_fires_once_and_not_early(void **state)
{
	(void)state;
	struct probe probe = {0};
	assert_ok(net_timer_init(&probe.timer, loop, on_probe, &probe));
	assert_false(net_timer_is_set(&probe.timer));
	usec due = net_now() + 3300;
	net_timer_set(&probe.timer, due);
	assert_true(net_timer_is_set(&probe.timer));
	RUN_UNTIL(probe.fired > 0);
	assert_true(probe.at >= due);
	assert_false(net_timer_is_set(&probe.timer));
	net_loop_run_once(loop, net_now() + 5000);
	assert_int_equal(probe.fired, 1);
	net_timer_deinit(&probe.timer);
}

static void a_timer_can_be_moved_either_way_and_cancelled(void **state)
{
	(void)state;
	struct probe early = {0}, late = {0}, never = {0};
	assert_ok(net_timer_init(&early.timer, loop, on_probe, &early));
	assert_ok(net_timer_init(&late.timer, loop, on_probe, &late));
	assert_ok(net_timer_init(&never.timer, loop, on_probe, &never));
	usec start = net_now();
	net_timer_set(&never.timer, start + 1000);
	net_timer_set(&early.timer, start + 60 * USEC_PER_SEC);
	net_timer_set(&late.timer, start + 1000);
	net_loop_run_once(loop, start);
	net_timer_set(&early.timer, start + 2000);
	net_timer_set(&late.timer, start + 20000);
	net_timer_cancel(&never.timer);
	RUN_UNTIL(late.fired > 0);
	assert_int_equal(early.fired, 1);
	assert_true(early.at <= late.at);
	assert_true(late.at >= start + 20000);
	assert_int_equal(never.fired, 0);
	net_timer_deinit(&early.timer);
	net_timer_deinit(&late.timer);
	net_timer_deinit(&never.timer);
}

static void a_timer_that_sets_itself_for_the_past_does_not_starve_the_loop(void **state)
{
	(void)state;
	struct probe busy = {.again_after = 1}, other = {0};
	assert_ok(net_timer_init(&busy.timer, loop, on_probe, &busy));
	assert_ok(net_timer_init(&other.timer, loop, on_probe, &other));
	net_timer_set(&busy.timer, 0);
	net_timer_set(&other.timer, net_now() + 3000);
	RUN_UNTIL(other.fired > 0);
	assert_true(busy.fired > 1);
	net_timer_deinit(&busy.timer);
	net_timer_deinit(&other.timer);
}

static void on_defer(void *user)
{
	struct probe *probe = user;
	if (++probe->fired < 3)
		net_defer_post(&probe->defer);
}

static void a_deferred_call_runs_before_the_loop_waits_and_may_post_itself(void **state)
{
	(void)state;
	struct probe probe = {0}, cancelled = {0};
	net_defer_init(&probe.defer, loop, on_defer, &probe);
	net_defer_init(&cancelled.defer, loop, on_defer, &cancelled);
	net_defer_post(&probe.defer);
	net_defer_post(&probe.defer);
	net_defer_post(&cancelled.defer);
	net_defer_cancel(&cancelled.defer);
	usec start = net_now();
	net_loop_run_once(loop, start + 5 * USEC_PER_SEC);
	assert_int_equal(probe.fired, 1);
	RUN_UNTIL(probe.fired == 3);
	assert_true(net_now() < start + 4 * USEC_PER_SEC);
	assert_int_equal(cancelled.fired, 0);
}

struct watcher {
	struct net_watch *watch;
	unsigned seen;
	int calls;
	bool destroy;
};

static void on_watch(unsigned events, void *user)
{
	struct watcher *watcher = user;
	watcher->seen |= events;
	watcher->calls++;
	if (watcher->destroy) {
		net_watch_destroy(watcher->watch);
		watcher->watch = NULL;
	}
}

static void a_watch_tells_what_a_descriptor_is_ready_for(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	struct watcher watcher = {0};
	assert_ok(
		net_watch_create(loop, ends[0], NET_READABLE, on_watch, &watcher, &watcher.watch));
	struct net_watch *second;
	assert_err(net_watch_create(loop, ends[0], NET_READABLE, on_watch, &watcher, &second),
		ERR_EXISTS);
	net_loop_run_once(loop, net_now() + 2000);
	assert_int_equal(watcher.calls, 0);

	assert_int_equal(write(ends[1], "x", 1), 1);
	RUN_UNTIL(watcher.calls > 0);
	assert_int_equal(watcher.seen, NET_READABLE);

	net_watch_set(watcher.watch, 0);
	int calls = watcher.calls;
	net_loop_run_once(loop, net_now() + 2000);
	assert_int_equal(watcher.calls, calls);

	net_watch_set(watcher.watch, NET_READABLE | NET_WRITABLE);
	watcher.destroy = true;
	RUN_UNTIL(!watcher.watch);
	assert_true(watcher.seen & NET_WRITABLE);
	calls = watcher.calls;
	net_loop_run_once(loop, net_now() + 2000);
	assert_int_equal(watcher.calls, calls);
	close(ends[0]);
	close(ends[1]);
}

#define TURN_WATCHES 3

struct turn_watch {
	struct net_watch *watch;
	usec turn;
};

static size_t turn_calls;

static void on_turn_watch(unsigned events, void *user)
{
	struct turn_watch *watch = user;
	(void)events;
	watch->turn = net_turn(loop);
	net_watch_set(watch->watch, 0);
	turn_calls++;
	/* Each takes its time. */
	for (usec end = net_now() + 1000; net_now() < end;)
		;
}

static void what_is_found_together_has_one_time_and_the_next_turn_another(void **state)
{
	(void)state;
	int ends[2];
	struct turn_watch watches[TURN_WATCHES] = {0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	int fds[TURN_WATCHES] = {ends[0], dup(ends[0]), dup(ends[0])};
	for (size_t i = 0; i < TURN_WATCHES; i++)
		assert_ok(net_watch_create(
			loop, fds[i], NET_READABLE, on_turn_watch, &watches[i], &watches[i].watch));
	usec before = net_now();
	turn_calls = 0;
	RUN_UNTIL(turn_calls == TURN_WATCHES);
	usec turn = watches[0].turn;
	assert_true(turn >= before);
	assert_true(net_now() >= turn + 1000 * TURN_WATCHES);
	for (size_t i = 1; i < TURN_WATCHES; i++)
		assert_int_equal(watches[i].turn, turn);

	net_watch_set(watches[0].watch, NET_READABLE);
	before = net_now();
	RUN_UNTIL(turn_calls == TURN_WATCHES + 1);
	assert_true(watches[0].turn >= before);

	/* Timers and deferred calls have the time of their own. */
	struct probe probe = {0};
	assert_ok(net_timer_init(&probe.timer, loop, on_probe, &probe));
	usec due = net_now() + 2000;
	net_timer_set(&probe.timer, due);
	RUN_UNTIL(probe.fired > 0);
	assert_true(net_turn(loop) >= due);
	net_timer_deinit(&probe.timer);
	for (size_t i = 0; i < TURN_WATCHES; i++) {
		net_watch_destroy(watches[i].watch);
		close(fds[i]);
	}
	close(ends[1]);
}

/* More than libuv takes of the kernel at once. */
#define CROWD 1500

struct crowd {
	struct net_watch *watches[CROWD];
	usec turns[CROWD];
	size_t count;
};

static struct crowd crowd;

static void on_crowd(unsigned events, void *user)
{
	struct net_watch **watch = user;
	(void)events;
	net_watch_set(*watch, 0);
	crowd.turns[crowd.count++] = net_turn(loop);
}

static void a_crowd_that_is_found_at_two_looks_has_two_times(void **state)
{
	(void)state;
	int ends[2], fds[CROWD];
	struct rlimit limit, raised = {.rlim_cur = 2 * CROWD};
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	raised.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &raised), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	crowd = (struct crowd){0};
	for (size_t i = 0; i < CROWD; i++) {
		fds[i] = dup(ends[0]);
		assert_true(fds[i] >= 0);
		assert_ok(net_watch_create(loop, fds[i], NET_READABLE, on_crowd, &crowd.watches[i],
			&crowd.watches[i]));
	}
	RUN_UNTIL(crowd.count == CROWD);
	size_t first = 1;
	while (first < CROWD && crowd.turns[first] == crowd.turns[0])
		first++;
	assert_int_equal(first, 1024);
	for (size_t i = first; i < CROWD; i++)
		assert_int_equal(crowd.turns[i], crowd.turns[first]);
	for (size_t i = 0; i < CROWD; i++) {
		net_watch_destroy(crowd.watches[i]);
		close(fds[i]);
	}
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int signalled;

static void on_signal(int signal, void *user)
{
	signalled = signal;
	net_loop_stop(user);
}

static void raise_it(void *user)
{
	(void)user;
	raise(SIGTERM);
}

static void a_signal_stops_a_run_and_a_loop_runs_again(void **state)
{
	(void)state;
	assert_ok(net_loop_on_signal(loop, on_signal, loop));
	struct net_defer defer;
	net_defer_init(&defer, loop, raise_it, NULL);
	for (int i = 0; i < 2; i++) {
		signalled = 0;
		net_defer_post(&defer);
		net_loop_run(loop);
		assert_int_equal(signalled, SIGTERM);
	}
}

static void on_resize(void *user)
{
	signalled = SIGWINCH;
	net_loop_stop(user);
}

static void raise_resize(void *user)
{
	(void)user;
	raise(SIGWINCH);
}

static void another_size_of_the_terminal_is_heard_of(void **state)
{
	(void)state;
	struct net_defer defer;
	assert_ok(net_loop_on_resize(loop, on_resize, loop));
	net_defer_init(&defer, loop, raise_resize, NULL);
	signalled = 0;
	net_defer_post(&defer);
	net_loop_run(loop);
	assert_int_equal(signalled, SIGWINCH);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

TESTS(LOOP_TEST(a_timer_fires_once_and_not_early),
	LOOP_TEST(a_timer_can_be_moved_either_way_and_cancelled),
	LOOP_TEST(a_timer_that_sets_itself_for_the_past_does_not_starve_the_loop),
	LOOP_TEST(a_deferred_call_runs_before_the_loop_waits_and_may_post_itself),
	LOOP_TEST(a_watch_tells_what_a_descriptor_is_ready_for),
	LOOP_TEST(what_is_found_together_has_one_time_and_the_next_turn_another),
	LOOP_TEST(a_crowd_that_is_found_at_two_looks_has_two_times),
	LOOP_TEST(a_signal_stops_a_run_and_a_loop_runs_again),
	LOOP_TEST(another_size_of_the_terminal_is_heard_of))
