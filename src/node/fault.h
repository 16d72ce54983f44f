/* One line that says to a person what went wrong, filled in beside an enum err: lower case, the
 * subject quoted, the cause last, the next step behind a semicolon. */
#ifndef NODE_FAULT_H
#define NODE_FAULT_H

#include "base/check.h"

struct fault {
	char text[640];
};

/* Replaces the text, cut to fit. `fault` may be NULL: nobody wants to know. */
void fault_set(struct fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
