/* Time as the core knows it: microseconds on a monotonic clock whose origin means nothing.
 * It is always an argument; nothing below net/ asks for it. */
#ifndef BASE_USEC_H
#define BASE_USEC_H

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

#endif
