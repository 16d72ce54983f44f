#include "sctp/queue.h"

#include "sctp/chunk.h"
#include "test.h"

static void push(struct sctp_queue *queue, uint16_t stream, size_t size, bool unordered)
{
	static const uint8_t data[100000];
	struct sctp_message message = {
		.stream = stream, .unordered = unordered, .data = bytes_of(data, size)};
	assert_ok(sctp_queue_push(queue, 0, &message));
}

static struct sctp_slice cut(struct sctp_queue *queue, size_t room)
{
	struct sctp_slice slice;
	assert_true(sctp_queue_cut(queue, room, &slice));
	return slice;
}

static void fragments_of_a_message_are_not_interleaved(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	push(&queue, 1, 2500, false);
	push(&queue, 1, 10, false);
	push(&queue, 2, 1000, false);
	static const struct {
		uint16_t stream, size, ssn;
		uint8_t flags;
	} expected[] = {
		{1, 1000, 0, SCTP_DATA_BEGIN},
		{1, 1000, 0, 0},
		{1, 500, 0, SCTP_DATA_END},
		{2, 1000, 0, SCTP_DATA_BEGIN | SCTP_DATA_END},
		{1, 10, 1, SCTP_DATA_BEGIN | SCTP_DATA_END},
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		struct sctp_slice slice = cut(&queue, 1000);
		assert_int_equal(slice.message->stream->id, expected[i].stream);
		assert_int_equal(slice.size, expected[i].size);
		assert_int_equal(slice.message->mid, expected[i].ssn);
		assert_int_equal(slice.flags, expected[i].flags);
		sctp_queue_finish(&queue, &slice);
	}
	struct sctp_slice none;
	assert_false(sctp_queue_cut(&queue, 1000, &none));
	assert_int_equal(queue.bytes, 0);
	assert_int_equal(queue.buffered, 0);
	sctp_queue_deinit(&queue);
}

static void fragments_are_multiples_of_four_and_worth_their_header(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	push(&queue, 0, 100, true);
	struct sctp_slice slice;
	assert_false(sctp_queue_cut(&queue, SCTP_FRAGMENT_MIN - 1, &slice));
	slice = cut(&queue, 51);
	assert_int_equal(slice.size, 48);
	assert_int_equal(slice.flags, SCTP_DATA_BEGIN | SCTP_DATA_UNORDERED);
	assert_int_equal(sctp_queue_next_size(&queue), 52);
	slice = cut(&queue, 52);
	assert_int_equal(slice.offset, 48);
	assert_int_equal(slice.flags, SCTP_DATA_END | SCTP_DATA_UNORDERED);
	assert_int_equal(queue.bytes, 100);
	sctp_queue_finish(&queue, &slice);
	assert_int_equal(queue.bytes, 0);
	sctp_queue_deinit(&queue);
}

static void a_stream_can_be_dropped_in_the_middle_of_its_turn(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	push(&queue, 1, 5000, false);
	push(&queue, 2, 5000, false);
	cut(&queue, 1000);
	sctp_queue_drop_stream(&queue, sctp_queue_stream(&queue, 1));
	assert_int_equal(cut(&queue, 1000).message->stream->id, 2);
	assert_int_equal(queue.buffered, 4000);
	assert_int_equal(queue.bytes, 5000);
	sctp_queue_deinit(&queue);
}

static void numbers_of_a_stream_go_on_beyond_those_of_data_chunks(void **state)
{
	(void)state;
	/* DATA takes the low 16 bits (test_wire.c). Unordered messages count for themselves. */
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	for (uint32_t i = 0; i < 70000; i++) {
		push(&queue, 1, 4, false);
		struct sctp_slice slice = cut(&queue, 1000);
		assert_int_equal(slice.message->mid, i);
		sctp_queue_finish(&queue, &slice);
		if (i % 1000 == 0) {
			push(&queue, 1, 4, true);
			slice = cut(&queue, 1000);
			sctp_queue_finish(&queue, &slice);
		}
	}
	sctp_queue_deinit(&queue);
}

TESTS(TEST(numbers_of_a_stream_go_on_beyond_those_of_data_chunks),
	TEST(fragments_of_a_message_are_not_interleaved),
	TEST(fragments_are_multiples_of_four_and_worth_their_header),
	TEST(a_stream_can_be_dropped_in_the_middle_of_its_turn))
