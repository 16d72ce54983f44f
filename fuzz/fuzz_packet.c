/* The first byte says in which portions the rest arrives. What comes out must be what the bytes
 * say, whatever the portions, and must survive being written again. */
#include "net/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct bytes packet)
{
	struct buffer out = buffer_with_max(NET_PACKET_HEADER_SIZE + NET_PACKET_MAX);
	struct net_packet_reader reader;
	struct bytes again;
	CHECK(net_packet_append(&out, packet, NET_PACKET_MAX) == ERR_OK);
	net_packet_reader_init(&reader, NET_PACKET_MAX);
	CHECK(net_packet_reader_add(&reader, buffer_bytes(&out)) == ERR_OK);
	CHECK(net_packet_reader_next(&reader, &again) == ERR_OK);
	CHECK(bytes_equal(packet, again));
	CHECK(net_packet_reader_next(&reader, &again) == ERR_AGAIN);
	net_packet_reader_deinit(&reader);
	buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t portion = data[0] + 1u;
	struct bytes rest = bytes_of(data + 1, size - 1);
	struct net_packet_reader reader;
	/* As strangers have it. */
	net_packet_reader_init(&reader, 1500);
	size_t given = 0, taken = 0;
	while (rest.size > 0) {
		struct bytes part = bytes_slice(rest, 0, portion), packet;
		rest = bytes_slice(rest, portion, rest.size);
		if (net_packet_reader_add(&reader, part) != ERR_OK)
			break;
		given += part.size;
		while (net_packet_reader_next(&reader, &packet) == ERR_OK) {
			CHECK(packet.size <= 1500);
			taken += NET_PACKET_HEADER_SIZE + packet.size;
			check_again(packet);
		}
		CHECK(taken <= given);
	}
	net_packet_reader_deinit(&reader);
	return 0;
}
