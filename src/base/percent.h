/* Percent-encoding (RFC 3986 section 2.1), for parts of paths and queries. */
#ifndef BASE_PERCENT_H
#define BASE_PERCENT_H

#include "base/bytes.h"

/* Everything but letters, digits and "-._~". */
void percent_encode(struct writer *w, const char *text);

#endif
