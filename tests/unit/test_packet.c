#include "net/packet.h"

#include <stdlib.h>

#include "base/rng.h"
#include "test.h"

static void a_flight_is_a_length_in_front_of_each_segment(void **state)
{
	(void)state;
	static const uint8_t expected[] = {0, 2, 'a', 'b', 0, 2, 'c', 'd', 0, 1, 'e', 0, 0};
	struct buffer out = buffer_with_max(100);
	assert_ok(net_packet_append(&out, bytes_of_text("abcde"), 2));
	assert_ok(net_packet_append(&out, (struct bytes){0}, 1));
	assert_bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof expected));
	buffer_deinit(&out);
}

static void what_does_not_fit_is_not_begun(void **state)
{
	(void)state;
	struct buffer out = buffer_with_max(10);
	uint8_t *large = calloc(1, NET_PACKET_MAX + 1);
	assert_non_null(large);
	assert_err(net_packet_append(&out, bytes_of_text("123456789"), 9), ERR_LIMIT);
	assert_err(net_packet_append(&out, bytes_of(large, NET_PACKET_MAX + 1), NET_PACKET_MAX + 1),
		ERR_TOO_LARGE);
	assert_int_equal(out.size, 0);
	free(large);
	buffer_deinit(&out);
}

static void packets_come_out_as_they_went_in_whatever_the_portions(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 2, 3, 1200, NET_PACKET_MAX, 0, 5};
	static const size_t portions[] = {1, 3, 1000, 65537, 131074};
	struct buffer stream = buffer_with_max(1 << 20);
	uint8_t *data = malloc(NET_PACKET_MAX);
	assert_non_null(data);
	struct rng rng = rng_seeded(1);
	rng_fill(&rng, data, NET_PACKET_MAX);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_ok(net_packet_append(&stream, bytes_of(data, sizes[i]), NET_PACKET_MAX));
	for (size_t p = 0; p < sizeof portions / sizeof portions[0]; p++) {
		struct net_packet_reader reader;
		struct bytes packet;
		size_t seen = 0;
		net_packet_reader_init(&reader, NET_PACKET_MAX);
		for (size_t at = 0; at < stream.size; at += portions[p]) {
			enum err err;
			assert_ok(net_packet_reader_add(
				&reader, bytes_slice(buffer_bytes(&stream), at, portions[p])));
			while (!(err = net_packet_reader_next(&reader, &packet)))
				assert_bytes_equal(packet, bytes_of(data, sizes[seen++]));
			assert_err(err, ERR_AGAIN);
		}
		assert_int_equal(seen, sizeof sizes / sizeof sizes[0]);
		net_packet_reader_deinit(&reader);
	}
	free(data);
	buffer_deinit(&stream);
}

static void a_longer_packet_ends_the_stream_before_it_has_come(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {0, 1, 'x', 0, 11};
	struct net_packet_reader reader;
	struct bytes packet;
	net_packet_reader_init(&reader, 10);
	assert_ok(net_packet_reader_add(&reader, bytes_of(bytes, sizeof bytes)));
	assert_ok(net_packet_reader_next(&reader, &packet));
	assert_bytes_equal(packet, bytes_of_text("x"));
	assert_err(net_packet_reader_next(&reader, &packet), ERR_TOO_LARGE);
	/* For good. */
	net_packet_reader_set_max(&reader, NET_PACKET_MAX);
	assert_err(net_packet_reader_next(&reader, &packet), ERR_TOO_LARGE);
	net_packet_reader_deinit(&reader);
}

static void what_is_not_drained_has_a_limit(void **state)
{
	(void)state;
	struct net_packet_reader reader;
	size_t size = 2 * (NET_PACKET_HEADER_SIZE + NET_PACKET_MAX);
	uint8_t *data = calloc(1, size);
	assert_non_null(data);
	net_packet_reader_init(&reader, NET_PACKET_MAX);
	assert_ok(net_packet_reader_add(&reader, bytes_of(data, size)));
	assert_err(net_packet_reader_add(&reader, bytes_of(data, 1)), ERR_LIMIT);
	net_packet_reader_deinit(&reader);
	free(data);
}

TESTS(TEST(a_flight_is_a_length_in_front_of_each_segment), TEST(what_does_not_fit_is_not_begun),
	TEST(packets_come_out_as_they_went_in_whatever_the_portions),
	TEST(a_longer_packet_ends_the_stream_before_it_has_come),
	TEST(what_is_not_drained_has_a_limit))
