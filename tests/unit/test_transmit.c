#include "sctp_pair.h"

static void a_lost_packet_is_repaired_without_waiting_for_the_timer(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	for (int i = 0; i < 20; i++)
		assert_ok(pair_send(&p, 0, 0, false, 1132));
	uint8_t lost[1200];
	assert_true(sctp_write(p.end[0].assoc, p.now, lost, sizeof lost) > 0);
	usec start = p.now;
	while (p.end[1].received < 20)
		assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
	const struct sctp_stats *stats = sctp_stats(p.end[0].assoc);
	assert_int_equal(stats->timeouts, 0);
	assert_int_equal(stats->fast_retransmits, 1);
	assert_int_equal(stats->retransmitted_chunks, 1);
	assert_true(p.now - start < SCTP_RTO_MIN);
	pair_deinit(&p);
}

static void the_timer_repairs_a_lost_tail(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	assert_ok(pair_send(&p, 0, 0, false, 100));
	uint8_t lost[1200];
	assert_true(sctp_write(p.end[0].assoc, p.now, lost, sizeof lost) > 0);
	usec start = p.now;
	while (p.end[1].received < 1)
		assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
	assert_int_equal(sctp_stats(p.end[0].assoc)->timeouts, 1);
	assert_in_range(p.now - start, SCTP_RTO_MIN, SCTP_RTO_INITIAL + 2 * p.delay);
	pair_deinit(&p);
}

static void the_first_flight_is_the_initial_window(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	assert_ok(pair_send(&p, 0, 0, false, 200000));
	uint8_t data[1200];
	size_t packets = 0;
	while (sctp_write(p.end[0].assoc, p.now, data, sizeof data) > 0)
		packets++;
	assert_in_range(packets, 10, 11);
	pair_deinit(&p);
}

/* RFC 9260 section 6.2 asks for a SACK for every second packet at least; those that arrive
 * together, as one receive brings them, are one to us. */
static void packets_that_arrive_together_are_acknowledged_once(void **state)
{
	(void)state;
	enum { PACKETS = 10 };
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	assert_ok(pair_send(&p, 0, 0, false, 200000));
	uint8_t data[1200];
	for (int i = 0; i < PACKETS; i++) {
		size_t size = sctp_write(p.end[0].assoc, p.now, data, sizeof data);
		assert_true(size > 0);
		sctp_receive(p.end[1].assoc, p.now, bytes_of(data, size));
	}
	size_t size = sctp_write(p.end[1].assoc, p.now, data, sizeof data);
	assert_true(size > SCTP_HEADER_SIZE);
	assert_int_equal(data[SCTP_HEADER_SIZE], SCTP_SACK);
	sctp_receive(p.end[0].assoc, p.now, bytes_of(data, size));
	assert_int_equal(sctp_stats(p.end[0].assoc)->in_flight, 0);
	assert_int_equal(sctp_write(p.end[1].assoc, p.now, data, sizeof data), 0);
	pair_deinit(&p);
}

/* What is due later goes with what is sent now (RFC 9260 section 6.1). */
static void an_answer_takes_the_sack_with_it(void **state)
{
	(void)state;
	struct pair p;
	uint8_t data[1200];
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	/* The first is acknowledged at once. */
	assert_ok(pair_send(&p, 0, 0, false, 100));
	pair_run(&p, USEC_PER_SEC);
	for (int turn = 0; turn < 6; turn++) {
		int from = turn % 2;
		assert_ok(pair_send(&p, from, 0, false, 100));
		size_t size = sctp_write(p.end[from].assoc, p.now, data, sizeof data);
		assert_int_equal(data[SCTP_HEADER_SIZE], turn > 0 ? SCTP_SACK : SCTP_I_DATA);
		uint8_t more[1200];
		assert_int_equal(sctp_write(p.end[from].assoc, p.now, more, sizeof more), 0);
		sctp_receive(p.end[!from].assoc, p.now, bytes_of(data, size));
		assert_int_equal(sctp_stats(p.end[!from].assoc)->in_flight, 0);
	}
	pair_deinit(&p);
}

