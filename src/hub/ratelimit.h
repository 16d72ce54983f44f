/* Token buckets by key: so many a second, and so many saved up. */
#ifndef HUB_RATELIMIT_H
#define HUB_RATELIMIT_H

#include "base/list.h"
#include "base/map.h"
#include "base/usec.h"

/* A key in bytes: an IP address or a node id. */
#define RATELIMIT_KEY_MAX 48

struct ratelimit {
	struct map buckets;
	struct list by_use; /* the one used last at the end */
	usec interval;      /* in which one token comes */
	usec span;          /* that the saved-up tokens stand for */
};

/* `per_second` and `burst` are above 0. */
void ratelimit_init(struct ratelimit *limit, unsigned per_second, unsigned burst,
	size_t entries_max, struct rng *rng);
void ratelimit_deinit(struct ratelimit *limit);

/* Takes one token of this key; false when there is none. When memory is out, or the table is full
 * and nobody can be forgotten, it is true: honest ones must not suffer from it. */
bool ratelimit_take(struct ratelimit *limit, struct bytes key, usec now);

#endif
