#include "jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "world.h"

/* Every so manieth seed runs twice: two runs send the same bytes at the same times, or nothing here
 * can be replayed. */
#define REPLAY_EVERY 50
#define PROGRESS_SECONDS 5
#define HANG_SECONDS 300 /* of real time, at one seed */

/* In memory that all processes see; the numbers only grow, by atomic additions. */
struct shared {
	uint64_t taken; /* seeds */
	uint64_t done, failures, connections, messages, bytes, abandoned, datagrams;
	usec duration;
	struct job {
		uint64_t seed; /* the one it is at */
		time_t since;
	} jobs[JOBS_MAX];
};

static struct shared *shared;

static void add(uint64_t *sum, uint64_t n)
{
	__atomic_fetch_add(sum, n, __ATOMIC_RELAXED);
}

static void tell_failure(uint64_t seed, const char *what)
{
	printf("seed %" PRIu64 " fails: %s\n  replay: ./dev sim --seed %" PRIu64 " --log\n", seed,
		what, seed);
	fflush(stdout);
	add(&shared->failures, 1);
}

/* ---- A process ---- */

static void run_seed(uint64_t seed)
{
	struct world_result result, again;
	world_run(seed, NULL, &result);
	if (result.failure[0]) {
		tell_failure(seed, result.failure);
	} else if (seed % REPLAY_EVERY == 0) {
		world_run(seed, NULL, &again);
		if (again.trace != result.trace)
			tell_failure(seed, "two runs differ");
	}
	add(&shared->connections, result.connections);
	add(&shared->messages, result.messages);
	add(&shared->bytes, result.bytes);
	add(&shared->abandoned, result.abandoned);
	add(&shared->datagrams, result.datagrams);
	__atomic_fetch_add(&shared->duration, result.duration, __ATOMIC_RELAXED);
	add(&shared->done, 1);
}

static void work(struct job *job, uint64_t from, uint64_t seeds)
{
	uint64_t i;
	while ((i = __atomic_fetch_add(&shared->taken, 1, __ATOMIC_RELAXED)) < seeds) {
		job->seed = from + i;
		job->since = time(NULL);
		run_seed(from + i);
	}
	job->since = 0;
}

/* ---- The one that watches them ---- */

static pid_t start(struct job *job, uint64_t from, uint64_t seeds)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		fprintf(stderr, "sim: cannot fork: %s\n", strerror(errno));
		exit(1);
	}
	if (pid == 0) {
		work(job, from, seeds);
		fflush(NULL);
		_exit(0);
	}
	return pid;
}

/* False: the process has done its part, and needs no successor. */
static bool has_died(const struct job *job, int status)
{
	char what[64];
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return false;
	if (WIFSIGNALED(status))
		snprintf(what, sizeof what, "the process dies of signal %d", WTERMSIG(status));
	else
		snprintf(what, sizeof what, "the process exits with %d", WEXITSTATUS(status));
	tell_failure(job->seed, what);
	add(&shared->done, 1);
	return true;
}

static void tell_progress(uint64_t seeds, time_t started)
{
	static time_t last;
	time_t now = time(NULL);
	if (now - usec_max(last, started) < PROGRESS_SECONDS)
		return;
	last = now;
	fprintf(stderr, "%" PRIu64 " of %" PRIu64 " seeds, %" PRIu64 " failures, %.1f a second\n",
		shared->done, seeds, shared->failures,
		(double)shared->done / (double)(now - started));
}

static void kill_when_hanging(pid_t pid, const struct job *job)
{
	if (job->since > 0 && time(NULL) - job->since > HANG_SECONDS) {
		fprintf(stderr, "sim: seed %" PRIu64 " takes longer than %d s\n", job->seed,
			HANG_SECONDS);
		kill(pid, SIGKILL);
	}
}

static void watch(pid_t *pids, size_t jobs, uint64_t from, uint64_t seeds)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	time_t started = time(NULL);
	size_t alive = jobs;
	while (alive > 0) {
		alive = 0;
		for (size_t j = 0; j < jobs; j++) {
			struct job *job = &shared->jobs[j];
			int status;
			if (pids[j] == 0)
				continue;
			alive++;
			if (waitpid(pids[j], &status, WNOHANG) == pids[j])
				pids[j] = has_died(job, status) ? start(job, from, seeds) : 0;
			else
				kill_when_hanging(pids[j], job);
		}
		tell_progress(seeds, started);
		nanosleep(&pause, NULL);
	}
}

bool jobs_run(uint64_t from, uint64_t seeds, size_t jobs)
{
	pid_t pids[JOBS_MAX] = {0};
	CHECK(jobs > 0);
	CHECK(jobs <= JOBS_MAX);
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	for (size_t j = 0; j < jobs; j++)
		pids[j] = start(&shared->jobs[j], from, seeds);
	watch(pids, jobs, from, seeds);
	printf("%" PRIu64 " seeds, %" PRIu64 " failures: %" PRIu64 " connections, %" PRIu64
	       " messages, %.1f MB, %" PRIu64 " given up, %" PRIu64
	       " datagrams in %.0f virtual seconds\n",
		shared->done, shared->failures, shared->connections, shared->messages,
		(double)shared->bytes / 1e6, shared->abandoned, shared->datagrams,
		(double)shared->duration / 1e6);
	bool good = shared->failures == 0 && shared->done == seeds;
	munmap(shared, sizeof *shared);
	return good;
}
