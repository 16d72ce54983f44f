/* A bound on how often something may happen: a bucket that holds one minute's worth and refills
 * steadily. Zeroed it is full. */
#ifndef NODE_RATE_H
#define NODE_RATE_H

#include <stdbool.h>

#include "base/usec.h"

struct rate {
	usec debt_until; /* when the bucket will be full again */
};

/* Whether it may happen once more now, and if so counts it. */
static inline bool rate_take(struct rate *rate, usec now, unsigned per_minute)
{
	usec cost = 60 * USEC_PER_SEC / per_minute;
	usec debt_until = usec_max(rate->debt_until, now);
	if (debt_until + cost > now + 60 * USEC_PER_SEC)
		return false;
	rate->debt_until = debt_until + cost;
	return true;
}

#endif
