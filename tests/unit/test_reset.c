#include "sctp/ordering.h"
#include "sctp_pair.h"

static void a_stream_is_reset_after_all_of_it_arrived_and_can_be_used_again(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair p;
		pair_init(&p, seed);
		p.loss = seed % 2 ? 20 : 0;
		p.jitter = 10 * USEC_PER_MS;
		pair_connect(&p);
		for (unsigned round = 1; round <= 3; round++) {
			for (int i = 0; i < 10; i++)
				assert_ok(pair_send(&p, 0, 7, i % 3 == 0, 4000));
			assert_ok(sctp_reset_stream(p.end[0].assoc, p.now, 7));
			assert_err(sctp_reset_stream(p.end[0].assoc, p.now, 7), ERR_STATE);
			assert_err(pair_send(&p, 0, 7, false, 1), ERR_STATE);
			assert_ok(pair_send(&p, 0, 8, false, 4000));
			pair_run(&p, 120 * USEC_PER_SEC);
			assert_int_equal(p.end[1].received, round * 11);
			assert_int_equal(p.end[1].stream_resets, round);
			assert_int_equal(p.end[1].last_reset, 7);
			assert_int_equal(p.end[0].resets_done, round);
		}
		pair_deinit(&p);
	}
}

static void both_ends_reset_many_streams_at_once(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 3);
	p.loss = 10;
	pair_connect(&p);
	for (uint16_t id = 0; id < 200; id++)
		for (int i = 0; i < 2; i++) {
			assert_ok(pair_send(&p, i, id, false, 100));
			assert_ok(sctp_reset_stream(p.end[i].assoc, p.now, id));
		}
	pair_run(&p, 120 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		uint16_t id;
		assert_int_equal(p.end[i].received, 200);
		assert_int_equal(p.end[i].resets_done, 200);
		assert_int_equal(p.end[i].stream_resets, 200);
		assert_null(sctp_stream_table_next(&p.end[i].assoc->queue.streams, 0, &id));
		assert_null(sctp_stream_table_next(&p.end[i].assoc->reassembly.streams, 0, &id));
	}
	pair_deinit(&p);
}

static void resets_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){0}, (struct sctp_config){.streams = 5});
	pair_connect(&p);
	assert_err(sctp_reset_stream(p.end[0].assoc, p.now, 5), ERR_NOT_FOUND);
	p.end[0].assoc->peer_reconfig = false;
	assert_err(sctp_reset_stream(p.end[0].assoc, p.now, 1), ERR_UNSUPPORTED);
	sctp_abort(p.end[0].assoc, p.now);
	assert_err(sctp_reset_stream(p.end[0].assoc, p.now, 1), ERR_STATE);
	pair_deinit(&p);
}

/* A request as a peer that does not wait for acknowledgements would send it. */
static void request(
	struct pair *p, uint32_t number, uint32_t last_tsn, const uint16_t *ids, size_t count)
{
	uint8_t data[6000];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, p->end[1].assoc->local_tag});
	size_t chunk = sctp_chunk_begin(&w, SCTP_RE_CONFIG, 0);
	size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_OUTGOING_RESET);
	write_u32(&w, number);
	write_u32(&w, 0);
	write_u32(&w, last_tsn);
	for (size_t i = 0; i < count; i++)
		write_u16(&w, ids[i]);
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	sctp_packet_seal(&w);
	sctp_receive(p->end[1].assoc, p->now, writer_bytes(&w));
}

static int last_result(const struct pair *p)
{
	const struct sctp_reset *r = &p->end[1].assoc->reset;
	return r->response_count ? r->results[r->response_count - 1] : -1;
}

