#include "sctp_pair.h"

static void one_side_connects_to_a_side_that_waits(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	sctp_connect(p.end[0].assoc, p.now);
	pair_run(&p, USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.end[i].connected, 1);
		assert_int_equal(sctp_state(p.end[i].assoc), SCTP_ESTABLISHED);
	}
	pair_deinit(&p);
}

static void two_inits_that_cross_make_one_association(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct pair p;
		pair_init(&p, seed);
		p.jitter = 30 * USEC_PER_MS;
		p.loss = 20;
		p.duplication = 10;
		pair_connect(&p);
		p.loss = 0;
		assert_ok(pair_send(&p, 0, 0, false, 1000));
		assert_ok(pair_send(&p, 1, 0, false, 1000));
		pair_run(&p, 20 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			struct sctp_assoc *a = p.end[i].assoc, *b = p.end[1 - i].assoc;
			assert_int_equal(p.end[i].connected, 1);
			assert_int_equal(p.end[i].received, 1);
			assert_int_equal(a->local_tag, b->peer_tag);
		}
		pair_deinit(&p);
	}
}

static void messages_sent_before_the_handshake_travel_with_the_cookie(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	sctp_connect(p.end[0].assoc, p.now);
	assert_ok(pair_send(&p, 0, 0, false, 100));
	/* INIT, INIT ACK, COOKIE ECHO: three times the delay. */
	pair_run(&p, 3 * p.delay);
	pair_drain(&p);
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static void send_mix(struct pair *p, int from, unsigned messages, size_t largest)
{
	for (unsigned i = 0; i < messages; i++) {
		uint64_t kind = rng_below(&p->rng, 10);
		size_t size = 1 + (size_t)rng_below(&p->rng, kind < 7 ? 3000 : largest);
		assert_ok(pair_send(p, from, (uint16_t)rng_below(&p->rng, 20),
			rng_below(&p->rng, 3) == 0, size));
	}
}

static void everything_arrives_once_whole_and_in_order_through_a_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct pair p;
		pair_init(&p, seed);
		p.loss = seed % 4 == 0 ? 0 : 20;
		p.duplication = seed % 3 == 0 ? 0 : 10;
		p.jitter = seed % 2 == 0 ? 0 : 20 * USEC_PER_MS;
		pair_connect(&p);
		send_mix(&p, 0, 100, 256 * 1024);
		send_mix(&p, 1, 50, 100 * 1024);
		pair_run(&p, 3600 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 100);
		assert_int_equal(p.end[0].received, 50);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.end[i].closed, 0);
			pair_assert_empty(p.end[i].assoc);
			assert_true(p.end[i].assoc->outstanding.capacity <= 16);
		}
		pair_deinit(&p);
	}
}

static void sizes_around_the_fragment_and_the_largest_pass(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	for (size_t size = 1; size < 70; size++)
		assert_ok(pair_send(&p, 0, 1, false, size));
	for (size_t size = 1120; size < 1180; size++)
		assert_ok(pair_send(&p, 0, 2, false, size));
	assert_ok(pair_send(&p, 0, 3, false, SCTP_MESSAGE_MAX_DEFAULT));
	pair_run(&p, 60 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, p.end[0].sent);
	pair_deinit(&p);
}

static void bulk_fills_packets_to_their_maximum(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.end[0].packets = p.end[0].full_packets = 0;
	for (int i = 0; i < 100; i++)
		assert_ok(pair_send(&p, 0, 0, false, 16384));
	pair_run(&p, 60 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 100);
	/* All but the last, and a few whose rest was not worth a fragment. */
	assert_true(p.end[0].packets - p.end[0].full_packets < p.end[0].packets / 50);
	assert_int_equal(sctp_stats(p.end[0].assoc)->retransmitted_chunks, 0);
	pair_deinit(&p);
}

static void a_paused_reader_closes_the_window_and_opens_it_again(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){0},
		(struct sctp_config){.message_max = 100000, .receive_window = 200000});
	pair_connect(&p);
	p.end[1].paused = true;
	for (int i = 0; i < 100; i++)
		assert_ok(pair_send(&p, 0, (uint16_t)(i % 3), false, 10000));
	pair_run(&p, 600 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 0);
	assert_int_equal(p.end[0].closed, 0);
	assert_true(sctp_stats(p.end[1].assoc)->receive_queue_bytes > 150000);
	assert_true(sctp_stats(p.end[1].assoc)->receive_queue_bytes <=
		    p.end[1].assoc->config.receive_window + SCTP_WINDOW_SLACK);
	p.end[1].paused = false;
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 100);
	pair_assert_empty(p.end[0].assoc);
	pair_assert_empty(p.end[1].assoc);
	pair_deinit(&p);
}

