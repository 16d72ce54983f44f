#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char base64_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_chars[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool bytes_to_u64(struct bytes text, uint64_t *ret_value)
{
	uint64_t value = 0;
	if (text.size == 0)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.data[i];
		if (c < '0' || c > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
			return false;
	}
	*ret_value = value;
	return true;
}

bool text_to_u64(const char *text, uint64_t *ret_value)
{
	return bytes_to_u64(bytes_of_text(text), ret_value);
}

bool text_to_u32(const char *text, uint32_t *ret_value)
{
	uint64_t value;
	if (!text_to_u64(text, &value) || value > UINT32_MAX)
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

bool bytes_to_size(struct bytes b, uint64_t max, uint64_t *ret_value)
{
	static const char units[] = "kMG";
	unsigned shift = 0;
	uint64_t value;
	for (unsigned i = 0; b.size > 0 && i < 3; i++) {
		if (b.data[b.size - 1] == (uint8_t)units[i])
			shift = 10 * (i + 1);
	}
	if (!bytes_to_u64(bytes_slice(b, 0, b.size - (shift > 0)), &value) || value > max >> shift)
		return false;
	*ret_value = value << shift;
	return true;
}

bool text_copy_bytes(char *to, size_t capacity, struct bytes from)
{
	CHECK(capacity > 0);
	to[0] = 0;
	if (from.size >= capacity)
		return false;
	if (from.size > 0)
		memcpy(to, from.data, from.size);
	to[from.size] = 0;
	return true;
}

bool text_copy(char *to, size_t capacity, const char *from)
{
	return text_copy_bytes(to, capacity, bytes_of_text(from));
}

char *text_duplicate_bytes(struct bytes text)
{
	char *copy = malloc(text.size + 1);
	if (!copy)
		return NULL;
	(void)text_copy_bytes(copy, text.size + 1, text);
	return copy;
}

char *text_duplicate(const char *text)
{
	return text_duplicate_bytes(bytes_of_text(text));
}

char *text_format(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(length >= 0);
	char *text = malloc((size_t)length + 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static uint8_t ascii_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool bytes_equal_text_ignoring_case(struct bytes a, const char *b)
{
	if (a.size != strlen(b))
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (ascii_lower(a.data[i]) != ascii_lower((uint8_t)b[i]))
			return false;
	return true;
}

bool text_equal_ignoring_case(const char *a, const char *b)
{
	return bytes_equal_text_ignoring_case(bytes_of_text(a), b);
}

void hex_encode(struct bytes b, char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < b.size; i++) {
		text[2 * i] = digits[b.data[i] >> 4];
		text[2 * i + 1] = digits[b.data[i] & 15];
	}
	text[2 * b.size] = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(const char *text, uint8_t *data, size_t size)
{
	if (strlen(text) != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		data[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void encode_into(struct bytes b, const char *alphabet, bool pad, char *text)
{
	size_t length = 0;
	for (size_t i = 0; i < b.size; i += 3) {
		size_t n = min_size(b.size - i, 3);
		uint32_t group = (uint32_t)b.data[i] << 16;
		if (n > 1)
			group |= (uint32_t)b.data[i + 1] << 8;
		if (n > 2)
			group |= b.data[i + 2];
		for (size_t k = 0; k <= n; k++)
			text[length++] = alphabet[group >> (18 - 6 * k) & 63];
		for (size_t k = n; pad && k < 3; k++)
			text[length++] = '=';
	}
	text[length] = 0;
}

static char *encode(struct bytes b, const char *alphabet, bool pad)
{
	char *text = malloc((b.size + 2) / 3 * 4 + 1);
	if (text)
		encode_into(b, alphabet, pad, text);
	return text;
}

char *base64_encode(struct bytes b)
{
	return encode(b, base64_chars, true);
}

char *base64url_encode(struct bytes b)
{
	return encode(b, base64url_chars, false);
}

void base64url_write(struct bytes b, char *text)
{
	encode_into(b, base64url_chars, false, text);
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool base64_decode(struct bytes text, uint8_t *data, size_t capacity, size_t *ret_size)
{
	if (text.size % 4 == 0)
		for (int i = 0; i < 2 && text.size > 0 && text.data[text.size - 1] == '='; i++)
			text.size--;
	size_t tail = text.size % 4;
	if (tail == 1)
		return false;
	size_t size = text.size / 4 * 3 + (tail ? tail - 1 : 0);
	if (size > capacity)
		return false;
	uint32_t bits = 0;
	size_t count = 0, at = 0;
	for (size_t i = 0; i < text.size; i++) {
		int value = base64_value(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			data[at++] = (uint8_t)(bits >> count);
		}
	}
	/* Left-over bits must be zero, or one value would have several spellings. */
	if (bits & ((1U << count) - 1))
		return false;
	*ret_size = size;
	return true;
}

/* The first byte of a sequence of more than one (RFC 3629 section 4). False: there is none such. */
static bool utf8_begin(struct utf8 *utf8, uint8_t c)
{
	utf8->low = 0x80;
	utf8->high = 0xbf;
	if (c >= 0xc2 && c <= 0xdf) {
		utf8->missing = 1;
	} else if (c >= 0xe0 && c <= 0xef) {
		utf8->missing = 2;
		utf8->low = c == 0xe0 ? 0xa0 : 0x80;
		utf8->high = c == 0xed ? 0x9f : 0xbf;
	} else if (c >= 0xf0 && c <= 0xf4) {
		utf8->missing = 3;
		utf8->low = c == 0xf0 ? 0x90 : 0x80;
		utf8->high = c == 0xf4 ? 0x8f : 0xbf;
	} else {
		return false;
	}
	return true;
}

/* How many of the bytes at the start are ASCII, eight at a time. */
static size_t ascii_run(struct bytes b)
{
	size_t i = 0;
	uint64_t eight;
	for (; i + sizeof eight <= b.size; i += sizeof eight) {
		memcpy(&eight, b.data + i, sizeof eight);
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return i;
}

bool utf8_goes_on(struct utf8 *utf8, struct bytes piece)
{
	for (size_t i = 0; i < piece.size; i++) {
		if (utf8->missing == 0) {
			i += ascii_run(bytes_slice(piece, i, piece.size));
			if (i == piece.size)
				return true;
		}
		uint8_t c = piece.data[i];
		if (utf8->missing > 0) {
			if (c < utf8->low || c > utf8->high)
				return false;
			utf8->low = 0x80;
			utf8->high = 0xbf;
			utf8->missing--;
		} else if (c > 0x7f && !utf8_begin(utf8, c)) {
			return false;
		}
	}
	return true;
}

bool utf8_is_valid(struct bytes b)
{
	struct utf8 utf8 = {0};
	return (b.size == 0 || !memchr(b.data, 0, b.size)) && utf8_goes_on(&utf8, b) &&
	       utf8.missing == 0;
}
