#include "net/frame.h"

#include <assert.h>

static_assert(NET_FRAME_HEADER_SIZE == 4 + 2 + 1 + 1, "the header's fields");

enum err net_frame_append(struct buffer *out, const struct net_frame *frame)
{
	if (frame->payload.size > NET_FRAME_PAYLOAD_MAX)
		return ERR_TOO_LARGE;
	size_t size = NET_FRAME_HEADER_SIZE + frame->payload.size;
	enum err err = buffer_reserve(out, size);
	if (err)
		return err;
	struct writer w = writer_of(out->data + out->size, size);
	write_u32(&w, (uint32_t)frame->payload.size);
	write_u16(&w, frame->channel);
	write_u8(&w, frame->kind);
	write_u8(&w, frame->flags);
	write_bytes(&w, frame->payload);
	CHECK(!w.failed);
	out->size += w.size;
	out->data[out->size] = 0;
	return ERR_OK;
}

void net_frame_reader_init(struct net_frame_reader *reader)
{
	*reader = (struct net_frame_reader){
		.in = buffer_with_max(2 * (NET_FRAME_HEADER_SIZE + NET_FRAME_PAYLOAD_MAX))};
}

void net_frame_reader_deinit(struct net_frame_reader *reader)
{
	buffer_deinit(&reader->in);
	reader->taken = 0;
}

uint8_t *net_frame_reader_space(struct net_frame_reader *reader, size_t size)
{
	/* Frames that were given out are dropped all at once, so many small ones cost one move. */
	buffer_consume(&reader->in, reader->taken);
	reader->taken = 0;
	if (buffer_reserve(&reader->in, size) != ERR_OK)
		return NULL;
	return reader->in.data + reader->in.size;
}

void net_frame_reader_added(struct net_frame_reader *reader, size_t size)
{
	CHECK(reader->in.data && size < reader->in.capacity - reader->in.size);
	reader->in.size += size;
	reader->in.data[reader->in.size] = 0;
}

enum err net_frame_reader_add(struct net_frame_reader *reader, struct bytes bytes)
{
	if (bytes.size > reader->in.max)
		return ERR_LIMIT;
	uint8_t *space = net_frame_reader_space(reader, bytes.size);
	if (!space)
		return bytes.size > reader->in.max - reader->in.size ? ERR_LIMIT : ERR_NOMEM;
	if (bytes.size > 0)
		memcpy(space, bytes.data, bytes.size);
	net_frame_reader_added(reader, bytes.size);
	return ERR_OK;
}

enum err net_frame_reader_next(struct net_frame_reader *reader, struct net_frame *ret_frame)
{
	if (reader->failed)
		return reader->failed;
	struct reader r =
		reader_of(bytes_slice(buffer_bytes(&reader->in), reader->taken, reader->in.size));
	uint32_t length = read_u32(&r);
	if (!r.failed && length > NET_FRAME_PAYLOAD_MAX) {
		reader->failed = ERR_TOO_LARGE;
		return ERR_TOO_LARGE;
	}
	struct net_frame frame = {0};
	frame.channel = read_u16(&r);
	frame.kind = read_u8(&r);
	frame.flags = read_u8(&r);
	frame.payload = read_bytes(&r, length);
	if (r.failed)
		return ERR_AGAIN;
	reader->taken += NET_FRAME_HEADER_SIZE + length;
	*ret_frame = frame;
	return ERR_OK;
}

bool net_frame_reader_is_empty(const struct net_frame_reader *reader)
{
	return reader->taken == reader->in.size;
}