static void a_full_send_queue_refuses_and_says_when_it_has_room(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(
		&p, 1, (struct sctp_config){.send_queue_max = 100000}, (struct sctp_config){0});
	pair_connect(&p);
	assert_err(pair_send(&p, 0, 0, false, 100001), ERR_TOO_LARGE);
	unsigned accepted = 0;
	while (pair_send(&p, 0, 0, false, 9000) == ERR_OK)
		accepted++;
	assert_int_equal(accepted, 11);
	assert_err(pair_send(&p, 0, 0, false, 9000), ERR_AGAIN);
	assert_int_equal(sctp_stream_buffered(p.end[0].assoc, 0), 11 * 9000);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[0].sendable, 1);
	assert_int_equal(sctp_stream_buffered(p.end[0].assoc, 0), 0);
	assert_ok(pair_send(&p, 0, 0, false, 9000));
	pair_deinit(&p);
}

static void sends_that_cannot_be_are_refused(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(
		&p, 1, (struct sctp_config){.streams = 100}, (struct sctp_config){.streams = 10});
	assert_ok(pair_send(&p, 0, 50, false, 10));
	pair_connect(&p);
	/* It was accepted while nobody knew better. */
	assert_int_equal(p.end[0].resets_failed, 1);
	assert_err(pair_send(&p, 0, 0, false, 0), ERR_MALFORMED);
	assert_err(pair_send(&p, 0, 10, false, 1), ERR_NOT_FOUND);
	assert_err(pair_send(&p, 1, 10, false, 1), ERR_NOT_FOUND);
	assert_ok(pair_send(&p, 0, 9, false, 1));
	sctp_shutdown(p.end[0].assoc, p.now);
	assert_err(pair_send(&p, 0, 0, false, 1), ERR_STATE);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_err(pair_send(&p, 0, 0, false, 1), ERR_STATE);
	pair_deinit(&p);
}

static void abort_closes_both_ends(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 0, false, 200000));
	pair_run(&p, 15 * USEC_PER_MS);
	sctp_abort(p.end[0].assoc, p.now);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_ABORTED);
	assert_int_equal(p.end[1].closed, 1);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PEER_ABORTED);
	pair_assert_empty(p.end[0].assoc);
	pair_assert_empty(p.end[1].assoc);
	assert_true(sctp_deadline(p.end[0].assoc) == USEC_NEVER);
	pair_deinit(&p);
}

