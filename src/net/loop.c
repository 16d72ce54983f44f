#include "net/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "net/internal.h"

/* Where a timer that is not set waits in the heap, so that setting it never allocates. */
#define PARKED (USEC_NEVER - 1)
/* What libuv takes of the kernel at once. When it was that many it asks again, up to 48 times,
 * before timers and deferred calls have their turn, and tells nobody. */
#define EVENTS_PER_LOOK 1024

static usec clock_read(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return (usec)now.tv_sec * USEC_PER_SEC + now.tv_nsec / 1000;
}

usec net_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

usec net_unix_now(void)
{
	return clock_read(CLOCK_REALTIME);
}

usec net_turn(const struct net_loop *loop)
{
	return loop->turn;
}

void net_loop_note_event(struct net_loop *loop)
{
	loop->turn_events++;
	if (!loop->is_turn_over && loop->turn_events <= EVENTS_PER_LOOK)
		return;
	loop->turn = net_now();
	loop->turn_events = 1;
	loop->is_turn_over = false;
}

/* ---- A turn: what happens before the loop waits ---- */

static bool run_timers(struct net_loop *loop)
{
	bool any = false;
	for (;;) {
		struct heap_node *node = heap_first(&loop->timers);
		if (!node || node->deadline > loop->turn)
			return any;
		struct net_timer *timer = CONTAINER_OF(node, struct net_timer, node);
		net_timer_cancel(timer);
		timer->fire(timer->user);
		any = true;
	}
}

static bool run_deferred(struct net_loop *loop)
{
	if (list_is_empty(&loop->deferred))
		return false;
	/* A mark of our own ends the turn: what is posted meanwhile comes behind it. */
	struct list mark = {0};
	list_push_back(&loop->deferred, &mark);
	for (;;) {
		struct list *node = list_pop_front(&loop->deferred);
		CHECK(node);
		if (node == &mark)
			return true;
		struct net_defer *defer = CONTAINER_OF(node, struct net_defer, node);
		defer->call(defer->user);
	}
}

/* The descriptor is set anew only for an earlier deadline: most timers move later again and again,
 * and waking up once for nothing is cheaper than a system call each time. */
static void arm(struct net_loop *loop)
{
	usec first = heap_deadline(&loop->timers);
	if (first >= PARKED || first >= loop->armed)
		return;
	struct itimerspec spec = {.it_value.tv_sec = first / USEC_PER_SEC,
		.it_value.tv_nsec = first % USEC_PER_SEC * 1000};
	CHECK(timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
	loop->armed = first;
}

/* Only that it is active matters: the wait then ends at once. */
static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct net_loop *loop = prepare->data;
	loop->turn = net_now();
	bool any = run_timers(loop);
	any |= run_deferred(loop);
	arm(loop);
	if (!list_is_empty(&loop->deferred) || (loop->once && any))
		uv_idle_start(&loop->idle, on_idle);
	else
		uv_idle_stop(&loop->idle);
	loop->is_turn_over = true;
}

static void on_timer_fd(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct net_loop *loop = poll->data;
	/* Read, or it stays readable. The timers themselves run before the next wait. */
	uint64_t expirations;
	ssize_t size = read(loop->timer_fd, &expirations, sizeof(expirations));
	if (size == sizeof(expirations))
		loop->armed = USEC_NEVER;
}

static void on_waker(void *user)
{
	(void)user;
}

/* ---- The loop ---- */

static void on_signal_uv(uv_signal_t *handle, int signal)
{
	struct net_loop *loop = handle->data;
	if (loop->on_signal)
		loop->on_signal(signal, loop->on_signal_user);
}

/* These cannot fail: they only fill in the handles. */
static void init_handles(struct net_loop *loop)
{
	CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
	CHECK(uv_idle_init(&loop->uv, &loop->idle) == 0);
	loop->prepare.data = loop;
	CHECK(uv_prepare_start(&loop->prepare, on_prepare) == 0);
}

enum err net_loop_create(struct net_loop **ret_loop)
{
	enum err err;
	struct net_loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return ERR_NOMEM;
	list_init(&loop->deferred);
	list_init(&loop->works);
	loop->armed = USEC_NEVER;
	loop->turn = net_now();
	signal(SIGPIPE, SIG_IGN);

	err = net_timer_init(&loop->waker, loop, on_waker, loop);
	if (err)
		goto fail_loop;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0) {
		err = ERR_IO;
		goto fail_waker;
	}
	if (uv_loop_init(&loop->uv) != 0) {
		err = ERR_IO;
		goto fail_timer_fd;
	}
	init_handles(loop);
	loop->timer_poll.data = loop;
	CHECK(uv_poll_init(&loop->uv, &loop->timer_poll, loop->timer_fd) == 0);
	CHECK(uv_poll_start(&loop->timer_poll, UV_READABLE, on_timer_fd) == 0);
	*ret_loop = loop;
	return ERR_OK;

fail_timer_fd:
	close(loop->timer_fd);
fail_waker:
	heap_deinit(&loop->timers);
fail_loop:
	free(loop);
	return err;
}