/* A SACK that could not take DATA along waits as before. */
static void data_that_has_to_wait_brings_no_sack(void **state)
{
	(void)state;
	struct pair p;
	uint8_t data[1200];
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	for (int from = 1; from >= 0; from--) {
		assert_ok(pair_send(&p, from, 0, false, 100));
		pair_run(&p, USEC_PER_SEC);
	}
	assert_ok(pair_send(&p, 0, 0, false, 200000));
	while (sctp_write(p.end[0].assoc, p.now, data, sizeof data) > 0) {}
	assert_ok(pair_send(&p, 1, 0, false, 100));
	size_t size = sctp_write(p.end[1].assoc, p.now, data, sizeof data);
	sctp_receive(p.end[0].assoc, p.now, bytes_of(data, size));
	assert_int_equal(sctp_write(p.end[0].assoc, p.now, data, sizeof data), 0);
	pair_deinit(&p);
}

static bool note_immediate(struct pair *p, int from, uint8_t *data, size_t size)
{
	if (from == 0 && data[SCTP_HEADER_SIZE] == SCTP_I_DATA && size > 0)
		p->counter = data[SCTP_HEADER_SIZE + 1] & SCTP_DATA_IMMEDIATE;
	return true;
}

static void the_last_before_closing_asks_for_a_sack_at_once(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	p.on_packet = note_immediate;
	assert_ok(pair_send(&p, 0, 0, false, 100));
	pair_drain(&p);
	assert_int_equal(p.counter, 0);
	pair_run(&p, USEC_PER_SEC);
	assert_ok(pair_send(&p, 0, 0, false, 100));
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_drain(&p);
	assert_int_equal(p.counter, SCTP_DATA_IMMEDIATE);
	pair_deinit(&p);
}

static void small_messages_share_packets(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	p.end[0].packets = 0;
	for (int i = 0; i < 100; i++)
		assert_ok(pair_send(&p, 0, (uint16_t)(i % 5), i % 2, 50));
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 100);
	assert_true(p.end[0].packets <= 8);
	pair_deinit(&p);
}

static void a_fast_path_is_filled_to_the_window(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){0},
		(struct sctp_config){.receive_window = 1024 * 1024});
	pair_connect(&p);
	for (int i = 0; i < 400; i++)
		assert_ok(pair_send(&p, 0, 0, false, 16000));
	usec start = p.now;
	while (p.end[1].received < 400)
		assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
	/* 6.4 MB in windows of 1 MiB a round trip of 20 ms, plus slow start. */
	assert_true(p.now - start < 20 * 14 * USEC_PER_MS);
	assert_int_equal(sctp_stats(p.end[0].assoc)->retransmitted_chunks, 0);
	pair_deinit(&p);
}

static unsigned skips;

/* RFC 9260 section 6.10: "an endpoint MUST place control chunks first in the outbound SCTP packet".
 */
static bool control_comes_first(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)p;
	(void)from;
	struct reader r = reader_of(bytes_of(data + SCTP_HEADER_SIZE, size - SCTP_HEADER_SIZE));
	struct sctp_chunk chunk;
	bool had_data = false;
	while (sctp_chunk_next(&r, &chunk)) {
		bool is_data = chunk.type == SCTP_DATA || chunk.type == SCTP_I_DATA;
		assert_true(is_data || !had_data);
		had_data = had_data || is_data;
		skips += chunk.type == SCTP_FORWARD_TSN || chunk.type == SCTP_I_FORWARD_TSN;
	}
	return true;
}

static void giving_up_while_packets_are_filled_leaves_control_chunks_first(void **state)
{
	(void)state;
	static const uint8_t data[5000] = {1};
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct pair p;
		const struct sctp_config config = {.no_interleaving = seed % 2};
		pair_init_with(&p, seed, config, config);
		pair_connect(&p);
		p.end[1].paused = true;
		p.on_packet = control_comes_first;
		p.loss = 10;
		p.jitter = 15 * USEC_PER_MS;
		skips = 0;
		for (unsigned i = 0; i < 100; i++) {
			const struct sctp_message message = {.stream = (uint16_t)(i % 5),
				.unordered = i % 2,
				.reliability =
					i % 3 ? SCTP_LIMITED_RETRANSMITS : SCTP_LIMITED_LIFETIME,
				.limit = i % 3 ? 0 : 100 * USEC_PER_MS,
				.data = bytes_of(data, 1 + i * 47)};
			assert_ok(sctp_send(p.end[0].assoc, p.now, &message));
		}
		pair_run(&p, 60 * USEC_PER_SEC);
		assert_true(skips > 5);
		pair_deinit(&p);
	}
}

