/* Sequence numbers that wrap on the wire, unwrapped to 64 bits where they enter (RFC 1982). Inside,
 * they are compared with `<`. */
#ifndef BASE_SERIAL_H
#define BASE_SERIAL_H

#include <stdint.h>

/* The 64-bit number nearest to `reference` whose low 32 bits are `wire`. A reference of at least
 * 2^32 keeps the result from going below zero. */
static inline uint64_t serial32_unwrap(uint64_t reference, uint32_t wire)
{
	uint32_t distance = wire - (uint32_t)reference;
	if (distance < UINT32_C(0x80000000))
		return reference + distance;
	return reference - (UINT64_C(0x100000000) - distance);
}

/* The same for 16 bits; the reference is at least 2^16. */
static inline uint64_t serial16_unwrap(uint64_t reference, uint16_t wire)
{
	uint16_t distance = (uint16_t)(wire - (uint16_t)reference);
	if (distance < 0x8000)
		return reference + distance;
	return reference - (uint64_t)(0x10000 - distance);
}

#endif
