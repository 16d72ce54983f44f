#include "virtual.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/time.h>

#include <openssl/rand.h>

#include "base/check.h"
#include "base/rng.h"
#include "support/peer_pair.h"

static usec virtual_now;
static struct rng openssl_rng;
static size_t heap_bytes, heap_bytes_max;

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = VIRTUAL_UNIX_TIME + virtual_now / USEC_PER_SEC;
	tv->tv_usec = virtual_now % USEC_PER_SEC;
	return 0;
}

static int random_bytes(unsigned char *data, int size)
{
	CHECK(size >= 0);
	rng_fill(&openssl_rng, data, (size_t)size);
	return 1;
}

static int random_status(void)
{
	return 1;
}

void virtual_start(uint64_t seed)
{
	static const RAND_METHOD method = {
		.bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};
	openssl_rng = rng_seeded(seed);
	virtual_now = 0;
	heap_bytes_max = heap_bytes;
/* The replacement for these methods, a provider, would be a hundred lines for the same effect. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	CHECK(RAND_set_rand_method(&method) == 1);
#pragma GCC diagnostic pop
}

void virtual_warm_up(void)
{
	struct peer_pair pair;
	virtual_start(1);
	CHECK(pair_connect(&pair));
	pair_deinit(&pair);
}

void virtual_set_time(usec now)
{
	virtual_now = now;
}

size_t virtual_heap_bytes(void)
{
	return heap_bytes;
}

size_t virtual_heap_bytes_max(void)
{
	return heap_bytes_max;
}

static void grow_heap(size_t size)
{
	heap_bytes += size;
	if (heap_bytes > heap_bytes_max)
		heap_bytes_max = heap_bytes;
}

/* ld --wrap=malloc and so on: our static libraries call these. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void *counted(void *memory)
{
	grow_heap(malloc_usable_size(memory));
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
	size_t before = malloc_usable_size(memory);
	void *grown = __real_realloc(memory, size);
	if (grown) {
		heap_bytes -= before;
		grow_heap(malloc_usable_size(grown));
	}
	return grown;
}

void __wrap_free(void *memory)
{
	heap_bytes -= malloc_usable_size(memory);
	__real_free(memory);
}
