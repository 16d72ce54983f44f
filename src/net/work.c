#include "net/work.h"

#include "net/internal.h"

static void on_run(uv_work_t *request)
{
	struct net_worker *worker = request->data;
	worker->work->run(worker->work->user);
}

static void start(struct net_loop *loop);

static void on_done(uv_work_t *request, int status)
{
	(void)status; /* it is never cancelled */
	struct net_worker *worker = request->data;
	struct net_loop *loop = worker->loop;
	struct net_work *work = worker->work;
	worker->work = NULL;
	work->state = NET_WORK_IDLE;
	start(loop);
	work->done(work->user);
}

/* The threads are those of name look-ups too, so some are always left for these. */
static void start(struct net_loop *loop)
{
	for (size_t i = 0; i < NET_WORKS_AT_ONCE && !list_is_empty(&loop->works); i++) {
		struct net_worker *worker = &loop->workers[i];
		if (worker->work)
			continue;
		worker->loop = loop;
		worker->work = CONTAINER_OF(list_pop_front(&loop->works), struct net_work, node);
		worker->work->state = NET_WORK_RUNS;
		worker->request.data = worker;
		CHECK(uv_queue_work(&loop->uv, &worker->request, on_run, on_done) == 0);
	}
}

void net_work_init(struct net_work *work, struct net_loop *loop, void (*run)(void *user),
	void (*done)(void *user), void *user)
{
	*work = (struct net_work){.loop = loop, .run = run, .done = done, .user = user};
}

void net_work_post(struct net_work *work)
{
	CHECK(work->state == NET_WORK_IDLE);
	work->state = NET_WORK_WAITS;
	list_push_back(&work->loop->works, &work->node);
	start(work->loop);
}

bool net_work_withdraw(struct net_work *work)
{
	if (work->state != NET_WORK_WAITS)
		return false;
	list_remove(&work->node);
	work->state = NET_WORK_IDLE;
	return true;
}
