/* Text: strict conversions, and copies that say when something did not fit. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The whole text is a decimal number in range: no sign, no space, nothing behind it. */
bool text_to_u32(const char *text, uint32_t *ret_value);
bool text_to_u64(const char *text, uint64_t *ret_value);
/* A number of bytes as people write it, "1048576", "1024k", "1M" or "2G", in powers of 1024. False
 * also for more than `max`. */
bool bytes_to_size(struct bytes b, uint64_t max, uint64_t *ret_value);
/* The same over a view. */
bool bytes_to_u64(struct bytes text, uint64_t *ret_value);

/* Copies with the final zero; false, and an empty string, when it does not fit. */
bool text_copy(char *to, size_t capacity, const char *from);
bool text_copy_bytes(char *to, size_t capacity, struct bytes from);

/* A heap copy, or NULL when memory is out. */
char *text_duplicate(const char *text);
char *text_duplicate_bytes(struct bytes text);
/* printf into a new string, or NULL when memory is out. */
char *text_format(const char *format, ...) PRINTF_LIKE(1, 2);

bool text_starts_with(const char *text, const char *prefix);
/* ASCII letters only, whatever the locale. */
bool text_equal_ignoring_case(const char *a, const char *b);
bool bytes_equal_text_ignoring_case(struct bytes a, const char *b);

/* Lower-case hexadecimal; `text` has room for 2 * size + 1. */
void hex_encode(struct bytes b, char *text);
/* True when `text` is exactly 2 * size hexadecimal digits of either case. */
bool hex_decode(const char *text, uint8_t *data, size_t size);

/* Base64 (RFC 4648 section 4, with padding) and base64url (section 5, without). The result of
 * encoding is a heap string or NULL when memory is out. */
char *base64_encode(struct bytes b);
char *base64url_encode(struct bytes b);
/* The same into room for (4 * size + 2) / 3 + 1. */
void base64url_write(struct bytes b, char *text);
/* Strict; false for anything else. Writes at most `capacity` bytes. Accepts either alphabet. */
bool base64_decode(struct bytes text, uint8_t *data, size_t capacity, size_t *ret_size);

/* Whether the bytes are well-formed UTF-8 (RFC 3629) without a zero byte. */
bool utf8_is_valid(struct bytes b);

/* The same of a text that comes in pieces, in which zero bytes are allowed. Zeroed, it is at the
 * beginning. */
struct utf8 {
	uint8_t missing;   /* bytes of the present character; the text may end where it is 0 */
	uint8_t low, high; /* what the next of them may be */
};
/* False: whatever follows, this is not UTF-8. */
bool utf8_goes_on(struct utf8 *utf8, struct bytes piece);

#endif
