#include "base/rng.h"

#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static const char ice_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

/* xoshiro256** (Blackman and Vigna, public domain). */
static uint64_t xoshiro_next(uint64_t s[4])
{
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

struct rng rng_system(void)
{
	return (struct rng){0};
}

struct rng rng_seeded(uint64_t seed)
{
	struct rng rng = {.seeded = true};
	/* SplitMix64 spreads a small seed over the whole state, which must not be all zero. */
	for (size_t i = 0; i < 4; i++) {
		seed += UINT64_C(0x9e3779b97f4a7c15);
		uint64_t z = seed;
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		rng.state[i] = z ^ z >> 31;
	}
	return rng;
}

static void fill_from_kernel(uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = getrandom(data, size < 256 ? size : 256, 0);
		/* Up to 256 bytes cannot be interrupted once the pool is ready (getrandom(2)); the
		 * retry is for the wait at boot. */
		if (n <= 0)
			continue;
		data += n;
		size -= (size_t)n;
	}
}

void rng_fill(struct rng *rng, void *data, size_t size)
{
	if (!rng->seeded) {
		fill_from_kernel(data, size);
		return;
	}
	uint8_t *at = data;
	while (size > 0) {
		uint64_t word = xoshiro_next(rng->state);
		size_t n = size < sizeof word ? size : sizeof word;
		memcpy(at, &word, n);
		at += n;
		size -= n;
	}
}

uint32_t rng_u32(struct rng *rng)
{
	uint32_t value;
	rng_fill(rng, &value, sizeof value);
	return value;
}

uint64_t rng_u64(struct rng *rng)
{
	uint64_t value;
	rng_fill(rng, &value, sizeof value);
	return value;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	CHECK(bound > 0);
	/* Reject the few values that would make small results more likely. */
	uint64_t reject_below = (UINT64_MAX - bound + 1) % bound;
	for (;;) {
		uint64_t value = rng_u64(rng);
		if (value >= reject_below)
			return value % bound;
	}
}

void rng_text(struct rng *rng, char *text, size_t size)
{
	rng_fill(rng, text, size);
	for (size_t i = 0; i < size; i++)
		text[i] = ice_chars[(uint8_t)text[i] & 63];
	text[size] = 0;
}
