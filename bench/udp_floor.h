/* The round trip that the machine allows: 64 bytes over UDP on loopback, between two processes that
 * do nothing but wait for it in a system call. What a data channel adds is ours. */
#ifndef UDP_FLOOR_H
#define UDP_FLOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/usec.h"

/* Fills `times` with round trips, up to `max` of them, for as long as `duration`; returns how many.
 * 0: a system call failed. */
size_t udp_floor_measure(usec duration, usec *times, size_t max);

#endif