static void a_peer_that_vanishes_is_unreachable_in_the_end(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.end[1].deaf = true;
	assert_ok(pair_send(&p, 0, 0, false, 100000));
	pair_run(&p, 20 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 0);
	pair_run(&p, 180 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	assert_true(sctp_stats(p.end[0].assoc)->timeouts > 5);
	pair_deinit(&p);
}

static void nobody_answers_the_init(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.end[1].deaf = true;
	sctp_connect(p.end[0].assoc, p.now);
	pair_run(&p, 600 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	assert_int_equal(p.end[0].packets, 1 + SCTP_MAX_INIT_RETRANSMITS);
	pair_deinit(&p);
}

static void an_outage_is_survived(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	send_mix(&p, 0, 100, 50000);
	pair_run(&p, 30 * USEC_PER_MS);
	p.loss = 100;
	pair_run(&p, 15 * USEC_PER_SEC);
	p.loss = 0;
	pair_run(&p, 30 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 100);
	pair_deinit(&p);
}

static size_t written(struct sctp_assoc *a, usec now, uint8_t *data)
{
	return sctp_write(a, now, data, 1200);
}

static void wrong_tag_checksum_and_form_are_dropped_and_counted(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 0, false, 100));
	uint8_t data[1200];
	size_t size = written(p.end[0].assoc, p.now, data);
	assert_true(size > 100);
	struct sctp_assoc *to = p.end[1].assoc;
	data[50] ^= 1;
	sctp_receive(to, p.now, bytes_of(data, size));
	assert_int_equal(sctp_stats(to)->dropped_checksum, 1);
	data[50] ^= 1;
	data[5] ^= 1;
	pair_fix_checksum(data, size);
	sctp_receive(to, p.now, bytes_of(data, size));
	assert_int_equal(sctp_stats(to)->dropped_tag, 1);
	data[5] ^= 1;
	data[1] ^= 1; /* port */
	pair_fix_checksum(data, size);
	sctp_receive(to, p.now, bytes_of(data, size));
	assert_int_equal(sctp_stats(to)->dropped_malformed, 1);
	data[1] ^= 1;
	data[14] = 0x70; /* chunk length */
	pair_fix_checksum(data, size);
	sctp_receive(to, p.now, bytes_of(data, size));
	assert_int_equal(sctp_stats(to)->dropped_malformed, 2);
	sctp_receive(to, p.now, bytes_of(data, 11));
	sctp_receive(to, p.now, (struct bytes){0});
	assert_int_equal(sctp_stats(to)->dropped_malformed, 4);
	pair_drain(&p);
	assert_int_equal(p.end[1].received, 0);
	/* It comes again by itself. */
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static void an_unknown_chunk_is_skipped_and_reported_as_its_bits_say(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		bool reported, goes_on;
	} cases[] = {
		{0x3e, false, false}, {0x7e, true, false}, {0xbe, false, true}, {0xfe, true, true}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p;
		pair_init(&p, 1);
		pair_connect(&p);
		struct sctp_assoc *to = p.end[1].assoc;
		uint8_t data[100];
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, to->local_tag});
		sctp_parameter_end(&w, sctp_parameter_begin(&w, (uint16_t)(cases[i].type << 8)));
		size_t place = sctp_chunk_begin(&w, SCTP_HEARTBEAT, 0);
		write_u32(&w, 0x00010004);
		sctp_chunk_end(&w, place);
		sctp_packet_seal(&w);
		sctp_receive(to, p.now, writer_bytes(&w));
		struct reader r = reader_of(buffer_bytes(&to->replies));
		struct sctp_chunk chunk;
		bool reported = false, went_on = false;
		while (sctp_chunk_next(&r, &chunk)) {
			reported |= chunk.type == SCTP_ERROR;
			went_on |= chunk.type == SCTP_HEARTBEAT_ACK;
		}
		assert_int_equal(reported, cases[i].reported);
		assert_int_equal(went_on, cases[i].goes_on);
		pair_deinit(&p);
	}
}

static void a_message_beyond_the_maximum_ends_the_association(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){0}, (struct sctp_config){.message_max = 5000});
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 0, false, 5000));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	assert_ok(pair_send(&p, 0, 0, false, 5001));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].closed, 1);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PROTOCOL);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_PEER_ABORTED);
	pair_deinit(&p);
}

static void streams_take_turns_by_message(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	for (int i = 0; i < 20; i++)
		assert_ok(pair_send(&p, 0, 1, false, 100000));
	assert_ok(pair_send(&p, 0, 2, false, 10));
	while (p.end[1].seen[20] == 0)
		assert_true(pair_step(&p, p.now + USEC_PER_SEC));
	/* Behind one large message at most that had begun, and one more. */
	assert_true(p.end[1].received <= 3);
	pair_deinit(&p);
}

static void an_idle_association_is_small(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 0, false, 100));
	pair_run(&p, 5 * USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	size_t size = sizeof *a + a->outstanding.capacity * sizeof *a->outstanding.ring +
		      a->queue.streams.page_count * (SCTP_STREAM_PAGE + 1) * sizeof(void *) +
		      sizeof(struct sctp_out_stream);
	assert_true(size < 4096);
	pair_assert_empty(a);
	pair_deinit(&p);
}

TESTS(TEST(one_side_connects_to_a_side_that_waits), TEST(two_inits_that_cross_make_one_association),
	TEST(messages_sent_before_the_handshake_travel_with_the_cookie),
	TEST(everything_arrives_once_whole_and_in_order_through_a_bad_network),
	TEST(sizes_around_the_fragment_and_the_largest_pass),
	TEST(bulk_fills_packets_to_their_maximum),
	TEST(a_paused_reader_closes_the_window_and_opens_it_again),
	TEST(a_full_send_queue_refuses_and_says_when_it_has_room),
	TEST(sends_that_cannot_be_are_refused), TEST(abort_closes_both_ends),
	TEST(a_peer_that_vanishes_is_unreachable_in_the_end), TEST(nobody_answers_the_init),
	TEST(an_outage_is_survived), TEST(wrong_tag_checksum_and_form_are_dropped_and_counted),
	TEST(an_unknown_chunk_is_skipped_and_reported_as_its_bits_say),
	TEST(a_message_beyond_the_maximum_ends_the_association),
	TEST(streams_take_turns_by_message), TEST(an_idle_association_is_small))
