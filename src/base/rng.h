/* Randomness as an argument. In the product it is the kernel's generator; in the simulator and in
 * tests it is a seeded one, so that a run can be repeated. The seeded one is not for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	bool seeded;       /* false (zero): the kernel's generator */
	uint64_t state[4]; /* of xoshiro256**, when seeded */
};

struct rng rng_system(void);
struct rng rng_seeded(uint64_t seed);

void rng_fill(struct rng *rng, void *data, size_t size);
uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);

/* Uniform in [0, bound); bound is above 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

/* `size` characters of the base64 alphabet without padding, and a final zero: text needs size + 1.
 * These are RFC 8839's ice-char, good for user names, passwords and ids. */
void rng_text(struct rng *rng, char *text, size_t size);

#endif
