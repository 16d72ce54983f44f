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

static const uint16_t weights[] = {128, 256, 512, 1024};

/* Streams 0 to 3, with as much to send as anybody may want and weights of their own. */
static void fill(struct sctp_queue *queue, bool interleaving, size_t message)
{
	sctp_queue_init(queue);
	queue->interleaving = interleaving;
	for (uint16_t id = 0; id < 4; id++)
		for (size_t sum = 0; sum < 1000000; sum += message)
			push(queue, id, message, false);
	for (uint16_t id = 0; id < 4; id++)
		sctp_queue_stream(queue, id)->weight = weights[id];
}

/* The fragments of what is begun are held by nobody here. */
static void end(struct sctp_queue *queue)
{
	while (sctp_queue_next(queue)) {
		struct sctp_slice slice = cut(queue, 60000);
		sctp_queue_finish(queue, &slice);
	}
	assert_int_equal(queue->begun, 0);
	sctp_queue_deinit(queue);
}

/* Cuts, and finishes what it has cut; whose it was. */
static uint16_t serve(struct sctp_queue *queue)
{
	struct sctp_slice slice = cut(queue, 1000);
	uint16_t id = slice.message->stream->id;
	sctp_queue_finish(queue, &slice);
	return id;
}

static void streams_share_by_their_weights(void **state)
{
	(void)state;
	static const size_t sizes[] = {20, 300, 50000};
	for (int interleaving = 0; interleaving < 2; interleaving++)
		for (size_t s = 0; s < 3; s++) {
			struct sctp_queue queue;
			fill(&queue, interleaving, sizes[s]);
			size_t sent[4] = {0}, all = 0;
			while (all < 900000) {
				struct sctp_slice slice = cut(&queue, 1000);
				sent[slice.message->stream->id] += slice.size;
				all += slice.size;
				sctp_queue_finish(&queue, &slice);
			}
			/* But for the message that may be in the middle. */
			size_t unit = interleaving ? 1000 : sizes[s];
			for (size_t i = 0; i < 4; i++) {
				size_t fair = (size_t)900000 * weights[i] / 1920;
				assert_in_range(sent[i], sat_sub(fair, fair / 20 + unit),
					fair + fair / 20 + unit);
			}
			end(&queue);
		}
}

static void who_comes_anew_is_next_whatever_its_weight(void **state)
{
	(void)state;
	struct sctp_queue queue;
	fill(&queue, true, 50000);
	for (uint16_t id = 4; id < 100; id++) {
		for (int i = 0; i < 7; i++)
			serve(&queue);
		push(&queue, id, 100, false);
		sctp_queue_stream(&queue, id)->weight = weights[id % 4];
		struct sctp_slice slice = cut(&queue, 1000);
		assert_int_equal(slice.message->stream->id, id);
		sctp_queue_finish(&queue, &slice);
	}
	end(&queue);
}

static void without_interleaving_it_waits_for_the_end_of_one_message(void **state)
{
	(void)state;
	struct sctp_queue queue;
	fill(&queue, false, 10000);
	for (int i = 0; i < 14; i++) {
		struct sctp_slice slice = cut(&queue, 1000);
		sctp_queue_finish(&queue, &slice);
	}
	push(&queue, 9, 100, false);
	size_t before = 0;
	struct sctp_slice slice;
	while ((slice = cut(&queue, 1000)).message->stream->id != 9) {
		sctp_queue_finish(&queue, &slice);
		before++;
	}
	sctp_queue_finish(&queue, &slice);
	assert_int_equal(before, 6);
	end(&queue);
}

static void silence_is_not_saved_up(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	queue.interleaving = true;
	push(&queue, 1, 90000, false);
	push(&queue, 2, 100, false);
	for (int i = 0; i < 80; i++) {
		struct sctp_slice slice = cut(&queue, 1000);
		sctp_queue_finish(&queue, &slice);
	}
	/* Stream 2 was silent while 1 sent; now they take turns. */
	push(&queue, 2, 5000, false);
	int second = 0;
	for (int i = 0; i < 8; i++)
		second += serve(&queue) == 2;
	assert_in_range(second, 4, 5);
	end(&queue);
}

