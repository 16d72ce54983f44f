#include "sctp/ordering.h"

#include <stdlib.h>

#include "test.h"

struct fixture {
	struct sctp_inbox inbox;
	struct sctp_reassembly r;
	struct sctp_in_stream *stream;
};

static void init(struct fixture *f)
{
	struct rng rng = rng_seeded(1);
	f->inbox = (struct sctp_inbox){0};
	sctp_reassembly_init(&f->r, &f->inbox, 100, &rng);
	assert_ok(sctp_ordering_stream(&f->r, 4, &f->stream));
}

static void deinit(struct fixture *f)
{
	sctp_reassembly_deinit(&f->r);
	sctp_inbox_deinit(&f->inbox);
}

static enum err deliver(struct fixture *f, uint64_t number)
{
	struct sctp_inbox_item *item = sctp_inbox_item_new(1);
	assert_non_null(item);
	uint8_t byte = (uint8_t)number;
	assert_ok(sctp_inbox_item_append(&item, bytes_of(&byte, 1)));
	item->event = (struct sctp_event){.type = SCTP_EVENT_MESSAGE,
		.stream = 4,
		.message = {.stream = 4, .ppid = (uint32_t)number}};
	f->r.bytes++;
	f->r.items++;
	enum err err = sctp_ordering_deliver(&f->r, f->stream, SCTP_NUMBER_FIRST + number, item);
	if (err) {
		f->r.bytes--;
		f->r.items--;
		free(item);
	}
	return err;
}

static void assert_delivered(struct fixture *f, uint32_t number)
{
	struct sctp_event event;
	assert_true(sctp_inbox_pop(&f->inbox, &event));
	assert_int_equal(event.message.ppid, number);
}

static void messages_wait_for_those_before_them(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	for (uint64_t i = 99; i > 0; i--)
		assert_ok(deliver(&f, i));
	assert_int_equal(f.inbox.messages, 0);
	assert_int_equal(f.stream->waiting, 99);
	assert_err(deliver(&f, 50), ERR_MALFORMED);
	assert_ok(deliver(&f, 0));
	for (uint32_t i = 0; i < 100; i++)
		assert_delivered(&f, i);
	assert_err(deliver(&f, 99), ERR_MALFORMED);
	assert_err(deliver(&f, 100 + SCTP_TSN_SPAN_MAX), ERR_MALFORMED);
	assert_int_equal(f.r.items, 0);
	assert_int_equal(f.r.bytes, 0);
	deinit(&f);
}

/* Both ways of skipping: few messages, and more than are searched. */
static void what_is_skipped_lets_the_others_go_in_order(void **state)
{
	(void)state;
	static const uint64_t counts[] = {20, 10 * SCTP_SKIP_SEARCH_MAX};
	for (size_t c = 0; c < 2; c++) {
		struct fixture f;
		init(&f);
		uint64_t count = counts[c];
		/* Every other one is there, the last first, and one far away. */
		for (uint64_t i = count; i-- > 0;)
			assert_ok(deliver(&f, 2 * i + 1));
		assert_ok(deliver(&f, SCTP_TSN_SPAN_MAX - 1));
		sctp_ordering_skip(&f.r, f.stream, 4, false, SCTP_NUMBER_FIRST + count);
		for (uint64_t i = 0; 2 * i + 1 <= count; i++)
			assert_delivered(&f, (uint32_t)(2 * i + 1));
		/* The one after the last skipped goes too, if it is there. */
		assert_int_equal(f.inbox.messages, count % 2 == 0);
		sctp_ordering_skip(&f.r, f.stream, 4, false, SCTP_NUMBER_FIRST - 100);
		sctp_ordering_skip(
			&f.r, f.stream, 4, false, SCTP_NUMBER_FIRST + 2 * SCTP_TSN_SPAN_MAX);
		assert_int_equal(f.stream->waiting, 0);
		assert_true(f.stream->next == SCTP_NUMBER_FIRST + 2 * SCTP_TSN_SPAN_MAX + 1);
		deinit(&f);
	}
}

/* So that skipping some costs nothing for those that stay. */
static void unordered_messages_are_kept_by_number(void **state)
{
	(void)state;
	static const uint64_t numbers[] = {5, 3, 9, 7, 1};
	struct fixture f;
	init(&f);
	struct sctp_in_message *message;
	for (size_t i = 0; i < 5; i++)
		assert_ok(sctp_ordering_add(&f.r, f.stream, 4, true, numbers[i], &message));
	uint64_t next = 1;
	LIST_FOREACH (node, &f.stream->messages[1]) {
		message = CONTAINER_OF(node, struct sctp_in_message, of_stream);
		assert_true(message->number == next);
		next += 2;
	}
	sctp_ordering_skip(&f.r, f.stream, 4, true, 6);
	assert_int_equal(f.stream->started[1], 2);
	assert_null(sctp_ordering_find(&f.r, 4, true, 5));
	assert_non_null(sctp_ordering_find(&f.r, 4, true, 7));
	assert_int_equal(f.r.items, 2);
	deinit(&f);
}

static void streams_in_use_are_limited(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	struct sctp_in_stream *stream;
	for (uint16_t id = 10; f.r.stream_count < SCTP_STREAMS_USED_MAX; id++)
		assert_ok(sctp_ordering_stream(&f.r, id, &stream));
	assert_err(sctp_ordering_stream(&f.r, 60000, &stream), ERR_LIMIT);
	assert_ok(sctp_ordering_stream(&f.r, 10, &stream));
	sctp_ordering_drop_stream(&f.r, 10);
	assert_ok(sctp_ordering_stream(&f.r, 60000, &stream));
	deinit(&f);
}

TESTS(TEST(messages_wait_for_those_before_them), TEST(what_is_skipped_lets_the_others_go_in_order),
	TEST(unordered_messages_are_kept_by_number), TEST(streams_in_use_are_limited))
