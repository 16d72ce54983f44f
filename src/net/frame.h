/* Frames on a direct link: uint32 length, uint16 channel, uint8 kind, uint8 flags, payload; network
 * order; `length` counts the payload alone. Without I/O: bytes in, frames out.
 *
 * The reader's memory grows with what has arrived, never with what a header promises, and a length
 * beyond NET_FRAME_PAYLOAD_MAX ends the stream for good. */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/buffer.h"
#include "net/limits.h"

#define NET_FRAME_HEADER_SIZE 8

/* Channel 0 is `dpc-data`. Kinds that are not listed are for later versions: they are skipped. */
enum net_frame_kind {
	NET_FRAME_TEXT = 1,   /* a message of UTF-8 text */
	NET_FRAME_BINARY = 2, /* a message of bytes */
	NET_FRAME_CLOSE = 3,  /* the last frame of its direction; the reason as text */
};

struct net_frame {
	uint16_t channel;
	uint8_t kind;  /* enum net_frame_kind, or unknown */
	uint8_t flags; /* none are defined: sent as 0, ignored */
	struct bytes payload;
};

/* ERR_TOO_LARGE, ERR_LIMIT (the buffer's maximum), ERR_NOMEM; then nothing was appended. */
MUST_CHECK enum err net_frame_append(struct buffer *out, const struct net_frame *frame);

struct net_frame_reader {
	struct buffer in;
	size_t taken;    /* bytes at the front of `in` that were given out */
	enum err failed; /* sticky */
};

void net_frame_reader_init(struct net_frame_reader *reader);
void net_frame_reader_deinit(struct net_frame_reader *reader);

/* Bytes off the stream, in any portions. Invalidates frames given out. Drain the frames before
 * giving more: ERR_LIMIT when more than two of the largest would wait. ERR_NOMEM. */
MUST_CHECK enum err net_frame_reader_add(struct net_frame_reader *reader, struct bytes bytes);
/* The same, for bytes that the caller puts there itself: room for `size` bytes, then how many they
 * were. NULL: as the errors of net_frame_reader_add(). */
uint8_t *net_frame_reader_space(struct net_frame_reader *reader, size_t size);
void net_frame_reader_added(struct net_frame_reader *reader, size_t size);

/* The next whole frame; its payload is borrowed until bytes are added. ERR_AGAIN: not yet whole.
 * ERR_TOO_LARGE: the stream is unusable from here on. */
MUST_CHECK enum err net_frame_reader_next(
	struct net_frame_reader *reader, struct net_frame *ret_frame);
/* Whether the stream could end here: no part of a frame is waiting. */
bool net_frame_reader_is_empty(const struct net_frame_reader *reader);

#endif
