/* Datagrams in a row, in one buffer with a maximum, each behind its length. */
#ifndef DTLS_DATAGRAM_QUEUE_H
#define DTLS_DATAGRAM_QUEUE_H

#include "base/buffer.h"

struct datagram_queue {
	struct buffer buffer;
};

static inline struct datagram_queue datagram_queue_with_max(size_t max)
{
	return (struct datagram_queue){.buffer = buffer_with_max(max)};
}

void datagram_queue_deinit(struct datagram_queue *queue);

/* Copies; false when there is no room. At most 65,535 bytes. */
bool datagram_queue_push(struct datagram_queue *queue, struct bytes datagram);
/* The first one, borrowed until the next change; false when there is none. */
bool datagram_queue_peek(const struct datagram_queue *queue, struct bytes *ret_datagram);
/* Drops the first one. The memory is given back with the last. */
void datagram_queue_pop(struct datagram_queue *queue);

#endif
