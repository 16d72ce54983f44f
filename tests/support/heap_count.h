/* Counts what is allocated, by wrapping the allocator at link time (heap_count_link_args in
 * meson.build) in our own code, and by OpenSSL's hook in OpenSSL. */
#ifndef SUPPORT_HEAP_COUNT_H
#define SUPPORT_HEAP_COUNT_H

#include <stdbool.h>
#include <stddef.h>

struct heap_count {
	size_t blocks, bytes; /* allocated now */
	size_t allocations;   /* so far; a block that grows or shrinks counts again */
};

/* Before OpenSSL allocates anything; false when that has happened already. */
bool heap_count_start(void);
struct heap_count heap_count(void);

#endif