/* The packets that wait at end 0 are written; those from `kept` on are lost. */
static size_t write_some(struct pair *p, size_t kept)
{
	uint8_t data[1200];
	size_t size, packets = 0;
	while ((size = sctp_write(p->end[0].assoc, p->now, data, sizeof data)) > 0)
		if (packets++ < kept)
			pair_carry(p, 0, data, size);
	return packets;
}

static void a_probe_repairs_a_lost_tail_before_the_timer(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	/* Round trips without the delay of a lone SACK. */
	for (int i = 0; i < 40; i++) {
		assert_ok(pair_send(&p, 0, 0, false, 2200));
		pair_run(&p, 100 * USEC_PER_MS);
	}
	for (int i = 0; i < 8; i++)
		assert_ok(pair_send(&p, 0, 0, false, 1132));
	size_t packets = write_some(&p, 4);
	assert_in_range(packets, 8, 9);
	usec start = p.now;
	while (p.end[1].received < 48)
		assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
	const struct sctp_stats *stats = sctp_stats(p.end[0].assoc);
	assert_int_equal(stats->timeouts, 0);
	assert_int_equal(stats->probes, 1);
	assert_true(p.now - start < SCTP_RTO_MIN);
	pair_deinit(&p);
}

static void a_delay_longer_than_the_timer_costs_no_window(void **state)
{
	(void)state;
	static const enum sctp_congestion_algorithm algorithms[] = {
		SCTP_BBR, SCTP_CUBIC, SCTP_NEWRENO};
	for (size_t i = 0; i < 3; i++) {
		struct pair p;
		pair_init_with(&p, 1, (struct sctp_config){.congestion = algorithms[i]},
			(struct sctp_config){0});
		pair_connect(&p);
		struct sctp_assoc *a = p.end[0].assoc;
		for (int k = 0; k < 100; k++)
			assert_ok(pair_send(&p, 0, 0, false, 16000));
		pair_run(&p, 100 * USEC_PER_MS);
		pair_drain(&p);
		size_t window = a->congestion.cwnd;
		assert_true(a->outstanding.in_flight > 20 * a->congestion.mtu);
		/* What is on its way arrives half a second late. */
		for (size_t k = 0; k < p.packet_count; k++)
			p.packets[k].at += 500 * USEC_PER_MS;
		usec until = p.now + 499 * USEC_PER_MS;
		for (; sctp_deadline(a) <= until; sctp_advance(a, p.now))
			p.now = usec_max(p.now, sctp_deadline(a));
		p.now = until;
		assert_true(sctp_stats(a)->timeouts > 0);
		assert_true(a->congestion.cwnd < window);
		pair_run(&p, 30 * USEC_PER_MS);
		assert_true(sctp_stats(a)->spurious_losses > 0);
		assert_true(a->congestion.cwnd >= window / 2);
		if (algorithms[i] != SCTP_NEWRENO) /* which is not paced */
			assert_true(sctp_stats(a)->retransmitted_chunks < 10);
		pair_run(&p, 5 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 100);
		pair_assert_empty(a);
		pair_deinit(&p);
	}
}

/* The only round trip that was measured is far longer than the path's: a process slept through it,
 * or a queue was full. What answers a chunk that was sent again comes sooner, as if it answered the
 * first copy; once a probe has shown that nothing else does, it is believed. */
static void an_answer_that_comes_sooner_than_any_is_believed_when_no_other_comes(void **state)
{
	(void)state;
	static const usec measured[] = {60 * USEC_PER_MS, 7 * USEC_PER_SEC};
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_init(&p, 1);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		struct sctp_assoc *a = p.end[0].assoc;
		const struct sctp_stats *stats = sctp_stats(a);
		sctp_rto_init(&a->rto);
		sctp_rto_measure(&a->rto, p.now, measured[i]);
		p.end[1].deaf = true;
		for (int k = 0; k < 8; k++)
			assert_ok(pair_send(&p, 0, 0, false, 1132));
		while (stats->timeouts == 0)
			assert_true(pair_step(&p, p.now + SCTP_RTO_MAX));
		assert_int_equal(a->queue.buffered, 0);
		uint64_t probes = stats->probes;
		p.end[1].deaf = false;
		pair_run(&p, USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 8);
		assert_int_equal(stats->timeouts, 1);
		assert_in_range(stats->probes - probes, 1, 2);
		assert_true(a->rto.min <= 2 * p.delay);
		assert_true(sctp_rto_current(&a->rto) < USEC_PER_SEC);
		pair_deinit(&p);
	}
}

/* The same, where no timer expires: what was measured makes the pace so slow that each packet is
 * answered before the next is sent. */
