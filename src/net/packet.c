#include "net/packet.h"

enum err net_packet_append(struct buffer *out, struct bytes bytes, size_t segment)
{
	CHECK(segment > 0);
	if (segment > NET_PACKET_MAX)
		return ERR_TOO_LARGE;
	size_t count = bytes.size == 0 ? 1 : (bytes.size + segment - 1) / segment;
	size_t size = bytes.size + count * NET_PACKET_HEADER_SIZE;
	enum err err = buffer_reserve(out, size);
	if (err)
		return err;
	struct writer w = writer_of(out->data + out->size, size);
	for (size_t i = 0; i < count; i++) {
		struct bytes packet = bytes_slice(bytes, i * segment, segment);
		write_u16(&w, (uint16_t)packet.size);
		write_bytes(&w, packet);
	}
	CHECK(!w.failed);
	out->size += w.size;
	out->data[out->size] = 0;
	return ERR_OK;
}

void net_packet_reader_init(struct net_packet_reader *reader, size_t max)
{
	CHECK(max <= NET_PACKET_MAX);
	/* Part of a packet, and what is added to it. */
	*reader = (struct net_packet_reader){
		.in = buffer_with_max(2 * (NET_PACKET_HEADER_SIZE + NET_PACKET_MAX)), .max = max};
}

void net_packet_reader_deinit(struct net_packet_reader *reader)
{
	buffer_deinit(&reader->in);
	reader->taken = 0;
}

void net_packet_reader_set_max(struct net_packet_reader *reader, size_t max)
{
	CHECK(max <= NET_PACKET_MAX);
	reader->max = max;
}

enum err net_packet_reader_add(struct net_packet_reader *reader, struct bytes bytes)
{
	/* Packets that were given out are dropped all at once, so many small ones cost one move. */
	buffer_consume(&reader->in, reader->taken);
	reader->taken = 0;
	return buffer_append(&reader->in, bytes);
}

enum err net_packet_reader_next(struct net_packet_reader *reader, struct bytes *ret_packet)
{
	if (reader->failed)
		return ERR_TOO_LARGE;
	struct reader r =
		reader_of(bytes_slice(buffer_bytes(&reader->in), reader->taken, reader->in.size));
	size_t size = read_u16(&r);
	if (!r.failed && size > reader->max) {
		reader->failed = true;
		return ERR_TOO_LARGE;
	}
	struct bytes packet = read_bytes(&r, size);
	if (r.failed)
		return ERR_AGAIN;
	reader->taken += NET_PACKET_HEADER_SIZE + size;
	*ret_packet = packet;
	return ERR_OK;
}
