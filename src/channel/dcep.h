/* The Data Channel Establishment Protocol (RFC 8832): two messages.
 *
 *      0                   1                   2                   3
 *     +---------------+---------------+-------------------------------+
 *     |  0x03 (OPEN)  | Channel Type  |            Priority           |
 *     +---------------+---------------+-------------------------------+
 *     |                     Reliability Parameter                     |
 *     +-------------------------------+-------------------------------+
 *     |          Label Length         |        Protocol Length        |
 *     +-------------------------------+-------------------------------+
 *     |                        Label, Protocol                        |
 *     +---------------------------------------------------------------+
 *
 * and the single byte 0x02 (ACK). */
#ifndef CHANNEL_DCEP_H
#define CHANNEL_DCEP_H

#include "base/bytes.h"
#include "base/err.h"
#include "channel/limits.h"

/* Payload protocol identifiers (RFC 8831 section 8). */
#define PPID_DCEP UINT32_C(50)
#define PPID_STRING UINT32_C(51)
#define PPID_BINARY UINT32_C(53)
#define PPID_STRING_EMPTY UINT32_C(56)
#define PPID_BINARY_EMPTY UINT32_C(57)

#define DCEP_OPEN_MAX (12 + 2 * CHANNEL_LABEL_MAX)

enum dcep_type {
	DCEP_ACK = 0x02,
	DCEP_OPEN = 0x03,
};

/* RFC 8832 section 5.1. The high bit says unordered. */
enum dcep_reliability {
	DCEP_RELIABLE = 0x00,
	DCEP_REXMIT = 0x01,
	DCEP_TIMED = 0x02,
	DCEP_UNORDERED = 0x80,
};

struct dcep_open {
	enum dcep_reliability reliability; /* without the high bit */
	bool unordered;
	uint16_t priority;
	uint32_t parameter; /* retransmissions, or milliseconds */
	struct bytes label, protocol;
};

/* The message's type; ERR_MALFORMED when it is empty or of no type that we know. */
MUST_CHECK enum err dcep_type(struct bytes message, enum dcep_type *ret_type);

/* Borrows label and protocol from the message. ERR_MALFORMED; ERR_LIMIT when a text is longer than
 * CHANNEL_LABEL_MAX; ERR_UNSUPPORTED for an unknown channel type. */
MUST_CHECK enum err dcep_open_parse(struct bytes message, struct dcep_open *ret_open);

void dcep_open_write(struct writer *w, const struct dcep_open *open);

#endif
