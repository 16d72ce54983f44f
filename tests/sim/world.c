#include "world.h"

#include <inttypes.h>

#include "base/rng.h"
#include "base/text.h"
#include "bare.h"
#include "checker.h"
#include "connection.h"
#include "virtual.h"

#define CONNECTIONS_MAX 4    /* in one world */
#define SEED_STEP 1000000007 /* between the seeds of a world's connections */

static struct connection connections[CONNECTIONS_MAX];

/* 0: no connection, but bare associations. */
static size_t draw_count(uint64_t seed)
{
	struct rng rng = rng_seeded(seed ^ UINT64_C(0x776f726c64));
	uint64_t kind = rng_below(&rng, 8);
	if (kind < 2)
		return 0;
	return kind > 2 ? 1 : 2 + rng_below(&rng, CONNECTIONS_MAX - 1);
}

static void pass_time(size_t count)
{
	usec now = SIM_START, next;
	do {
		next = USEC_NEVER;
		for (size_t i = 0; i < count; i++)
			next = usec_min(next, connection_advance(&connections[i], now));
		now = next;
	} while (next != USEC_NEVER);
}

static void add(const struct connection *c, FILE *log, struct world_result *result)
{
	uint64_t sent = c->network.ends[0].sent + c->network.ends[1].sent;
	result->connections++;
	result->messages += c->messages;
	result->bytes += c->bytes;
	result->abandoned += c->abandoned;
	result->datagrams += sent;
	result->duration += c->finished;
	result->trace ^= c->network.trace;
	if (!result->failure[0])
		text_copy(result->failure, sizeof result->failure, c->failure);
	if (log)
		fprintf(log,
			"%" PRIu64 " messages, %" PRIu64 " bytes, %" PRIu64
			" datagrams, %.3f s, trace %016" PRIx64 "\n",
			c->messages, c->bytes, sent, (double)c->finished / 1e6, c->network.trace);
}

void world_run(uint64_t seed, FILE *log, struct world_result *ret_result)
{
	struct world_result result = {0};
	size_t heap_before = virtual_heap_bytes(), count = draw_count(seed);
	virtual_start(seed);
	if (count == 0)
		bare_run(seed, log, &result);
	for (size_t i = 0; i < count; i++)
		connection_init(&connections[i], seed + i * SEED_STEP, (char)('a' + i), log);
	pass_time(count);
	size_t memory = virtual_heap_bytes_max() - heap_before, memory_max = 0;
	for (size_t i = 0; i < count; i++) {
		memory_max += checker_memory_max(&connections[i]);
		add(&connections[i], log, &result);
		connection_deinit(&connections[i]);
	}
	if (!result.failure[0] && count > 0 && memory > memory_max)
		snprintf(result.failure, sizeof result.failure,
			"%zu bytes of memory were taken at once, where %zu are allowed", memory,
			memory_max);
	if (!result.failure[0] && virtual_heap_bytes() != heap_before)
		snprintf(result.failure, sizeof result.failure,
			"%zu bytes of memory are left after the end",
			virtual_heap_bytes() - heap_before);
	*ret_result = result;
}
