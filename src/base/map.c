#include "base/map.h"

#include <stdlib.h>

#define MAP_FIRST_CAPACITY 16

static uint64_t load_little_endian(const uint8_t *p, size_t size)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return value;
}

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t siphash24(const uint8_t secret[16], struct bytes message)
{
	uint64_t k0 = load_little_endian(secret, 8), k1 = load_little_endian(secret + 8, 8);
	uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
	size_t i = 0;
	for (; i + 8 <= message.size; i += 8)
		sip_word(v, load_little_endian(message.data + i, 8));
	uint64_t last = (uint64_t)(message.size & 0xff) << 56;
	if (i < message.size)
		last |= load_little_endian(message.data + i, message.size - i);
	sip_word(v, last);
	v[2] ^= 0xff;
	for (int round = 0; round < 4; round++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void map_init(struct map *map, size_t max, struct rng *rng)
{
	*map = (struct map){.max = max};
	rng_fill(rng, map->secret, sizeof map->secret);
}

void map_deinit(struct map *map)
{
	if (!map)
		return;
	free(map->entries);
	map->entries = NULL;
	map->capacity = map->count = 0;
}

/* Where the key is, or the free place where its search ends. */
static size_t find_place(const struct map *map, struct bytes key, uint64_t hash)
{
	size_t mask = map->capacity - 1, at = hash & mask;
	while (map->entries[at].value) {
		if (map->entries[at].hash == hash && bytes_equal(map->entries[at].key, key))
			break;
		at = (at + 1) & mask;
	}
	return at;
}

static enum err resize(struct map *map, size_t capacity)
{
	struct map_entry *entries = calloc(capacity, sizeof *entries);
	if (!entries)
		return ERR_NOMEM;
	struct map_entry *old = map->entries;
	size_t old_capacity = map->capacity;
	map->entries = entries;
	map->capacity = capacity;
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].value)
			entries[find_place(map, old[i].key, old[i].hash)] = old[i];
	free(old);
	return ERR_OK;
}

void *map_get(const struct map *map, struct bytes key)
{
	if (map->count == 0)
		return NULL;
	return map->entries[find_place(map, key, siphash24(map->secret, key))].value;
}

enum err map_insert(struct map *map, struct bytes key, void *value)
{
	CHECK(value != NULL);
	if (map_get(map, key))
		return ERR_EXISTS;
	if (map->count >= map->max)
		return ERR_LIMIT;
	if (4 * (map->count + 1) > 3 * map->capacity) {
		enum err err = resize(map, map->capacity ? 2 * map->capacity : MAP_FIRST_CAPACITY);
		if (err)
			return err;
	}
	uint64_t hash = siphash24(map->secret, key);
	map->entries[find_place(map, key, hash)] =
		(struct map_entry){.key = key, .hash = hash, .value = value};
	map->count++;
	return ERR_OK;
}

void *map_remove(struct map *map, struct bytes key)
{
	if (map->count == 0)
		return NULL;
	size_t mask = map->capacity - 1;
	size_t at = find_place(map, key, siphash24(map->secret, key));
	void *value = map->entries[at].value;
	if (!value)
		return NULL;
	/* Close the gap: move back every later entry of the run that may stand here. */
	for (size_t next = (at + 1) & mask; map->entries[next].value; next = (next + 1) & mask) {
		size_t home = map->entries[next].hash & mask;
		if (((next - home) & mask) >= ((next - at) & mask)) {
			map->entries[at] = map->entries[next];
			at = next;
		}
	}
	map->entries[at] = (struct map_entry){0};
	map->count--;
	if (map->capacity > MAP_FIRST_CAPACITY && 8 * map->count < map->capacity) {
		/* Without memory for a smaller table the large one does as well. */
		enum err err = resize(map, map->capacity / 2);
		CHECK(err == ERR_OK || err == ERR_NOMEM);
	}
	return value;
}

void *map_next(const struct map *map, size_t *cursor)
{
	while (*cursor < map->capacity) {
		void *value = map->entries[(*cursor)++].value;
		if (value)
			return value;
	}
	return NULL;
}
