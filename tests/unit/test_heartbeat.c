#include "sctp_pair.h"

static void an_idle_association_is_watched_at_little_cost(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	p.end[0].packets = 0;
	pair_run(&p, 600 * USEC_PER_SEC);
	/* Its own heartbeats, and the answers to the other's: one each in about 30 s. */
	assert_in_range(p.end[0].packets, 30, 60);
	assert_int_equal(p.end[0].closed, 0);
	assert_true(sctp_stats(p.end[0].assoc)->srtt > 0);
	pair_deinit(&p);
}

static void a_silent_peer_is_found_out(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.end[1].deaf = true;
	pair_run(&p, 300 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	pair_deinit(&p);
}

static void an_answer_to_another_heartbeat_proves_nothing(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	a->error_count = 3;
	a->heartbeat_nonce = 1234;
	a->heartbeat_sent = p.now;
	uint8_t data[64];
	for (uint64_t nonce = 1233; nonce <= 1234; nonce++) {
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
		size_t chunk = sctp_chunk_begin(&w, SCTP_HEARTBEAT_ACK, 0);
		size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_HEARTBEAT_INFO);
		write_u64(&w, nonce);
		write_u64(&w, (uint64_t)p.now);
		sctp_parameter_end(&w, place);
		sctp_chunk_end(&w, chunk);
		sctp_packet_seal(&w);
		sctp_receive(a, p.now, writer_bytes(&w));
		assert_int_equal(a->error_count, nonce == 1234 ? 0 : 3);
	}
	pair_deinit(&p);
}

static void a_heartbeat_is_echoed_as_it_came(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t data[64], answer[1200];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t chunk = sctp_chunk_begin(&w, SCTP_HEARTBEAT, 0);
	write_u32(&w, 0x00010009);
	write_text(&w, "hello");
	sctp_chunk_end(&w, chunk);
	sctp_packet_seal(&w);
	pair_drain(&p);
	sctp_receive(a, p.now, writer_bytes(&w));
	size_t size = sctp_write(a, p.now, answer, sizeof answer);
	assert_int_equal(size, w.size);
	assert_int_equal(answer[SCTP_HEADER_SIZE], SCTP_HEARTBEAT_ACK);
	assert_memory_equal(answer + SCTP_HEADER_SIZE + 1, data + SCTP_HEADER_SIZE + 1,
		size - SCTP_HEADER_SIZE - 1);
	assert_null(a->replies.data);
	pair_deinit(&p);
}

/* The longest time-out there is: a round trip was measured while the process did not run, or the
 * peer's. */
static void after_a_silence_a_measurement_of_it_keeps_nothing_back(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_rto_measure(&a->rto, p.now, 2 * p.delay);
	sctp_rto_measure(&a->rto, p.now, 7 * USEC_PER_SEC);
	assert_true(sctp_rto_current(&a->rto) > SCTP_RTO_MAX / 2);
	p.end[1].deaf = true;
	for (int i = 0; i < 5; i++)
		assert_ok(pair_send(&p, 0, 0, false, 1000));
	while (sctp_stats(a)->timeouts < 1)
		assert_true(pair_step(&p, p.now + SCTP_RTO_MAX));
	/* What follows the time-out is in flight, and lost as well. */
	pair_run(&p, USEC_PER_SEC);
	assert_true(a->one_packet && a->outstanding.in_flight > 0 && a->outstanding.lost > 0);
	p.end[1].deaf = false;
	sctp_path_is_back(a, p.now);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 5);
	pair_deinit(&p);
}

static void after_a_silence_the_next_time_out_is_short(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	a->rto.base = SCTP_RTO_MAX;
	p.end[1].deaf = true;
	assert_ok(pair_send(&p, 0, 0, false, 100));
	pair_drain(&p);
	sctp_path_is_back(a, p.now);
	assert_true(a->timers[SCTP_TIMER_RETRANSMIT] <= p.now + SCTP_RTO_INITIAL);
	pair_deinit(&p);
}

TESTS(TEST(an_idle_association_is_watched_at_little_cost), TEST(a_silent_peer_is_found_out),
	TEST(an_answer_to_another_heartbeat_proves_nothing), TEST(a_heartbeat_is_echoed_as_it_came),
	TEST(after_a_silence_a_measurement_of_it_keeps_nothing_back),
	TEST(after_a_silence_the_next_time_out_is_short))
