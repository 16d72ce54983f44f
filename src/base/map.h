/* A hash map from bytes to pointers. Keys are hashed with SipHash-2-4 under a random secret,
 * because peers choose them. The table grows with what is in it, and shrinks. The map borrows the
 * key: it lives inside the value, and both stay unchanged while they are in the map. `max` is
 * mandatory. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/rng.h"

struct map_entry {
	struct bytes key;
	uint64_t hash;
	void *value; /* NULL: a free place */
};

struct map {
	struct map_entry *entries;
	size_t capacity; /* zero or a power of two, at most three quarters in use, and an eighth at
			  * least unless it is small */
	size_t count;
	size_t max;
	uint8_t secret[16];
};

void map_init(struct map *map, size_t max, struct rng *rng);
/* Frees the table; what the values point to is the caller's. Accepts a zeroed map. */
void map_deinit(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, struct bytes key);

/* ERR_EXISTS when the key is there already, ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err map_insert(struct map *map, struct bytes key, void *value);

/* Removes and returns the value, or NULL. */
void *map_remove(struct map *map, struct bytes key);

/* The values one by one: start with *cursor = 0; NULL at the end. The map must not change
 * meanwhile. */
void *map_next(const struct map *map, size_t *cursor);

uint64_t siphash24(const uint8_t secret[16], struct bytes message);

#endif
