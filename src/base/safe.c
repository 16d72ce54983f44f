#include "base/safe.h"

#include <string.h>

#define HARMLESS "\xc2\xb7" /* "·" */

/* The bytes of the UTF-8 character at `at`; 1 for what is none. */
static size_t character_size(const char *at)
{
	unsigned char first = (unsigned char)*at;
	size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	for (size_t i = 1; i < size; i++) {
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 1;
	}
	return size;
}

/* C0 and C1 controls, and the characters that reorder a line (U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069). */
static bool is_harmful(const char *at, size_t size)
{
	const unsigned char *c = (const unsigned char *)at;
	if (size == 1)
		return c[0] < 0x20 || c[0] >= 0x7f;
	if (size == 2)
		return c[0] == 0xc2 && c[1] < 0xa0;
	if (size == 3 && c[0] == 0xe2 && c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae);
	return size == 3 && c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

const char *text_harmless(const char *at, size_t *size, bool lines)
{
	*size = character_size(at);
	if (*at == '\n' || *at == '\t')
		return lines ? at : " ";
	return is_harmful(at, *size) ? HARMLESS : at;
}

char *text_safe(const char *text, char *safe, size_t capacity)
{
	size_t used = 0, size;
	for (; *text; text += size) {
		const char *from = text_harmless(text, &size, false);
		size_t length = from == text ? size : strlen(from);
		if (used + length >= capacity)
			break;
		memcpy(safe + used, from, length);
		used += length;
	}
	safe[used] = 0;
	return safe;
}
