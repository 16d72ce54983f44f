#include "sim_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#define PROCESSES_MAX 64

/* ---- The measurements, in processes that share the table of their results ---- */

struct shared {
	size_t taken;
	struct link_result results[];
};

static void measure(const struct sim_case *c, const struct sim_options *options, uint32_t i,
	struct link_result *ret_result)
{
	struct link_run run = {.profile = c->profile,
		.flows = c->flows,
		.seed = (uint64_t)options->from + i,
		.warm_up = (usec)options->warm_up * USEC_PER_SEC,
		.duration = (usec)options->seconds * USEC_PER_SEC};
	memcpy(run.contenders, c->contenders, sizeof run.contenders);
	link_measure(&run, ret_result);
}

static void work(struct shared *shared, const struct sim_case *cases, size_t count,
	const struct sim_options *options)
{
	size_t tasks = count * options->seeds, task;
	while ((task = __atomic_fetch_add(&shared->taken, 1, __ATOMIC_RELAXED)) < tasks)
		measure(&cases[task / options->seeds], options, (uint32_t)(task % options->seeds),
			&shared->results[task]);
}

static size_t process_count(size_t tasks)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = processors < 1 ? 1 : (size_t)processors;
	count = count < PROCESSES_MAX ? count : PROCESSES_MAX;
	return count < tasks ? count : tasks;
}

static void run_processes(struct shared *shared, const struct sim_case *cases, size_t count,
	const struct sim_options *options)
{
	pid_t pids[PROCESSES_MAX];
	size_t processes = process_count(count * options->seeds);
	bool good = true;
	fflush(NULL);
	for (size_t i = 0; i < processes; i++) {
		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] == 0) {
			work(shared, cases, count, options);
			_exit(0);
		}
	}
	for (size_t i = 0; i < processes; i++) {
		int status;
		CHECK(waitpid(pids[i], &status, 0) == pids[i]);
		good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	if (!good)
		exit(1);
}

/* ---- What they say together ---- */

static int compare_usec(const void *a, const void *b)
{
	usec x, y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

static double quantile_ms(const usec *sorted, size_t count, size_t percent)
{
	return count > 0 ? (double)sorted[(count - 1) * percent / 100] / 1000 : 0;
}

static void summarize_chats(
	const struct link_result *results, uint32_t seeds, struct sim_summary *summary)
{
	usec *chats = calloc((size_t)seeds * LINK_CHATS_MAX, sizeof(usec));
	size_t count = 0;
	CHECK(chats != NULL);
	for (uint32_t i = 0; i < seeds; i++) {
		memcpy(chats + count, results[i].chats, results[i].chat_count * sizeof(usec));
		count += results[i].chat_count;
	}
	qsort(chats, count, sizeof(usec), compare_usec);
	summary->chat_ms_p50 = quantile_ms(chats, count, 50);
	summary->chat_ms_p95 = quantile_ms(chats, count, 95);
	free(chats);
}

static double jain_of(const double *shares, size_t count)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < count; i++) {
		sum += shares[i];
		squares += shares[i] * shares[i];
	}
	return squares > 0 ? sum * sum / ((double)count * squares) : 0;
}

static void add(const struct sim_case *c, const struct link_result *r,
	const struct sim_options *options, struct sim_summary *s)
{
	double seconds = options->seconds, seeds = options->seeds, mbits = 0;
	for (size_t i = 0; i < c->flows; i++) {
		double flow = (double)r->message_bytes[i] * 8 / 1e6 / seconds;
		s->flow_mbits[i] += flow / seeds;
		mbits += flow;
	}
	s->mbits += mbits / seeds;
	s->mbits_min = s->mbits_max == 0 || mbits < s->mbits_min ? mbits : s->mbits_min;
	s->mbits_max = mbits > s->mbits_max ? mbits : s->mbits_max;
	s->link_percent +=
		100.0 * (double)r->datagram_bytes * 8 / seconds / (double)c->profile.rate / seeds;
	s->queue_ms += r->queue_ms / seeds;
	s->queue_ms_max = r->queue_ms_max > s->queue_ms_max ? r->queue_ms_max : s->queue_ms_max;
	s->retransmissions += (double)r->retransmissions / seeds;
	s->lost += (double)r->lost / seeds;
	s->trace ^= r->trace;
}

void sim_run(const struct sim_case *cases, size_t count, const struct sim_options *options,
	struct sim_summary *ret_summaries)
{
	size_t size = sizeof(struct shared) + count * options->seeds * sizeof(struct link_result);
	struct shared *shared =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	run_processes(shared, cases, count, options);
	for (size_t k = 0; k < count; k++) {
		const struct link_result *results = &shared->results[k * options->seeds];
		struct sim_summary s = {0};
		for (uint32_t i = 0; i < options->seeds; i++)
			add(&cases[k], &results[i], options, &s);
		s.jain = jain_of(s.flow_mbits, cases[k].flows);
		summarize_chats(results, options->seeds, &s);
		ret_summaries[k] = s;
	}
	munmap(shared, size);
}