static void answers_that_all_come_sooner_than_any_are_believed_after_a_while(void **state)
{
	(void)state;
	const usec measured = 8 * USEC_PER_SEC, soon = 100 * USEC_PER_MS;
	for (int long_enough = 0; long_enough < 2; long_enough++) {
		struct pair p;
		pair_init(&p, 1);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		struct sctp_assoc *a = p.end[0].assoc;
		sctp_rto_init(&a->rto);
		sctp_rto_measure(&a->rto, p.now, measured);
		a->outstanding.soon = soon;
		a->outstanding.soon_since = p.now - 2 * measured + 1 - long_enough;
		sctp_transmit_learn_from_answers(a, p.now);
		assert_true(a->rto.min == (long_enough ? soon : measured));
		assert_true(a->outstanding.soon == (long_enough ? 0 : soon));
		pair_deinit(&p);
	}
}

/* One long round trip among short ones: what was lost meanwhile is sent again by the short ones. */
static void a_round_trip_of_a_standstill_does_not_slow_down_what_is_sent_again(void **state)
{
	(void)state;
	static const enum sctp_congestion_algorithm algorithms[] = {SCTP_BBR, SCTP_CUBIC};
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_init_with(&p, 1, (struct sctp_config){.congestion = algorithms[i]},
			(struct sctp_config){0});
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		struct sctp_assoc *a = p.end[0].assoc;
		p.end[1].deaf = true;
		for (int k = 0; k < 400; k++)
			assert_ok(pair_send(&p, 0, 0, false, 1132));
		a->congestion.cwnd = 400 * 1200;
		pair_run(&p, USEC_PER_MS);
		assert_int_equal(a->queue.buffered, 0);
		sctp_rto_measure(&a->rto, p.now, 2 * p.delay);
		a->rto.srtt = 7 * USEC_PER_SEC;
		while (sctp_stats(a)->timeouts == 0)
			assert_true(pair_step(&p, p.now + SCTP_RTO_MAX));
		p.end[1].deaf = false;
		pair_run(&p, 5 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 400);
		pair_deinit(&p);
	}
}

static bool lose_the_first_tsn(struct pair *p, int from, uint8_t *data, size_t size)
{
	if (from != 0 || size < 100 || p->counter == 0)
		return true;
	struct reader r = reader_of(bytes_of(data, size));
	read_skip(&r, SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE);
	if (read_u32(&r) != p->end[0].assoc->local_tsn)
		return true;
	p->counter--;
	return false;
}

static void a_retransmission_that_is_lost_as_well_needs_no_timer(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.on_packet = lose_the_first_tsn;
	p.counter = 4;
	for (int i = 0; i < 100; i++)
		assert_ok(pair_send(&p, 0, 0, false, 16000));
	pair_run(&p, 10 * USEC_PER_SEC);
	assert_int_equal(p.counter, 0);
	assert_int_equal(p.end[1].received, 100);
	assert_int_equal(sctp_stats(p.end[0].assoc)->timeouts, 0);
	assert_in_range(sctp_stats(p.end[0].assoc)->retransmitted_chunks, 4, 8);
	pair_deinit(&p);
}

static void reordering_is_learned_and_not_taken_for_loss_for_ever(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	p.delay = 20 * USEC_PER_MS;
	p.jitter = 5 * USEC_PER_MS;
	for (int i = 0; i < 60; i++)
		assert_ok(pair_send(&p, 0, 0, false, 16000));
	pair_run(&p, 2 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 60);
	assert_true(p.end[0].assoc->rack.reordering);
	assert_int_equal(sctp_stats(p.end[0].assoc)->timeouts, 0);
	/* 850 packets, nearly all of them overtaken. */
	assert_true(sctp_stats(p.end[0].assoc)->retransmitted_chunks < 100);
	pair_deinit(&p);
}

static void bulk_leaves_spread_over_the_round_trip(void **state)
{
	(void)state;
	static const enum sctp_congestion_algorithm algorithms[] = {SCTP_BBR, SCTP_CUBIC};
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_init_with(&p, 1, (struct sctp_config){.congestion = algorithms[i]},
			(struct sctp_config){0});
		pair_connect(&p);
		for (int k = 0; k < 400; k++)
			assert_ok(pair_send(&p, 0, 0, false, 16000));
		size_t most = 0, flight = 0;
		usec last = 0;
		while (p.end[1].received < 300) {
			size_t before = p.end[0].packets;
			assert_true(pair_step(&p, p.now + USEC_PER_SEC));
			flight = p.now == last ? flight : 0;
			flight += p.end[0].packets - before;
			last = p.now;
			most = max_size(most, flight);
		}
		/* Of windows of hundreds of packets. */
		assert_true(p.end[0].assoc->congestion.cwnd > 200 * 1160);
		assert_true(2 * most < p.end[0].assoc->congestion.cwnd / 1160);
		pair_deinit(&p);
	}
}

