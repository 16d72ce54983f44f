#include "workload.h"

#define INDEX_SIZE 4
#define POOL_SIZE ((size_t)1024 * 1024)
#define POOL_SEED 1

void workload_plan(struct connection *c)
{
	static const uint32_t sizes[] = {1, 100, 1200, 5000, 65536, SIM_MESSAGE_MAX};
	c->channels = 1 + rng_below(&c->rng, SIM_CHANNELS);
	for (size_t k = 0; k < 2 * SIM_CHANNELS; k++) {
		struct channel_plan *plan = &c->plan[k];
		if (k % SIM_CHANNELS >= c->channels)
			continue;
		plan->unordered = rng_below(&c->rng, 3) == 0;
		plan->size_max = sizes[rng_below(&c->rng, sizeof sizes / sizeof sizes[0])];
		uint32_t most = plan->size_max > 10000 ? 8 : SIM_MESSAGES_MAX;
		plan->messages = (uint32_t)rng_below(&c->rng, most + 1);
		plan->gap = rng_below(&c->rng, 2) ? 0 : (usec)rng_below(&c->rng, 200000);
	}
}

/* Random bytes, of which every message is a piece: to draw each byte anew would take most of the
 * time of a run. Pieces that begin elsewhere differ as much as others do. */
static const uint8_t *pool(void)
{
	static uint8_t bytes[POOL_SIZE];
	static bool filled;
	if (!filled) {
		struct rng rng = rng_seeded(POOL_SEED);
		rng_fill(&rng, bytes, sizeof bytes);
		filled = true;
	}
	return bytes;
}

size_t workload_message(
	const struct connection *c, int from, size_t channel, uint32_t index, uint8_t *data)
{
	const struct channel_plan *plan = &c->plan[channel];
	struct rng rng =
		rng_seeded(c->seed * 1000003 + (uint64_t)from * 500009 + channel * 10007 + index);
	size_t size = rng_below(&rng, plan->size_max + 1);
	if (plan->unordered)
		size = max_size(size, INDEX_SIZE);
	memcpy(data, pool() + rng_below(&rng, POOL_SIZE - size), size);
	if (plan->unordered) {
		struct writer w = writer_of(data, size);
		write_u32(&w, index);
	}
	return size;
}

uint32_t workload_index(const struct connection *c, size_t channel, const struct flow *flow,
	const void *data, size_t size)
{
	if (!c->plan[channel].unordered)
		return flow->received;
	struct reader r = reader_of(bytes_of(data, size));
	return read_u32(&r);
}
