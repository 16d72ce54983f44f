#include "cli/cell.h"

#include <wchar.h>

static wchar_t decode(const char *at, size_t *size)
{
	const unsigned char *c = (const unsigned char *)at;
	*size = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc0 ? 2 : 1;
	wchar_t value = *size == 1 ? c[0] : c[0] & (0x3f >> (*size - 1));
	for (size_t i = 1; i < *size; i++)
		value = value << 6 | (c[i] & 0x3f);
	return value;
}

unsigned cell_width(const char *at, size_t *size)
{
	int width = wcwidth(decode(at, size));
	return width < 0 || *at == 0 ? 1 : (unsigned)width;
}

static bool joins(struct bytes text, size_t at)
{
	size_t size;
	return at < text.size && cell_width((const char *)text.data + at, &size) == 0;
}

size_t cell_next(struct bytes text, size_t at)
{
	size_t size;
	if (at >= text.size)
		return text.size;
	do {
		cell_width((const char *)text.data + at, &size);
		at += size;
	} while (joins(text, at));
	return at;
}

size_t cell_previous(struct bytes text, size_t at)
{
	do {
		while (at > 0 && (text.data[--at] & 0xc0) == 0x80)
			;
	} while (at > 0 && joins(text, at));
	return at;
}
