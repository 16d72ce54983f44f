/* Which protocol a datagram on the shared port is of (RFC 7983 section 7), by its first byte. */
#ifndef PEER_DEMUX_H
#define PEER_DEMUX_H

#include "base/bytes.h"

enum demux {
	DEMUX_STUN,
	DEMUX_DTLS,
	DEMUX_TURN_CHANNEL,
	DEMUX_UNKNOWN,
};

static inline enum demux demux(struct bytes datagram)
{
	if (datagram.size == 0)
		return DEMUX_UNKNOWN;
	uint8_t first = datagram.data[0];
	if (first <= 3)
		return DEMUX_STUN;
	if (first >= 20 && first <= 63)
		return DEMUX_DTLS;
	if (first >= 64 && first <= 79)
		return DEMUX_TURN_CHANNEL;
	return DEMUX_UNKNOWN;
}

#endif
