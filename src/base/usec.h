/* Time as the core knows it: microseconds on a monotonic clock whose origin means nothing.
 * It is always an argument; nothing below net/ asks for it. */
#ifndef BASE_USEC_H
#define BASE_USEC_H

#include <stddef.h>
#include <stdint.h>

typedef int64_t usec;

#define USEC_PER_MS ((usec)1000)
#define USEC_PER_SEC ((usec)1000000)

/* "No deadline": later than every other. */
#define USEC_NEVER INT64_MAX

static inline usec usec_min(usec a, usec b)
{
	return a < b ? a : b;
}

static inline usec usec_max(usec a, usec b)
{
	return a > b ? a : b;
}

/* Which of a histogram's buckets is that of `taken`: that of the first of `count` bounds, which
 * rise, that it does not exceed; `count` itself beyond the last. */
static inline size_t usec_bucket(usec taken, const usec *bounds, size_t count)
{
	size_t bucket = 0;
	while (bucket < count && taken > bounds[bucket])
		bucket++;
	return bucket;
}

#endif
