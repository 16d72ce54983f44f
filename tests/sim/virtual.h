/* The parts of the world that the peer stack does not take as arguments, made virtual: the clock
 * that libssl reads for its handshake timer, OpenSSL's randomness, and the heap, whose allocations
 * are counted.
 *
 * libssl calls gettimeofday() through the dynamic linker, which finds the one of the executable
 * first. malloc and its like are wrapped at link time in our own code only. */
#ifndef SIM_VIRTUAL_H
#define SIM_VIRTUAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

#define VIRTUAL_UNIX_TIME INT64_C(1800000000) /* seconds, at virtual time 0 */

/* Once, before the first run: lets OpenSSL do what it does once in a process, which draws from its
 * generator and would make the first run unlike the others. */
void virtual_warm_up(void);

/* From here on OpenSSL draws from a generator with this seed, and the clock stands at zero. */
void virtual_start(uint64_t seed);
void virtual_set_time(usec now);

/* Bytes that our own code has allocated and not freed: now, and at most since virtual_start(). */
size_t virtual_heap_bytes(void);
size_t virtual_heap_bytes_max(void);

#endif
