/* Text that comes from somebody else, made harmless before a terminal gets it. */
#ifndef BASE_SAFE_H
#define BASE_SAFE_H

#include <stdbool.h>
#include <stddef.h>

/* Copies text, cut at a character where it does not fit; control and direction-changing characters
 * become "·", line ends a space. Returns `safe`. */
char *text_safe(const char *text, char *safe, size_t capacity);
/* What to show instead of the character at `at`, or it itself; `*size` are its bytes. Line ends and
 * tabs stay when `lines` is set. */
const char *text_harmless(const char *at, size_t *size, bool lines);

#endif
