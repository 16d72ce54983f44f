#include "hub/ratelimit.h"

#include <stdlib.h>

/* A bucket is one instant: the one at which it will be full again ("virtual scheduling" of the
 * leaky bucket). A token moves it by one interval; beyond `span` from now there is none. */
struct bucket {
	struct list node;
	usec full_at;
	size_t key_size;
	uint8_t key[RATELIMIT_KEY_MAX];
};

void ratelimit_init(struct ratelimit *limit, unsigned per_second, unsigned burst,
	size_t entries_max, struct rng *rng)
{
	CHECK(per_second > 0);
	CHECK(burst > 0);
	*limit = (struct ratelimit){0};
	map_init(&limit->buckets, entries_max, rng);
	list_init(&limit->by_use);
	limit->interval = USEC_PER_SEC / per_second;
	limit->span = limit->interval * burst;
}

static struct bytes key_of(const struct bucket *bucket)
{
	return bytes_of(bucket->key, bucket->key_size);
}

static void forget(struct ratelimit *limit, struct bucket *bucket)
{
	CHECK(map_remove(&limit->buckets, key_of(bucket)) == bucket);
	list_remove(&bucket->node);
	free(bucket);
}

static struct bucket *oldest(struct ratelimit *limit)
{
	return list_is_empty(&limit->by_use)
		       ? NULL
		       : CONTAINER_OF(limit->by_use.next, struct bucket, node);
}

void ratelimit_deinit(struct ratelimit *limit)
{
	while (limit->by_use.next && oldest(limit))
		forget(limit, oldest(limit));
	map_deinit(&limit->buckets);
}

static struct bucket *find_or_add(struct ratelimit *limit, struct bytes key, usec now)
{
	struct bucket *bucket = map_get(&limit->buckets, key);
	if (bucket) {
		list_remove(&bucket->node);
		list_push_back(&limit->by_use, &bucket->node);
		return bucket;
	}
	/* Those that are full say nothing that a new one would not. */
	for (int i = 0; i < 2 && oldest(limit) && oldest(limit)->full_at <= now; i++)
		forget(limit, oldest(limit));
	if (limit->buckets.count >= limit->buckets.max && oldest(limit))
		forget(limit, oldest(limit));
	bucket = calloc(1, sizeof *bucket);
	if (!bucket)
		return NULL;
	bucket->key_size = key.size;
	memcpy(bucket->key, key.data, key.size);
	if (map_insert(&limit->buckets, key_of(bucket), bucket) != ERR_OK) {
		free(bucket);
		return NULL;
	}
	list_push_back(&limit->by_use, &bucket->node);
	return bucket;
}

bool ratelimit_take(struct ratelimit *limit, struct bytes key, usec now)
{
	CHECK(key.size <= RATELIMIT_KEY_MAX);
	struct bucket *bucket = find_or_add(limit, key, now);
	if (!bucket)
		return true;
	usec full_at = usec_max(bucket->full_at, now) + limit->interval;
	if (full_at > now + limit->span)
		return false;
	bucket->full_at = full_at;
	return true;
}
