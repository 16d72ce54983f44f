/* The first byte says in which portions the rest arrives. What comes out must be what the bytes
 * say, whatever the portions, and must survive being written again. */
#include "net/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct net_frame *frame)
{
	struct buffer out = buffer_with_max(NET_FRAME_HEADER_SIZE + NET_FRAME_PAYLOAD_MAX);
	CHECK(net_frame_append(&out, frame) == ERR_OK);
	struct net_frame_reader reader;
	struct net_frame again;
	net_frame_reader_init(&reader);
	CHECK(net_frame_reader_add(&reader, buffer_bytes(&out)) == ERR_OK);
	CHECK(net_frame_reader_next(&reader, &again) == ERR_OK);
	CHECK(again.channel == frame->channel && again.kind == frame->kind);
	CHECK(again.flags == frame->flags && bytes_equal(again.payload, frame->payload));
	CHECK(net_frame_reader_is_empty(&reader));
	net_frame_reader_deinit(&reader);
	buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t portion = data[0] + 1u;
	struct bytes rest = bytes_of(data + 1, size - 1);
	struct net_frame_reader reader;
	net_frame_reader_init(&reader);
	size_t given = 0, taken = 0;
	while (rest.size > 0) {
		struct bytes part = bytes_slice(rest, 0, portion);
		rest = bytes_slice(rest, portion, rest.size);
		if (net_frame_reader_add(&reader, part) != ERR_OK)
			break;
		given += part.size;
		struct net_frame frame;
		while (net_frame_reader_next(&reader, &frame) == ERR_OK) {
			taken += NET_FRAME_HEADER_SIZE + frame.payload.size;
			check_again(&frame);
		}
		CHECK(taken <= given);
	}
	net_frame_reader_deinit(&reader);
	return 0;
}