static void another_path_is_probed_at_once(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	assert_ok(pair_send(&p, 0, 0, false, 100));
	assert_int_equal(write_some(&p, 0), 1);
	while (sctp_stats(a)->timeouts < 3) {
		p.now = sctp_deadline(a);
		sctp_advance(a, p.now);
		write_some(&p, 0);
	}
	assert_true(a->rto.backoff > 0);
	sctp_path_changed(a, p.now);
	assert_int_equal(a->rto.srtt, 0);
	assert_int_equal(a->rto.backoff, 0);
	usec start = p.now;
	while (p.end[1].received < 1)
		assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
	assert_true(p.now - start <= 2 * p.delay);
	pair_deinit(&p);
}

static unsigned data_packets;

static bool count_data(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)p;
	struct reader r = reader_of(bytes_of(data, size));
	struct sctp_chunk chunk;
	read_skip(&r, SCTP_HEADER_SIZE);
	bool has_data = false;
	while (sctp_chunk_next(&r, &chunk))
		has_data |= chunk.type == SCTP_I_DATA;
	data_packets += from == 0 && has_data;
	return true;
}

static void after_a_time_out_one_packet_is_in_flight_until_something_is_acknowledged(void **state)
{
	(void)state;
	static const enum sctp_congestion_algorithm algorithms[] = {
		SCTP_CUBIC, SCTP_BBR, SCTP_NEWRENO};
	for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
		struct pair p;
		pair_init_with(&p, 1, (struct sctp_config){.congestion = algorithms[i]},
			(struct sctp_config){0});
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		struct sctp_assoc *a = p.end[0].assoc;
		p.on_packet = count_data;
		p.end[1].deaf = true;
		/* Of these, three fill a packet as far as they can, and leave room in the window.
		 */
		for (int j = 0; j < 40; j++)
			assert_ok(pair_send(&p, 0, 0, false, 300));
		pair_drain(&p);
		assert_true(data_packets > 2);
		for (uint64_t timeouts = 1; timeouts < 5; timeouts++) {
			while (sctp_stats(a)->timeouts < timeouts)
				assert_true(pair_step(&p, p.now + 60 * USEC_PER_SEC));
			data_packets = 0;
			usec expired = p.now;
			while (sctp_stats(a)->timeouts == timeouts && p.now < expired + 200000)
				pair_step(&p, expired + 200000);
			assert_int_equal(data_packets, 1);
		}
		p.end[1].deaf = false;
		pair_run(&p, 30 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 40);
		pair_deinit(&p);
	}
}

TESTS(TEST(after_a_time_out_one_packet_is_in_flight_until_something_is_acknowledged),
	TEST(a_probe_repairs_a_lost_tail_before_the_timer),
	TEST(a_delay_longer_than_the_timer_costs_no_window),
	TEST(an_answer_that_comes_sooner_than_any_is_believed_when_no_other_comes),
	TEST(answers_that_all_come_sooner_than_any_are_believed_after_a_while),
	TEST(a_round_trip_of_a_standstill_does_not_slow_down_what_is_sent_again),
	TEST(a_retransmission_that_is_lost_as_well_needs_no_timer),
	TEST(reordering_is_learned_and_not_taken_for_loss_for_ever),
	TEST(bulk_leaves_spread_over_the_round_trip), TEST(another_path_is_probed_at_once),
	TEST(a_lost_packet_is_repaired_without_waiting_for_the_timer),
	TEST(the_timer_repairs_a_lost_tail), TEST(the_first_flight_is_the_initial_window),
	TEST(packets_that_arrive_together_are_acknowledged_once),
	TEST(an_answer_takes_the_sack_with_it), TEST(data_that_has_to_wait_brings_no_sack),
	TEST(the_last_before_closing_asks_for_a_sack_at_once), TEST(small_messages_share_packets),
	TEST(a_fast_path_is_filled_to_the_window),
	TEST(giving_up_while_packets_are_filled_leaves_control_chunks_first))
