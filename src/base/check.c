#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "dpc: %s:%d: broken invariant: %s\n", file, line, what);
	abort();
}