void net_loop_destroy(struct net_loop *loop)
{
	if (!loop)
		return;
	net_timer_deinit(&loop->waker);
	CHECK(!heap_first(&loop->timers));
	CHECK(list_is_empty(&loop->deferred));
	CHECK(list_is_empty(&loop->works));
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->idle, NULL);
	uv_close((uv_handle_t *)&loop->timer_poll, NULL);
	for (size_t i = 0; loop->on_signal && i < 2; i++)
		uv_close((uv_handle_t *)&loop->signals[i], NULL);
	if (loop->on_hangup)
		uv_close((uv_handle_t *)&loop->hangup, NULL);
	if (loop->on_resize)
		uv_close((uv_handle_t *)&loop->resize, NULL);

	usec limit = net_now() + USEC_PER_SEC;
	while (uv_loop_close(&loop->uv) == UV_EBUSY) {
		if (uv_run(&loop->uv, UV_RUN_NOWAIT) != 0)
			poll(NULL, 0, 1);
		if (net_now() > limit) {
			log_debug("the loop is still busy, leaving it to the end of the process");
			return;
		}
	}
	close(loop->timer_fd);
	heap_deinit(&loop->timers);
	free(loop);
}

void net_loop_run(struct net_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void net_loop_run_once(struct net_loop *loop, usec deadline)
{
	net_timer_set(&loop->waker, deadline);
	loop->once = true;
	uv_run(&loop->uv, UV_RUN_ONCE);
	loop->once = false;
	net_timer_cancel(&loop->waker);
}

void net_loop_stop(struct net_loop *loop)
{
	uv_stop(&loop->uv);
}

void *net_loop_uv(struct net_loop *loop)
{
	return &loop->uv;
}

enum err net_loop_on_signal(
	struct net_loop *loop, void (*on_signal)(int signal, void *user), void *user)
{
	static const int numbers[] = {SIGINT, SIGTERM};
	CHECK(!loop->on_signal);
	loop->on_signal = on_signal;
	loop->on_signal_user = user;
	enum err err = ERR_OK;
	for (size_t i = 0; i < 2; i++) {
		CHECK(uv_signal_init(&loop->uv, &loop->signals[i]) == 0);
		loop->signals[i].data = loop;
		if (uv_signal_start(&loop->signals[i], on_signal_uv, numbers[i]) != 0)
			err = ERR_IO;
	}
	return err;
}

static void on_hangup_uv(uv_signal_t *handle, int signal)
{
	(void)signal;
	struct net_loop *loop = handle->data;
	loop->on_hangup(loop->on_hangup_user);
}

enum err net_loop_on_hangup(struct net_loop *loop, void (*on_hangup)(void *user), void *user)
{
	CHECK(!loop->on_hangup);
	loop->on_hangup = on_hangup;
	loop->on_hangup_user = user;
	CHECK(uv_signal_init(&loop->uv, &loop->hangup) == 0);
	loop->hangup.data = loop;
	return uv_signal_start(&loop->hangup, on_hangup_uv, SIGHUP) == 0 ? ERR_OK : ERR_IO;
}

static void on_resize_uv(uv_signal_t *handle, int signal)
{
	(void)signal;
	struct net_loop *loop = handle->data;
	loop->on_resize(loop->on_resize_user);
}

enum err net_loop_on_resize(struct net_loop *loop, void (*on_resize)(void *user), void *user)
{
	CHECK(!loop->on_resize);
	loop->on_resize = on_resize;
	loop->on_resize_user = user;
	CHECK(uv_signal_init(&loop->uv, &loop->resize) == 0);
	loop->resize.data = loop;
	return uv_signal_start(&loop->resize, on_resize_uv, SIGWINCH) == 0 ? ERR_OK : ERR_IO;
}

/* ---- Timers ---- */

enum err net_timer_init(
	struct net_timer *timer, struct net_loop *loop, void (*fire)(void *user), void *user)
{
	*timer = (struct net_timer){.loop = loop, .fire = fire, .user = user};
	return heap_set(&loop->timers, &timer->node, PARKED);
}

void net_timer_deinit(struct net_timer *timer)
{
	if (timer->loop)
		heap_remove(&timer->loop->timers, &timer->node);
	timer->loop = NULL;
}

void net_timer_set(struct net_timer *timer, usec deadline)
{
	CHECK(timer->node.place > 0);
	/* Not within the present turn, or a timer that sets itself for now would never end it. */
	usec at = usec_min(usec_max(deadline, timer->loop->turn + 1), PARKED);
	enum err err = heap_set(&timer->loop->timers, &timer->node, at);
	CHECK(err == ERR_OK);
}

void net_timer_cancel(struct net_timer *timer)
{
	net_timer_set(timer, USEC_NEVER);
}

bool net_timer_is_set(const struct net_timer *timer)
{
	return timer->node.place > 0 && timer->node.deadline < PARKED;
}

/* ---- Deferred calls ---- */

void net_defer_init(
	struct net_defer *defer, struct net_loop *loop, void (*call)(void *user), void *user)
{
	*defer = (struct net_defer){.loop = loop, .call = call, .user = user};
}

void net_defer_post(struct net_defer *defer)
{
	if (!list_is_linked(&defer->node))
		list_push_back(&defer->loop->deferred, &defer->node);
}

void net_defer_cancel(struct net_defer *defer)
{
	if (list_is_linked(&defer->node))
		list_remove(&defer->node);
}
