/* Why signalling sockets were closed, for counting. */
#ifndef HUB_CLOSING_H
#define HUB_CLOSING_H

#include <stddef.h>

#define CLOSING_COUNT 11
/* Their names in the metrics. */
extern const char *const closing_names[CLOSING_COUNT];

/* Which of them it was, of the reason that a socket's owner is told. */
size_t closing_of(const char *reason);

#endif
