/* Many seeds at once: processes that each take the next seed until there is none. A process that
 * dies or hangs fails the seed it was at, and another takes its place. */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOBS_MAX 256

/* The seeds `from` to `from + seeds - 1` in `jobs` processes; failures on stdout at once, progress
 * on stderr, a summary at the end. True when all went well. */
bool jobs_run(uint64_t from, uint64_t seeds, size_t jobs);

#endif
