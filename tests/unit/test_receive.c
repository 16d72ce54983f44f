#include "sctp_pair.h"

/* A packet with DATA from end 0, made by hand: TSN `offset` after the first. */
static void give(
	struct pair *p, uint32_t offset, uint16_t stream, uint16_t ssn, uint8_t flags, size_t size)
{
	static const uint8_t zeros[1100];
	uint8_t packet[1200];
	struct sctp_assoc *to = p->end[1].assoc;
	struct writer w = writer_of(packet, sizeof packet);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, to->local_tag});
	struct sctp_data data = {.flags = flags,
		.tsn = p->end[0].assoc->local_tsn + offset,
		.stream = stream,
		.ssn = ssn,
		.payload = bytes_of(zeros, size)};
	sctp_data_write(&w, &data);
	sctp_packet_seal(&w);
	sctp_receive(to, p->now, writer_bytes(&w));
}

static void init(struct pair *p, size_t window)
{
	pair_init_with(p, 1, (struct sctp_config){0},
		(struct sctp_config){
			.receive_window = window, .message_max = 1000, .no_interleaving = true});
	pair_connect(p);
	pair_run(p, USEC_PER_SEC);
}

/* The chunk of this type in the next packet of end 1. */
static bool written_chunk(struct pair *p, enum sctp_chunk_type type, struct sctp_chunk *ret_chunk)
{
	static uint8_t packet[1200];
	size_t size = sctp_write(p->end[1].assoc, p->now, packet, sizeof packet);
	struct sctp_header header;
	struct reader r;
	if (size == 0)
		return false;
	assert_ok(sctp_packet_open(bytes_of(packet, size), false, &header, &r));
	while (sctp_chunk_next(&r, ret_chunk))
		if (ret_chunk->type == type)
			return true;
	return false;
}

#define WHOLE (SCTP_DATA_BEGIN | SCTP_DATA_END)

static void every_second_packet_is_acknowledged_at_once_and_a_lone_one_later(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	/* The first of all at once. */
	give(&p, 0, 0, 0, WHOLE, 10);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	give(&p, 1, 0, 1, WHOLE, 10);
	assert_false(written_chunk(&p, SCTP_SACK, &chunk));
	assert_true(sctp_deadline(a) == p.now + SCTP_SACK_DELAY);
	assert_true(SCTP_SACK_DELAY <= 500 * USEC_PER_MS);
	give(&p, 2, 0, 2, WHOLE, 10);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	give(&p, 3, 0, 3, WHOLE, 10);
	sctp_advance(a, sctp_deadline(a));
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	give(&p, 4, 0, 4, WHOLE | SCTP_DATA_IMMEDIATE, 10);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	pair_deinit(&p);
}

static void a_gap_and_a_duplicate_are_told_at_once(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	struct sctp_sack sack;
	init(&p, 0);
	give(&p, 0, 0, 0, WHOLE, 10);
	give(&p, 2, 0, 2, WHOLE, 10);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	assert_ok(sctp_sack_parse(chunk, &sack));
	assert_int_equal(sack.cumulative, p.end[0].assoc->local_tsn);
	static const uint8_t block[] = {0, 2, 0, 2};
	assert_bytes_equal(sack.blocks, bytes_of(block, 4));
	give(&p, 2, 0, 2, WHOLE, 10);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	assert_int_equal(chunk.value.data[11], 1); /* one duplicate */
	assert_int_equal(sctp_stats(p.end[1].assoc)->duplicate_tsns, 1);
	pair_deinit(&p);
}

static void data_beyond_the_window_or_the_span_is_dropped(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	struct sctp_sack sack;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	size_t window = a->config.receive_window;
	p.end[1].paused = true;
	uint32_t i = 0;
	for (; i < window / 1000 + 50; i++)
		give(&p, i, 0, (uint16_t)i, WHOLE, 1000);
	assert_in_range(sctp_stats(a)->receive_queue_bytes, window - 1000, window);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	assert_ok(sctp_sack_parse(chunk, &sack));
	assert_int_equal(sack.window, 0);
	assert_int_equal(sack.cumulative, p.end[0].assoc->local_tsn + window / 1000 - 1);
	struct sctp_event event;
	while (sctp_next_event(a, &event)) {}
	give(&p, (uint32_t)(window / 1000) - 1 + SCTP_TSN_SPAN_MAX, 0, 0, WHOLE, 10);
	assert_int_equal(a->tracker.count, 0);
	give(&p, (uint32_t)(window / 1000) - 2 + SCTP_TSN_SPAN_MAX, 0, 0,
		WHOLE | SCTP_DATA_UNORDERED, 10);
	assert_int_equal(a->tracker.count, 1);
	pair_deinit(&p);
}

static void what_everything_waits_for_is_taken_into_a_full_window(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	uint32_t most = (uint32_t)((a->config.receive_window + SCTP_WINDOW_SLACK) / 1000);
	/* Something far ahead, so that the rest fills a gap; all but the first two. */
	give(&p, most + 20, 0, (uint16_t)(most + 20), WHOLE, 1000);
	for (uint32_t i = 2; i < most + 20; i++)
		give(&p, i, 0, (uint16_t)i, WHOLE, 1000);
	size_t full = sctp_stats(a)->receive_queue_bytes;
	assert_true(full > a->config.receive_window + SCTP_WINDOW_SLACK - 1000);
	/* The second is no more awaited than the others. */
	give(&p, 1, 0, 1, WHOLE, 1000);
	assert_int_equal(sctp_stats(a)->receive_queue_bytes, full);
	give(&p, 0, 0, 0, WHOLE, 1000);
	assert_int_equal(a->inbox.messages, 1);
	/* What follows waits until that was read. */
	give(&p, 1, 0, 1, WHOLE, 1000);
	assert_int_equal(a->inbox.messages, 1);
	struct sctp_event event;
	while (sctp_next_event(a, &event)) {}
	give(&p, 1, 0, 1, WHOLE, 1000);
	assert_true(a->inbox.messages > 50);
	pair_deinit(&p);
}

