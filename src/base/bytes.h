/* Bytes: the borrowed view, and the two cursors that parse and produce wire formats.
 *
 * A view never owns what it points to. The reader and the writer fail stickily: after the first
 * access past the end every further read gives zero or an empty view and every further write does
 * nothing, so code goes straight through and tests `failed` once. Integers are in network order. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"

struct bytes {
	const uint8_t *data;
	size_t size;
};

static inline struct bytes bytes_of(const void *data, size_t size)
{
	return (struct bytes){.data = data, .size = size};
}

/* The characters of a string, without its final zero. */
static inline struct bytes bytes_of_text(const char *text)
{
	return bytes_of(text, strlen(text));
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text)
{
	return bytes_equal(a, bytes_of_text(text));
}

/* The part from `offset`, `size` long at most; empty where it lies outside. */
static inline struct bytes bytes_slice(struct bytes b, size_t offset, size_t size)
{
	if (offset >= b.size)
		return (struct bytes){0};
	size_t rest = b.size - offset;
	return bytes_of(b.data + offset, size < rest ? size : rest);
}

static inline size_t sat_sub(size_t a, size_t b)
{
	return a > b ? a - b : 0;
}

static inline size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

struct reader {
	struct bytes rest;
	bool failed;
};

static inline struct reader reader_of(struct bytes b)
{
	return (struct reader){.rest = b};
}

/* The next `size` bytes, borrowed; empty and failed when there are fewer. */
static inline struct bytes read_bytes(struct reader *r, size_t size)
{
	if (r->failed || size > r->rest.size) {
		r->failed = true;
		return (struct bytes){0};
	}
	struct bytes b = bytes_of(r->rest.data, size);
	if (size > 0)
		r->rest = bytes_of(r->rest.data + size, r->rest.size - size);
	return b;
}

static inline uint64_t read_big_endian(struct reader *r, size_t size)
{
	struct bytes b = read_bytes(r, size);
	uint64_t value = 0;
	for (size_t i = 0; i < b.size; i++)
		value = value << 8 | b.data[i];
	return value;
}

static inline uint8_t read_u8(struct reader *r)
{
	return (uint8_t)read_big_endian(r, 1);
}

static inline uint16_t read_u16(struct reader *r)
{
	return (uint16_t)read_big_endian(r, 2);
}

static inline uint32_t read_u32(struct reader *r)
{
	return (uint32_t)read_big_endian(r, 4);
}

static inline uint64_t read_u64(struct reader *r)
{
	return read_big_endian(r, 8);
}

static inline void read_skip(struct reader *r, size_t size)
{
	(void)read_bytes(r, size);
}

/* Writes into memory that the caller owns. */
struct writer {
	uint8_t *data;
	size_t size;     /* written so far */
	size_t capacity; /* at most */
	bool failed;
};

static inline struct writer writer_of(void *data, size_t capacity)
{
	return (struct writer){.data = data, .capacity = capacity};
}

static inline struct bytes writer_bytes(const struct writer *w)
{
	return bytes_of(w->data, w->size);
}

/* Room for `size` bytes to be filled by the caller; NULL and failed when there is none. */
static inline uint8_t *write_space(struct writer *w, size_t size)
{
	if (w->failed || size > w->capacity - w->size) {
		w->failed = true;
		return NULL;
	}
	uint8_t *at = w->data + w->size;
	w->size += size;
	return at;
}

static inline void write_bytes(struct writer *w, struct bytes b)
{
	uint8_t *at = write_space(w, b.size);
	if (at && b.size > 0)
		memcpy(at, b.data, b.size);
}

static inline void write_text(struct writer *w, const char *text)
{
	write_bytes(w, bytes_of_text(text));
}

static inline void write_zeros(struct writer *w, size_t size)
{
	uint8_t *at = write_space(w, size);
	if (at && size > 0)
		memset(at, 0, size);
}

static inline void write_big_endian(struct writer *w, uint64_t value, size_t size)
{
	uint8_t *at = write_space(w, size);
	for (size_t i = 0; at && i < size; i++)
		at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static inline void write_u8(struct writer *w, uint8_t value)
{
	write_big_endian(w, value, 1);
}

static inline void write_u16(struct writer *w, uint16_t value)
{
	write_big_endian(w, value, 2);
}

static inline void write_u32(struct writer *w, uint32_t value)
{
	write_big_endian(w, value, 4);
}

static inline void write_u64(struct writer *w, uint64_t value)
{
	write_big_endian(w, value, 8);
}

/* Overwrites two bytes written before, for a length that is known only afterwards. */
static inline void write_u16_at(struct writer *w, size_t offset, uint16_t value)
{
	if (w->failed)
		return;
	CHECK(offset + 2 <= w->size);
	w->data[offset] = (uint8_t)(value >> 8);
	w->data[offset + 1] = (uint8_t)value;
}

#endif
