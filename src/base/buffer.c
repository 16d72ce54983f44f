#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFER_FIRST_CAPACITY 64

void buffer_deinit(struct buffer *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buffer){.max = b->max};
}

enum err buffer_reserve(struct buffer *b, size_t size)
{
	CHECK(b->size <= b->max);
	if (size > b->max - b->size)
		return ERR_LIMIT;
	size_t needed = b->size + size + 1;
	if (needed <= b->capacity)
		return ERR_OK;
	size_t capacity = b->capacity ? b->capacity : BUFFER_FIRST_CAPACITY;
	while (capacity < needed)
		capacity *= 2;
	capacity = min_size(capacity, b->max + 1);
	uint8_t *data = realloc(b->data, capacity);
	if (!data)
		return ERR_NOMEM;
	if (!b->data)
		data[0] = 0;
	b->data = data;
	b->capacity = capacity;
	return ERR_OK;
}

enum err buffer_append(struct buffer *b, struct bytes bytes)
{
	enum err err = buffer_reserve(b, bytes.size);
	if (err)
		return err;
	if (bytes.size > 0)
		memcpy(b->data + b->size, bytes.data, bytes.size);
	b->size += bytes.size;
	b->data[b->size] = 0;
	return ERR_OK;
}

enum err buffer_append_text(struct buffer *b, const char *text)
{
	return buffer_append(b, bytes_of_text(text));
}

enum err buffer_append_format(struct buffer *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(length >= 0);

	enum err err = buffer_reserve(b, (size_t)length);
	if (err)
		return err;
	va_start(args, format);
	vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, args);
	va_end(args);
	b->size += (size_t)length;
	return ERR_OK;
}

void buffer_consume(struct buffer *b, size_t size)
{
	CHECK(size <= b->size);
	if (size == 0)
		return;
	memmove(b->data, b->data + size, b->size - size);
	b->size -= size;
	b->data[b->size] = 0;
}

void buffer_clear(struct buffer *b)
{
	b->size = 0;
	if (b->data)
		b->data[0] = 0;
}
