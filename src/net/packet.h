/* Packets in a byte stream (RFC 4571): a length of 16 bits in network order in front of each. What
 * ICE, DTLS and all above it travel in over TCP (RFC 6544 section 3). Without I/O: bytes in,
 * packets out.
 *
 * The reader's memory grows with what has arrived, never with what a length promises, and a length
 * beyond its maximum ends the stream for good. */
#ifndef NET_PACKET_H
#define NET_PACKET_H

#include "base/buffer.h"

#define NET_PACKET_HEADER_SIZE 2
#define NET_PACKET_MAX 65535

/* Appends `bytes` as packets of `segment` bytes, the last one perhaps shorter. ERR_TOO_LARGE (a
 * segment beyond NET_PACKET_MAX), ERR_LIMIT (the buffer's maximum), ERR_NOMEM; then nothing was
 * appended. */
MUST_CHECK enum err net_packet_append(struct buffer *out, struct bytes bytes, size_t segment);

struct net_packet_reader {
	struct buffer in;
	size_t taken; /* bytes at the front of `in` that were given out */
	size_t max;   /* of one packet */
	bool failed;  /* a longer one came */
};

void net_packet_reader_init(struct net_packet_reader *reader, size_t max);
void net_packet_reader_deinit(struct net_packet_reader *reader);
/* For those that begin from here on. */
void net_packet_reader_set_max(struct net_packet_reader *reader, size_t max);

/* Bytes off the stream, in any portions; invalidates packets given out. Drain them before giving
 * more: ERR_LIMIT when more than two of the largest would wait. ERR_NOMEM. */
MUST_CHECK enum err net_packet_reader_add(struct net_packet_reader *reader, struct bytes bytes);
/* The next whole packet, which may be empty; borrowed until bytes are added. ERR_AGAIN: not yet
 * whole. ERR_TOO_LARGE: the stream is unusable from here on. */
MUST_CHECK enum err net_packet_reader_next(
	struct net_packet_reader *reader, struct bytes *ret_packet);

#endif
