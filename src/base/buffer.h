/* A growable byte buffer with a mandatory maximum. Zero-initialised except for `max`, it is empty
 * and owns nothing. One byte beyond the contents is always kept zero, so text can be read in place.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/bytes.h"
#include "base/err.h"

struct buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	size_t max; /* bytes of content; growing past it is ERR_LIMIT */
};

static inline struct buffer buffer_with_max(size_t max)
{
	return (struct buffer){.max = max};
}

/* Frees the memory and leaves an empty buffer with the same maximum. */
void buffer_deinit(struct buffer *b);

/* Appends a copy; on failure nothing has changed. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err buffer_append(struct buffer *b, struct bytes bytes);
MUST_CHECK enum err buffer_append_text(struct buffer *b, const char *text);
MUST_CHECK enum err buffer_append_format(struct buffer *b, const char *format, ...)
	PRINTF_LIKE(2, 3);

/* Makes room for `size` more bytes, so that they can be written at data + size by the caller, who
 * then adds them to `size`. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err buffer_reserve(struct buffer *b, size_t size);

/* Drops the first `size` bytes; keeps the memory. */
void buffer_consume(struct buffer *b, size_t size);
void buffer_clear(struct buffer *b);

static inline struct bytes buffer_bytes(const struct buffer *b)
{
	return bytes_of(b->data, b->size);
}

/* The contents as a string: never NULL, ends in zero. Borrowed until the next change. */
static inline const char *buffer_text(const struct buffer *b)
{
	return b->data ? (const char *)b->data : "";
}

#endif
