#include "net/frame.h"

#include <stdlib.h>

#include "base/rng.h"
#include "test.h"

static struct net_frame text_frame(uint16_t channel, const char *text)
{
	return (struct net_frame){
		.channel = channel, .kind = NET_FRAME_TEXT, .payload = bytes_of_text(text)};
}

static void a_frame_is_a_header_in_network_order_and_a_payload(void **state)
{
	(void)state;
	static const uint8_t expected[] = {0, 0, 0, 2, 0x01, 0x02, 1, 0, 'h', 'i'};
	struct buffer out = buffer_with_max(100);
	struct net_frame frame = text_frame(0x0102, "hi");
	assert_ok(net_frame_append(&out, &frame));
	assert_bytes_equal(buffer_bytes(&out), bytes_of(expected, sizeof(expected)));
	buffer_deinit(&out);
}

static void frames_come_out_as_they_went_in_whatever_the_portions(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 7, 8, 9, 1000, 65536, NET_FRAME_PAYLOAD_MAX, 3, 0};
	size_t count = sizeof(sizes) / sizeof(sizes[0]);
	struct rng rng = rng_seeded(1);
	uint8_t *payload = malloc(NET_FRAME_PAYLOAD_MAX);
	assert_non_null(payload);
	rng_fill(&rng, payload, NET_FRAME_PAYLOAD_MAX);
	struct buffer stream = buffer_with_max(1 << 20);
	for (size_t i = 0; i < count; i++) {
		struct net_frame frame = {.channel = (uint16_t)i,
			.kind = NET_FRAME_BINARY,
			.flags = (uint8_t)i,
			.payload = bytes_of(payload, sizes[i])};
		assert_ok(net_frame_append(&stream, &frame));
	}

	static const size_t portions[] = {1, 5, 1000, 65536, 200000};
	for (size_t p = 0; p < sizeof(portions) / sizeof(portions[0]); p++) {
		struct net_frame_reader reader;
		net_frame_reader_init(&reader);
		size_t seen = 0;
		for (size_t at = 0; at < stream.size; at += portions[p]) {
			assert_ok(net_frame_reader_add(
				&reader, bytes_slice(buffer_bytes(&stream), at, portions[p])));
			struct net_frame frame;
			enum err err;
			while ((err = net_frame_reader_next(&reader, &frame)) == ERR_OK) {
				assert_int_equal(frame.channel, seen);
				assert_int_equal(frame.flags, seen);
				assert_bytes_equal(frame.payload, bytes_of(payload, sizes[seen]));
				seen++;
			}
			assert_err(err, ERR_AGAIN);
		}
		assert_int_equal(seen, count);
		assert_true(net_frame_reader_is_empty(&reader));
		net_frame_reader_deinit(&reader);
	}
	buffer_deinit(&stream);
	free(payload);
}

static void a_length_beyond_the_maximum_ends_the_stream_before_any_memory_is_taken(void **state)
{
	(void)state;
	static const uint8_t lengths[][4] = {{0, 4, 0, 1}, {0x80, 0, 0, 0}, {255, 255, 255, 255}};
	for (size_t i = 0; i < 3; i++) {
		struct net_frame_reader reader;
		struct net_frame frame;
		net_frame_reader_init(&reader);
		assert_ok(net_frame_reader_add(&reader, bytes_of(lengths[i], 4)));
		assert_err(net_frame_reader_next(&reader, &frame), ERR_TOO_LARGE);
		assert_true(reader.in.capacity < 1000);
		/* And it stays so. */
		assert_ok(net_frame_reader_add(&reader, bytes_of_text("more")));
		assert_err(net_frame_reader_next(&reader, &frame), ERR_TOO_LARGE);
		net_frame_reader_deinit(&reader);
	}
}

static void a_promise_of_a_large_frame_takes_no_memory(void **state)
{
	(void)state;
	static const uint8_t header[] = {0, 4, 0, 0, 0, 0, 1, 0, 'x'};
	struct net_frame_reader reader;
	struct net_frame frame;
	net_frame_reader_init(&reader);
	assert_ok(net_frame_reader_add(&reader, bytes_of(header, sizeof(header))));
	assert_err(net_frame_reader_next(&reader, &frame), ERR_AGAIN);
	assert_false(net_frame_reader_is_empty(&reader));
	assert_true(reader.in.capacity < 1000);
	net_frame_reader_deinit(&reader);
}

static void bytes_that_nobody_takes_reach_a_limit(void **state)
{
	(void)state;
	struct net_frame_reader reader;
	net_frame_reader_init(&reader);
	static const uint8_t zeros[4096];
	enum err err = ERR_OK;
	size_t added = 0;
	while ((err = net_frame_reader_add(&reader, bytes_of(zeros, sizeof(zeros)))) == ERR_OK)
		added += sizeof(zeros);
	assert_err(err, ERR_LIMIT);
	assert_true(added <= 2 * (NET_FRAME_HEADER_SIZE + NET_FRAME_PAYLOAD_MAX));
	net_frame_reader_deinit(&reader);
}

static void too_large_a_payload_is_refused_and_nothing_is_appended(void **state)
{
	(void)state;
	uint8_t *payload = calloc(1, NET_FRAME_PAYLOAD_MAX + 1);
	assert_non_null(payload);
	struct buffer out = buffer_with_max(1 << 20);
	struct net_frame frame = {.payload = bytes_of(payload, NET_FRAME_PAYLOAD_MAX + 1)};
	assert_err(net_frame_append(&out, &frame), ERR_TOO_LARGE);
	assert_int_equal(out.size, 0);
	struct buffer small = buffer_with_max(10);
	frame.payload = bytes_of(payload, 3);
	assert_err(net_frame_append(&small, &frame), ERR_LIMIT);
	assert_int_equal(small.size, 0);
	buffer_deinit(&small);
	buffer_deinit(&out);
	free(payload);
}

TESTS(TEST(a_frame_is_a_header_in_network_order_and_a_payload),
	TEST(frames_come_out_as_they_went_in_whatever_the_portions),
	TEST(a_length_beyond_the_maximum_ends_the_stream_before_any_memory_is_taken),
	TEST(a_promise_of_a_large_frame_takes_no_memory),
	TEST(bytes_that_nobody_takes_reach_a_limit),
	TEST(too_large_a_payload_is_refused_and_nothing_is_appended))
