/* One line of UTF-8 that says to a person what went wrong, filled in beside an enum err: lower
 * case, the subject quoted, the cause last, the next step behind a semicolon. */
#ifndef NODE_FAULT_H
#define NODE_FAULT_H

#include <stdarg.h>

#include "base/check.h"

struct fault {
	char text[640];
};

/* Replaces the text, cut to fit; what is no printable text in it is made so. `fault` may be NULL:
 * nobody wants to know. */
void fault_set(struct fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);
void fault_format(struct fault *fault, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

#endif
