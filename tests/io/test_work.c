#include "net/work.h"

#include <pthread.h>
#include <semaphore.h>

#include "net/limits.h"
#include "loop_fixture.h"
#include "test.h"

#define JOBS 8

struct job {
	struct net_work work;
	pthread_t ran_in;
	bool ran;
	int done;
	sem_t *begun, *gate; /* said when it runs; waited for by it */
	bool again;
};

static void on_run(void *user)
{
	struct job *job = user;
	job->ran = true;
	job->ran_in = pthread_self();
	if (job->gate) {
		sem_post(job->begun);
		sem_wait(job->gate);
	}
}

static void on_done(void *user)
{
	struct job *job = user;
	job->done++;
	if (job->again && job->done == 1)
		net_work_post(&job->work);
}

static void it_runs_in_another_thread_and_is_done_in_the_loop(void **state)
{
	(void)state;
	struct job job = {.again = true};
	net_work_init(&job.work, loop, on_run, on_done, &job);
	assert_false(net_work_is_posted(&job.work));
	net_work_post(&job.work);
	assert_true(net_work_is_posted(&job.work));
	RUN_UNTIL(job.done == 2);
	assert_true(job.ran);
	assert_false(pthread_equal(job.ran_in, pthread_self()));
	assert_false(net_work_is_posted(&job.work));
}

/* All threads that there are for it wait; what is posted then waits too, and can be withdrawn. */
static void no_more_than_the_limit_run_at_once(void **state)
{
	(void)state;
	sem_t begun, gate;
	struct job jobs[JOBS] = {0};
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	assert_int_equal(sem_init(&gate, 0, 0), 0);
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i].begun = &begun;
		jobs[i].gate = &gate;
		net_work_init(&jobs[i].work, loop, on_run, on_done, &jobs[i]);
		net_work_post(&jobs[i].work);
	}
	for (size_t i = 0; i < NET_WORKS_AT_ONCE; i++)
		sem_wait(&begun);
	assert_false(net_work_withdraw(&jobs[0].work));
	for (size_t i = NET_WORKS_AT_ONCE; i < JOBS; i++)
		assert_int_equal(jobs[i].work.state, NET_WORK_WAITS);
	assert_true(net_work_withdraw(&jobs[JOBS - 1].work));
	for (size_t i = 0; i < JOBS; i++)
		sem_post(&gate);
	for (size_t i = 0; i < JOBS - 1; i++)
		RUN_UNTIL(jobs[i].done == 1);
	assert_int_equal(jobs[JOBS - 1].done, 0);
	assert_false(jobs[JOBS - 1].ran);
	sem_destroy(&begun);
	sem_destroy(&gate);
}

static void the_end_of_the_loop_waits_for_what_runs(void **state)
{
	(void)state;
	struct job job = {0};
	net_work_init(&job.work, loop, on_run, on_done, &job);
	net_work_post(&job.work);
	net_loop_destroy(loop);
	assert_int_equal(job.done, 1);
	assert_ok(net_loop_create(&loop));
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

TESTS(LOOP_TEST(it_runs_in_another_thread_and_is_done_in_the_loop),
	LOOP_TEST(no_more_than_the_limit_run_at_once),
	LOOP_TEST(the_end_of_the_loop_waits_for_what_runs))