static void a_request_before_its_data_waits_for_it(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *from = p.end[0].assoc;
	uint32_t number = from->local_tsn;
	uint16_t id = 3;
	assert_ok(pair_send(&p, 0, 3, false, 10));
	uint32_t last = (uint32_t)from->outstanding.next;
	request(&p, number, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_IN_PROGRESS);
	/* Asked again, under the same number and under a new one. */
	request(&p, number, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_IN_PROGRESS);
	request(&p, number + 1, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_IN_PROGRESS);
	pair_run(&p, 100 * USEC_PER_MS);
	assert_int_equal(p.end[1].received, 1);
	assert_int_equal(p.end[1].stream_resets, 1);
	/* Those that ask again after it was performed get the answer, and nothing happens twice. */
	request(&p, number + 1, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	request(&p, number + 2, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 1);
	pair_deinit(&p);
}

/* As pion sends them, one for each stream, and again in any order. */
static void requests_in_any_order_are_performed_in_that_of_their_numbers(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_reset *r = &p.end[1].assoc->reset;
	uint32_t number = p.end[0].assoc->local_tsn, last = number - 1;
	static const uint16_t order[] = {4, 2, 2, 5, 1, 4, SCTP_RESET_REQUESTS_AHEAD};
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		request(&p, number + order[i], last, &order[i], 1);
	assert_int_equal(last_result(&p), -1);
	assert_int_equal(r->kept_streams, 5);
	const uint16_t first = 0;
	request(&p, number, last, &first, 1);
	assert_int_equal(r->response_count, 3);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 3);
	assert_int_equal(p.end[1].last_reset, 2);
	const uint16_t third = 3;
	request(&p, number + 3, last, &third, 1);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 6);
	assert_int_equal(p.end[1].last_reset, 5);
	assert_int_equal(r->kept_streams, 1);
	/* One that comes again is not performed again. */
	request(&p, number + 4, last, &order[0], 1);
	assert_int_equal(last_result(&p), SCTP_RESET_BAD_SEQUENCE);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 6);
	pair_deinit(&p);
}

static bool count_responses(struct pair *p, int from, uint8_t *data, size_t size)
{
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	struct sctp_parameter parameter;
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk)) {
		struct reader parameters = reader_of(chunk.value);
		int count = 0;
		while (from == 1 && chunk.type == SCTP_RE_CONFIG &&
			sctp_parameter_next(&parameters, &parameter))
			count += parameter.type == SCTP_PARAMETER_RECONFIG_RESPONSE;
		assert_true(count <= 2);
		p->counter += count;
	}
	return true;
}

static void what_comes_ahead_is_bounded(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.on_packet = count_responses;
	struct sctp_reset *r = &p.end[1].assoc->reset;
	uint32_t number = p.end[0].assoc->local_tsn, last = number - 1;
	static uint16_t ids[SCTP_RESET_STREAMS_AHEAD_MAX];
	for (uint16_t i = 0; i < SCTP_RESET_STREAMS_AHEAD_MAX; i++)
		ids[i] = i;
	request(&p, number + 1, last, ids, SCTP_RESET_STREAMS_AHEAD_MAX);
	assert_int_equal(r->kept_streams, SCTP_RESET_STREAMS_AHEAD_MAX);
	request(&p, number + 2, last, ids, 1);
	assert_int_equal(r->kept_streams, SCTP_RESET_STREAMS_AHEAD_MAX);
	request(&p, number, last, ids, 1);
	assert_int_equal(r->peer_request, number + 2);
	assert_int_equal(r->kept_streams, 0);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.counter, 2);
	/* As many as may be ahead, one stream each: the last answers are given. */
	number += 2;
	for (uint32_t i = 1; i <= SCTP_RESET_REQUESTS_AHEAD; i++)
		request(&p, number + i, last, ids + i, 1);
	assert_int_equal(r->kept_streams, SCTP_RESET_REQUESTS_AHEAD);
	p.end[1].stream_resets = 0;
	request(&p, number, last, ids, 1);
	assert_int_equal(r->response_count, SCTP_RESET_RESPONSES_MAX);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.counter, 2 + SCTP_RESET_RESPONSES_MAX);
	assert_int_equal(p.end[1].stream_resets, 1 + SCTP_RESET_REQUESTS_AHEAD);
	assert_int_equal(r->kept_streams, 0);
	assert_null(r->kept);
	pair_deinit(&p);
}

