/* CRC-32c (Castagnoli, reflected polynomial 0x82f63b78), the checksum of SCTP (RFC 9260 appendix
 * A). */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stdint.h>

#include "base/bytes.h"

/* Uses the SSE 4.2 or ARMv8 instruction where the processor has it. */
uint32_t crc32c(struct bytes b);

/* The checksum of a followed by b, from the checksum of a (0 for nothing). */
uint32_t crc32c_extend(uint32_t crc, struct bytes b);

/* The portable one, for comparison in tests. */
uint32_t crc32c_table(struct bytes b);

#endif
