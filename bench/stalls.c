/* How long the processors of this machine stand still while programs want them: what no server on
 * it can be better than. One process on each reads the clock and does nothing else; where the clock
 * jumps, somebody else had the processor, or the host had.
 *
 *     stalls SECONDS        {"processors":2,"stalls":26,"lost_percent":0.98,"longest_ms":5.35} */
#include <inttypes.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define STALL 200 /* us; beyond what an interrupt takes */
#define PROCESSORS_MAX 64
#define SECONDS_MAX 60

struct stalls {
	uint64_t count, lost, longest; /* us */
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct stalls watch(uint64_t duration)
{
	struct stalls stalls = {0};
	uint64_t begin = now(), last = begin;
	while (last - begin < duration) {
		uint64_t time = now(), gap = time - last;
		if (gap > STALL) {
			stalls.count++;
			stalls.lost += gap;
			stalls.longest = gap > stalls.longest ? gap : stalls.longest;
		}
		last = time;
	}
	return stalls;
}

/* Writes what it saw to the pipe. */
static void start(int processor, uint64_t duration, int to)
{
	pid_t child = fork();
	if (child != 0)
		return;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned)processor, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	struct stalls stalls = watch(duration);
	_exit(write(to, &stalls, sizeof(stalls)) == sizeof(stalls) ? 0 : 1);
}

int main(int argc, char **argv)
{
	int pipe_ends[2], count = 0;
	uint32_t seconds = 0;
	struct stalls all = {0}, one;
	cpu_set_t allowed;
	if (argc != 2 || !text_to_u32(argv[1], &seconds) || seconds < 1 || seconds > SECONDS_MAX) {
		fprintf(stderr, "usage: stalls SECONDS, from 1 to %d\n", SECONDS_MAX);
		return 2;
	}
	if (pipe(pipe_ends) != 0 || sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
		perror("stalls");
		return 1;
	}
	for (int i = 0; i < CPU_SETSIZE && count < PROCESSORS_MAX; i++) {
		if (!CPU_ISSET((unsigned)i, &allowed))
			continue;
		start(i, (uint64_t)seconds * 1000000, pipe_ends[1]);
		count++;
	}
	close(pipe_ends[1]);
	while (read(pipe_ends[0], &one, sizeof(one)) == sizeof(one)) {
		all.count += one.count;
		all.lost += one.lost;
		all.longest = one.longest > all.longest ? one.longest : all.longest;
	}
	while (wait(NULL) > 0)
		;
	printf("{\"processors\":%d,\"stalls\":%" PRIu64
	       ",\"lost_percent\":%.2f,\"longest_ms\":%.2f}\n",
		count, all.count, 100.0 * (double)all.lost / (1e6 * seconds * count),
		(double)all.longest / 1000);
	return 0;
}