/* As pion does, which does not wait for the answer to the first. */
static void a_second_request_does_not_take_the_place_of_one_that_waits(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *from = p.end[0].assoc;
	uint32_t number = from->local_tsn;
	const uint16_t first = 3, second = 4;
	assert_ok(pair_send(&p, 0, 3, false, 10));
	uint32_t last = (uint32_t)from->outstanding.next;
	request(&p, number, last, &first, 1);
	request(&p, number + 1, last, &second, 1);
	assert_int_equal(p.end[1].assoc->reset.response_count, 1);
	/* It comes after it, without being sent again. */
	pair_run(&p, 100 * USEC_PER_MS);
	assert_int_equal(p.end[1].stream_resets, 2);
	assert_int_equal(p.end[1].last_reset, second);
	request(&p, number + 1, last, &second, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 2);
	pair_deinit(&p);
}

/* A negotiated channel on which nothing was sent: closed, opened and closed again, the peer's
 * requests are the same but for their numbers. */
static void the_same_request_after_both_directions_were_reset_is_a_new_one(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *from = p.end[0].assoc;
	uint32_t number = from->local_tsn;
	uint16_t id = 3;
	assert_ok(pair_send(&p, 0, 3, false, 10));
	uint32_t last = (uint32_t)from->outstanding.next;
	request(&p, number, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_IN_PROGRESS);
	pair_run(&p, 100 * USEC_PER_MS);
	assert_int_equal(p.end[1].stream_resets, 1);
	assert_ok(sctp_reset_stream(p.end[1].assoc, p.now, 3));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].resets_done, 1);
	request(&p, number + 1, last, &id, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 2);
	pair_deinit(&p);
}

/* One that was deferred and performed may be asked for once more, by a peer that had not heard so;
 * then it has. */
static void a_deferred_request_is_repeated_once_at_most(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	uint32_t number = p.end[0].assoc->local_tsn;
	uint16_t id = 3;
	assert_ok(pair_send(&p, 0, 3, false, 10));
	uint32_t last = (uint32_t)p.end[0].assoc->outstanding.next;
	request(&p, number, last, &id, 1);
	pair_run(&p, 100 * USEC_PER_MS);
	for (uint32_t i = 1; i <= 3; i++) {
		request(&p, number + i, last, &id, 1);
		assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
		pair_drain(&p);
		assert_int_equal(p.end[1].stream_resets, i);
	}
	pair_deinit(&p);
}

/* The parameter that the packet's RE-CONFIG chunk begins with; 0: no such chunk. */
static uint16_t reconfig_of(const uint8_t *data, size_t size)
{
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	struct sctp_parameter parameter;
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk)) {
		struct reader parameters = reader_of(chunk.value);
		if (chunk.type == SCTP_RE_CONFIG && sctp_parameter_next(&parameters, &parameter))
			return parameter.type;
	}
	return 0;
}

/* The peer hears that its request was performed whenever it hears ours. */
static bool lose_first_responses(struct pair *p, int from, uint8_t *data, size_t size)
{
	return from == 0 || reconfig_of(data, size) == 0 || ++p->counter > 2;
}

static void the_answer_to_a_deferred_request_comes_again_with_ours(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	uint32_t number = p.end[0].assoc->local_tsn;
	uint16_t id = 3;
	assert_ok(pair_send(&p, 0, 3, false, 10));
	request(&p, number, (uint32_t)p.end[0].assoc->outstanding.next, &id, 1);
	pair_drain(&p);
	p.on_packet = lose_first_responses;
	pair_run(&p, 100 * USEC_PER_MS);
	assert_ok(sctp_reset_stream(p.end[1].assoc, p.now, 3));
	pair_drain(&p);
	assert_int_equal(p.counter, 2);
	/* The request, again: with the response in front. */
	sctp_advance(p.end[1].assoc, p.end[1].assoc->timers[SCTP_TIMER_RESET]);
	uint8_t data[1200];
	size_t size = sctp_write(p.end[1].assoc, p.now, data, sizeof data);
	assert_int_equal(reconfig_of(data, size), SCTP_PARAMETER_RECONFIG_RESPONSE);
	pair_deinit(&p);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	uint32_t number = p.end[0].assoc->local_tsn;
	uint32_t last = number - 1;
	uint16_t bad = 65535;
	request(&p, number + SCTP_RESET_REQUESTS_AHEAD + 1, last, &bad, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_BAD_SEQUENCE);
	pair_drain(&p);
	request(&p, number - 2, last, &bad, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_BAD_SEQUENCE);
	pair_drain(&p);
	request(&p, number, last, &bad, 1);
	assert_int_equal(last_result(&p), SCTP_RESET_WRONG_SSN);
	pair_drain(&p);
	uint16_t many[SCTP_PEER_RESET_STREAMS_MAX + 1] = {0};
	request(&p, number + 1, last, many, SCTP_PEER_RESET_STREAMS_MAX + 1);
	assert_int_equal(last_result(&p), SCTP_RESET_WRONG_SSN);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 0);
	pair_deinit(&p);
}