static void messages_begun_fit_into_the_peers_window(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	queue.interleaving = true;
	queue.begun_max = 100000;
	for (uint16_t id = 0; id < 10; id++)
		push(&queue, id, 40000, false);
	size_t most = 0, served = 0;
	for (int i = 0; i < 30; i++) {
		struct sctp_slice slice = cut(&queue, 1000);
		most = max_size(most, queue.begun);
		served |= (size_t)1 << slice.message->stream->id;
	}
	assert_int_equal(most, 80000);
	assert_int_equal(served, 3);
	/* A small one goes all the same. */
	push(&queue, 20, 100, false);
	struct sctp_slice slice = cut(&queue, 1000);
	assert_int_equal(slice.message->stream->id, 20);
	sctp_queue_finish(&queue, &slice);
	/* One ends by being dropped, the others in their turn. */
	sctp_queue_drop_stream(&queue, sctp_queue_stream(&queue, 0));
	size_t ended = 0;
	while (sctp_queue_next(&queue)) {
		slice = cut(&queue, 1000);
		assert_true(queue.begun <= 80000);
		ended += (slice.flags & SCTP_DATA_END) != 0;
		sctp_queue_finish(&queue, &slice);
	}
	assert_int_equal(ended, 9);
	/* And one that is larger than all that may be goes alone. */
	push(&queue, 1, 100000, false);
	push(&queue, 2, 100000, false);
	queue.begun_max = 5000;
	while (sctp_queue_next(&queue)) {
		slice = cut(&queue, 1000);
		assert_true(queue.begun <= 100000);
		sctp_queue_finish(&queue, &slice);
	}
	assert_int_equal(queue.bytes, 0);
	end(&queue);
}

static void what_is_given_up_in_the_middle_leaves_its_end(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	push(&queue, 1, 5000, false);
	push(&queue, 1, 100, true);
	struct sctp_slice first = cut(&queue, 1000), rest, none;
	assert_true(sctp_queue_give_up(&queue, sctp_queue_next(&queue), &rest));
	assert_ptr_equal(rest.message, first.message);
	assert_int_equal(rest.size, 0);
	assert_int_equal(queue.buffered, 100);
	assert_false(sctp_queue_give_up(&queue, sctp_queue_next(&queue), &none));
	assert_null(sctp_queue_next(&queue));
	assert_int_equal(queue.buffered, 0);
	sctp_queue_finish(&queue, &first);
	assert_int_equal(queue.bytes, 5000);
	sctp_queue_finish(&queue, &rest);
	assert_int_equal(queue.bytes, 0);
	sctp_queue_deinit(&queue);
}

static void streams_in_use_are_limited(void **state)
{
	(void)state;
	struct sctp_queue queue;
	sctp_queue_init(&queue);
	for (uint16_t id = 0; id < SCTP_STREAMS_USED_MAX; id++)
		assert_non_null(sctp_queue_stream(&queue, id));
	assert_null(sctp_queue_stream(&queue, SCTP_STREAMS_USED_MAX));
	sctp_queue_drop_stream(&queue, sctp_queue_stream(&queue, 7));
	assert_non_null(sctp_queue_stream(&queue, SCTP_STREAMS_USED_MAX));
	sctp_queue_deinit(&queue);
}

TESTS(TEST(numbers_of_a_stream_go_on_beyond_those_of_data_chunks),
	TEST(fragments_of_a_message_are_not_interleaved),
	TEST(fragments_are_multiples_of_four_and_worth_their_header),
	TEST(a_stream_can_be_dropped_in_the_middle_of_its_turn),
	TEST(streams_share_by_their_weights), TEST(who_comes_anew_is_next_whatever_its_weight),
	TEST(without_interleaving_it_waits_for_the_end_of_one_message),
	TEST(silence_is_not_saved_up), TEST(messages_begun_fit_into_the_peers_window),
	TEST(what_is_given_up_in_the_middle_leaves_its_end), TEST(streams_in_use_are_limited))