static void a_closed_window_that_opens_is_told(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	struct sctp_sack sack;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	for (uint32_t i = 0; i < a->config.receive_window / 1000; i++)
		give(&p, i, 0, (uint16_t)i, WHOLE, 1000);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	struct sctp_event event;
	while (sctp_next_event(a, &event)) {}
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	assert_ok(sctp_sack_parse(chunk, &sack));
	assert_true(sack.window > a->config.receive_window / 2);
	pair_deinit(&p);
}

static void tiny_messages_are_bounded_by_their_number(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 1024 * 1024);
	struct sctp_assoc *a = p.end[1].assoc;
	p.end[1].paused = true;
	for (uint32_t i = 0; i < SCTP_RECEIVE_ITEMS_MAX + 10; i++)
		give(&p, i, 0, (uint16_t)i, WHOLE, 1);
	assert_int_equal(a->inbox.messages, SCTP_RECEIVE_ITEMS_MAX);
	assert_int_equal(sctp_receive_window(a), 0);
	pair_deinit(&p);
}

static void gaps_without_end_are_bounded(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	for (uint32_t i = 1; i < 2000; i += 2)
		give(&p, i, 0, (uint16_t)i, WHOLE, 1);
	assert_int_equal(a->tracker.count, SCTP_GAP_BLOCKS_MAX);
	assert_true(written_chunk(&p, SCTP_SACK, &chunk));
	assert_int_equal(chunk.value.size, 12 + 4 * SCTP_GAP_BLOCKS_MAX);
	pair_deinit(&p);
}

static void data_on_a_stream_that_does_not_exist_is_reported(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	init(&p, 0);
	give(&p, 0, SCTP_STREAMS_DEFAULT, 0, WHOLE, 1);
	assert_int_equal(
		p.end[1].assoc->tracker.cumulative & 0xffffffff, p.end[0].assoc->local_tsn);
	assert_true(written_chunk(&p, SCTP_ERROR, &chunk));
	assert_int_equal(chunk.value.data[1], SCTP_CAUSE_INVALID_STREAM);
	pair_drain(&p);
	assert_int_equal(p.end[1].received, 0);
	pair_deinit(&p);
}

static void data_without_data_ends_the_association(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 0);
	give(&p, 0, 0, 0, WHOLE, 0);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PROTOCOL);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_PEER_ABORTED);
	pair_deinit(&p);
}

static void forward_tsn_passes_over_what_was_given_up(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	give(&p, 2, 5, 1, WHOLE, 10);
	assert_int_equal(a->inbox.messages, 0);
	uint8_t packet[100];
	struct writer w = writer_of(packet, sizeof packet);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t place = sctp_chunk_begin(&w, SCTP_FORWARD_TSN, 0);
	write_u32(&w, p.end[0].assoc->local_tsn + 1);
	write_u16(&w, 5);
	write_u16(&w, 0);
	sctp_chunk_end(&w, place);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	assert_int_equal((uint32_t)a->tracker.cumulative, p.end[0].assoc->local_tsn + 2);
	assert_int_equal(a->inbox.messages, 1);
	assert_int_equal(sctp_stats(a)->messages_in, 1);
	give(&p, 3, 5, 2, WHOLE, 10);
	assert_int_equal(a->inbox.messages, 2);
	pair_deinit(&p);
}

static void an_acknowledgement_of_what_was_not_sent_ends_the_association(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 0);
	struct sctp_assoc *a = p.end[1].assoc;
	uint8_t packet[100];
	struct writer w = writer_of(packet, sizeof packet);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t place = sctp_chunk_begin(&w, SCTP_SACK, 0);
	write_u32(&w, a->local_tsn + 5);
	write_zeros(&w, 8);
	sctp_chunk_end(&w, place);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	pair_drain(&p);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PROTOCOL);
	pair_deinit(&p);
}

static bool lose_the_first(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return from != 0 || p->counter++ > 0;
}

/* RFC 9260 section 8.1: any DATA acknowledged shows that the peer is there. */
static void an_acknowledgement_beyond_a_gap_ends_a_series_of_time_outs(void **state)
{
	(void)state;
	struct pair p;
	init(&p, 0);
	struct sctp_assoc *a = p.end[0].assoc;
	p.on_packet = lose_the_first;
	a->error_count = SCTP_ASSOCIATION_MAX_RETRANS;
	assert_ok(pair_send(&p, 0, 1, false, 900));
	assert_ok(pair_send(&p, 0, 1, false, 900));
	pair_run(&p, 30 * USEC_PER_MS);
	assert_int_equal(p.end[1].received, 0);
	assert_int_equal(a->error_count, 0);
	pair_deinit(&p);
}

TESTS(TEST(every_second_packet_is_acknowledged_at_once_and_a_lone_one_later),
	TEST(a_gap_and_a_duplicate_are_told_at_once),
	TEST(data_beyond_the_window_or_the_span_is_dropped),
	TEST(what_everything_waits_for_is_taken_into_a_full_window),
	TEST(a_closed_window_that_opens_is_told), TEST(tiny_messages_are_bounded_by_their_number),
	TEST(gaps_without_end_are_bounded), TEST(data_on_a_stream_that_does_not_exist_is_reported),
	TEST(data_without_data_ends_the_association),
	TEST(forward_tsn_passes_over_what_was_given_up),
	TEST(an_acknowledgement_of_what_was_not_sent_ends_the_association),
	TEST(an_acknowledgement_beyond_a_gap_ends_a_series_of_time_outs))
