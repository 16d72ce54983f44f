#include "dtls/datagram_queue.h"

#define LENGTH_SIZE sizeof(uint16_t)

void datagram_queue_deinit(struct datagram_queue *queue)
{
	buffer_deinit(&queue->buffer);
}

bool datagram_queue_push(struct datagram_queue *queue, struct bytes datagram)
{
	CHECK(datagram.size <= UINT16_MAX);
	if (buffer_reserve(&queue->buffer, LENGTH_SIZE + datagram.size) != ERR_OK)
		return false;
	struct writer w =
		writer_of(queue->buffer.data + queue->buffer.size, LENGTH_SIZE + datagram.size);
	write_u16(&w, (uint16_t)datagram.size);
	write_bytes(&w, datagram);
	CHECK(!w.failed);
	queue->buffer.size += w.size;
	return true;
}

bool datagram_queue_peek(const struct datagram_queue *queue, struct bytes *ret_datagram)
{
	struct reader r = reader_of(buffer_bytes(&queue->buffer));
	struct bytes datagram = read_bytes(&r, read_u16(&r));
	if (r.failed)
		return false;
	*ret_datagram = datagram;
	return true;
}

void datagram_queue_pop(struct datagram_queue *queue)
{
	struct bytes first;
	CHECK(datagram_queue_peek(queue, &first));
	buffer_consume(&queue->buffer, LENGTH_SIZE + first.size);
	if (queue->buffer.size == 0)
		buffer_deinit(&queue->buffer);
}