static void events_that_nobody_pulls_are_bounded(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	uint32_t number = p.end[0].assoc->local_tsn;
	uint16_t many[1000];
	for (uint16_t i = 0; i < 1000; i++)
		many[i] = i;
	p.end[1].paused = true;
	for (uint32_t i = 0; i < 10; i++)
		request(&p, number + i, number - 1, many, 1000);
	assert_true(p.end[1].assoc->inbox.events <= SCTP_EVENTS_MAX);
	assert_int_equal(p.end[1].assoc->inbox.events, 4000);
	pair_deinit(&p);
}

static void a_reset_of_all_streams_waits_until_each_can_be_told(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[1].assoc;
	uint32_t number = p.end[0].assoc->local_tsn;
	struct sctp_in_stream *stream;
	for (uint16_t id = 0; id < 100; id++)
		assert_ok(sctp_ordering_stream(&a->reassembly, id, &stream));
	p.end[1].paused = true;
	while (a->inbox.events + 100 <= SCTP_EVENTS_MAX)
		assert_ok(sctp_inbox_push_event(&a->inbox, SCTP_EVENT_STREAM_RESET, 200));
	request(&p, number, number - 1, NULL, 0);
	assert_int_equal(last_result(&p), -1);
	assert_int_equal(a->reassembly.stream_count, 100);
	p.end[1].paused = false;
	pair_drain(&p);
	p.end[1].stream_resets = 0;
	request(&p, number, number - 1, NULL, 0);
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	pair_drain(&p);
	assert_int_equal(p.end[1].stream_resets, 100);
	assert_int_equal(a->reassembly.stream_count, 0);
	pair_deinit(&p);
}

static void the_peer_may_ask_for_a_reset_of_our_streams(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 1, 4, false, 50000));
	uint8_t data[100];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, p.end[1].assoc->local_tag});
	size_t chunk = sctp_chunk_begin(&w, SCTP_RE_CONFIG, 0);
	size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_INCOMING_RESET);
	write_u32(&w, p.end[0].assoc->local_tsn);
	write_u16(&w, 4);
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	sctp_packet_seal(&w);
	sctp_receive(p.end[1].assoc, p.now, writer_bytes(&w));
	assert_int_equal(last_result(&p), SCTP_RESET_PERFORMED);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[0].received, 1);
	assert_int_equal(p.end[0].stream_resets, 1);
	assert_int_equal(p.end[1].resets_done, 1);
	pair_deinit(&p);
}

TESTS(TEST(a_stream_is_reset_after_all_of_it_arrived_and_can_be_used_again),
	TEST(both_ends_reset_many_streams_at_once), TEST(resets_that_cannot_be_are_refused),
	TEST(a_request_before_its_data_waits_for_it),
	TEST(the_same_request_after_both_directions_were_reset_is_a_new_one),
	TEST(a_second_request_does_not_take_the_place_of_one_that_waits),
	TEST(a_deferred_request_is_repeated_once_at_most),
	TEST(the_answer_to_a_deferred_request_comes_again_with_ours),
	TEST(requests_in_any_order_are_performed_in_that_of_their_numbers),
	TEST(what_comes_ahead_is_bounded), TEST(requests_that_make_no_sense_are_refused),
	TEST(events_that_nobody_pulls_are_bounded),
	TEST(a_reset_of_all_streams_waits_until_each_can_be_told),
	TEST(the_peer_may_ask_for_a_reset_of_our_streams))
