#include "sctp_pair.h"

/* Every way of the wire: DATA with FORWARD-TSN, I-DATA with I-FORWARD-TSN. */
static const struct sctp_config ways[] = {{.no_interleaving = true}, {0}};

#define WAYS (sizeof ways / sizeof ways[0])

struct limit {
	enum sctp_reliability reliability;
	int64_t limit;
};

static enum err send_limited(
	struct pair *p, uint16_t stream, bool unordered, size_t size, struct limit limit)
{
	struct pair_end *end = &p->end[0];
	uint32_t number = end->sent;
	uint8_t *data = malloc(size);
	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = pair_byte(number, i);
	struct sctp_message message = {.stream = stream,
		.ppid = number,
		.unordered = unordered,
		.reliability = limit.reliability,
		.limit = limit.limit,
		.data = bytes_of(data, size)};
	enum err err = sctp_send(end->assoc, p->now, &message);
	free(data);
	end->sent += err == ERR_OK;
	return err;
}

static const struct limit never_again = {SCTP_LIMITED_RETRANSMITS, 0};

static uint64_t abandoned(const struct pair *p)
{
	return sctp_stats(p->end[0].assoc)->messages_abandoned;
}

static void assert_at_rest(const struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p->end[i].closed, 0);
		pair_assert_empty(p->end[i].assoc);
		assert_int_equal(p->end[i].assoc->reassembly.messages.count, 0);
	}
}

static void what_is_given_up_is_missed_and_the_rest_arrives_in_order(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 24; seed++) {
		struct pair p;
		pair_init_with(&p, seed, ways[seed % 2], ways[seed % 2]);
		pair_connect(&p);
		p.loss = 25;
		p.duplication = seed % 3 == 0 ? 10 : 0;
		p.jitter = seed % 4 < 2 ? 0 : 20 * USEC_PER_MS;
		struct limit limit =
			seed % 5 == 0
				? (struct limit){SCTP_LIMITED_LIFETIME, 100 * USEC_PER_MS}
				: (struct limit){SCTP_LIMITED_RETRANSMITS, (int64_t)seed % 5 - 1};
		unsigned reliable = 0;
		for (int i = 0; i < 300; i++) {
			bool unordered = rng_below(&p.rng, 3) == 0;
			size_t size = 1 + rng_below(&p.rng, 3) * rng_below(&p.rng, 5000);
			uint16_t stream = (uint16_t)rng_below(&p.rng, 10);
			bool is_reliable = stream < 3;
			reliable += is_reliable;
			assert_ok(send_limited(&p, stream, unordered, size,
				is_reliable ? (struct limit){0} : limit));
			if (i % 20 == 0)
				pair_run(&p, 50 * USEC_PER_MS);
		}
		pair_run(&p, 600 * USEC_PER_SEC);
		assert_at_rest(&p);
		/* One that was given up may have arrived all the same, unknown to the sender. */
		assert_in_range(p.end[1].received, reliable, 300);
		assert_true(p.end[1].received + abandoned(&p) >= 300);
		assert_true(abandoned(&p) > 0 || seed % 5 > 2);
		assert_true(abandoned(&p) <= 300 - reliable);
		/* And everything works as before. */
		p.loss = 0;
		p.jitter = 0;
		uint32_t before = p.end[1].received;
		for (uint16_t stream = 0; stream < 10; stream++)
			assert_ok(send_limited(&p, stream, false, 3000, never_again));
		pair_run(&p, 10 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, before + 10);
		pair_deinit(&p);
	}
}

static void with_a_peer_that_cannot_skip_every_message_is_reliable(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		struct sctp_config peer = ways[way];
		peer.no_partial_reliability = true;
		pair_init_with(&p, 5, ways[way], peer);
		pair_connect(&p);
		p.loss = 25;
		for (int i = 0; i < 100; i++)
			assert_ok(send_limited(&p, 1, false, 2000, never_again));
		pair_run(&p, 600 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 100);
		assert_int_equal(abandoned(&p), 0);
		pair_deinit(&p);
	}
}

/* What was sent of it is acknowledged, so no TSN is left that the peer could be told to skip. */
static void a_message_whose_beginning_has_arrived_can_be_given_up(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		pair_init_with(&p, 1, ways[way], ways[way]);
		p.delay = 100 * USEC_PER_MS;
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		const struct limit short_lived = {SCTP_LIMITED_LIFETIME, 100 * USEC_PER_MS};
		assert_ok(send_limited(&p, 1, false, 200000, short_lived));
		assert_ok(send_limited(&p, 1, false, 10, (struct limit){0}));
		pair_run(&p, 150 * USEC_PER_MS);
		assert_true(p.end[1].assoc->reassembly.bytes > 0);
		pair_run(&p, 5 * USEC_PER_SEC);
		assert_int_equal(abandoned(&p), 1);
		assert_int_equal(p.end[1].received, 1);
		assert_int_equal(p.end[1].seen[1], 1);
		assert_at_rest(&p);
		pair_deinit(&p);
	}
}

static void what_was_never_sent_leaves_no_trace(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	const struct limit short_lived = {SCTP_LIMITED_LIFETIME, 10};
	uint64_t next = p.end[0].assoc->outstanding.next;
	assert_ok(send_limited(&p, 1, false, 1000, short_lived));
	assert_int_equal(sctp_stream_buffered(p.end[0].assoc, 1), 1000);
	p.now += 11;
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(abandoned(&p), 1);
	assert_int_equal(sctp_stream_buffered(p.end[0].assoc, 1), 0);
	assert_true(p.end[0].assoc->outstanding.next == next);
	assert_ok(send_limited(&p, 1, false, 1000, short_lived));
	p.now += 10;
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static bool has_forward_tsn(const uint8_t *data, size_t size)
{
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk))
		if (chunk.type == SCTP_FORWARD_TSN || chunk.type == SCTP_I_FORWARD_TSN)
			return true;
	return false;
}

/* Loses all data of end 0, and the first of the packets that tell of it. */
static bool lose_data_and_five_forward_tsns(struct pair *p, int from, uint8_t *data, size_t size)
{
	if (from == 1)
		return true;
	return has_forward_tsn(data, size) && ++p->counter > 5;
}

static void a_forward_tsn_that_is_lost_comes_again(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		pair_init_with(&p, 1, ways[way], ways[way]);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		p.on_packet = lose_data_and_five_forward_tsns;
		assert_ok(send_limited(&p, 1, false, 3000, never_again));
		pair_run(&p, 60 * USEC_PER_SEC);
		assert_true(p.counter > 5);
		assert_int_equal(abandoned(&p), 1);
		assert_at_rest(&p);
		p.on_packet = NULL;
		assert_ok(send_limited(&p, 1, false, 3000, (struct limit){0}));
		pair_run(&p, USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 1);
		pair_deinit(&p);
	}
}

#define FORWARD_TSN_PATTERNS 32

/* Loses all data of end 0, and of the packets that tell of it those that `counter` has a bit for.
 */
static bool lose_data_and_a_pattern_of_forward_tsns(
	struct pair *p, int from, uint8_t *data, size_t size)
{
	if (from == 1)
		return true;
	if (!has_forward_tsn(data, size))
		return false;
	bool lost = p->counter & 1;
	p->counter >>= 1;
	return !lost;
}

/* Message after message is given up and the news of it gets lost, too: the peer is still told soon
 * after it gets through, and the timer has not backed off for what was answered. */
static void forward_tsns_lost_in_every_pattern_do_not_silence_the_channel(void **state)
{
	(void)state;
	static const struct limit limits[] = {
		{SCTP_LIMITED_RETRANSMITS, 0}, {SCTP_LIMITED_LIFETIME, 100 * USEC_PER_MS}};
	for (int pattern = 0; pattern < FORWARD_TSN_PATTERNS * 4; pattern++) {
		struct pair p;
		const struct sctp_config *way = &ways[pattern % 2];
		struct limit limit = limits[pattern / 2 % 2];
		pair_init_with(&p, 1, *way, *way);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		p.counter = pattern / 4;
		p.on_packet = lose_data_and_a_pattern_of_forward_tsns;
		for (int i = 0; i < 3; i++) {
			assert_ok(send_limited(&p, 1, false, 3000, limit));
			pair_run(&p, USEC_PER_SEC);
		}
		/* 500 ms, doubled with each loss in a row, to 10 s: five are over after 26. */
		pair_run(&p, 25 * USEC_PER_SEC);
		assert_int_equal(abandoned(&p), 3);
		assert_at_rest(&p);
		assert_int_equal(p.end[0].assoc->rto.backoff, 0);
		assert_int_equal(p.end[0].assoc->error_count, 0);
		p.on_packet = NULL;
		assert_ok(send_limited(&p, 1, false, 3000, limit));
		pair_run(&p, 100 * USEC_PER_MS);
		assert_int_equal(p.end[1].received, 1);
		pair_deinit(&p);
	}
}

static bool lose_new_data(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)p;
	return from == 1 || has_forward_tsn(data, size);
}

/* More streams than a packet can name. */
static void more_streams_than_one_packet_holds_are_told_in_several(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		pair_init_with(&p, 1, ways[way], ways[way]);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		p.on_packet = lose_new_data;
		for (uint16_t stream = 0; stream < 1000; stream++)
			assert_ok(send_limited(&p, stream, false, 5, never_again));
		pair_run(&p, 60 * USEC_PER_SEC);
		assert_int_equal(abandoned(&p), 1000);
		assert_at_rest(&p);
		p.on_packet = NULL;
		for (uint16_t stream = 0; stream < 1000; stream++)
			assert_ok(send_limited(&p, stream, false, 5, never_again));
		pair_run(&p, 10 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 1000);
		pair_deinit(&p);
	}
}

static void closing_and_resetting_wait_for_what_was_given_up_to_be_told(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct pair p;
		pair_init_with(&p, seed, ways[seed % 2], ways[seed % 2]);
		pair_connect(&p);
		p.loss = 30;
		const struct limit limit = {SCTP_LIMITED_LIFETIME, 30 * USEC_PER_MS};
		for (int round = 0; round < 3; round++) {
			for (int i = 0; i < 30; i++)
				assert_ok(send_limited(&p, 3, i % 2, 4000, limit));
			assert_ok(sctp_reset_stream(p.end[0].assoc, p.now, 3));
			pair_run(&p, 120 * USEC_PER_SEC);
			assert_int_equal(p.end[0].resets_done, round + 1);
			assert_int_equal(p.end[1].stream_resets, round + 1);
		}
		for (int i = 0; i < 30; i++)
			assert_ok(send_limited(&p, 3, i % 2, 4000, limit));
		sctp_shutdown(p.end[0].assoc, p.now);
		pair_run(&p, 120 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++)
			assert_int_equal(p.end[i].reason, SCTP_CLOSE_SHUTDOWN);
		assert_true(abandoned(&p) > 0);
		pair_deinit(&p);
	}
}

static void islands_that_have_arrived_do_not_take_a_round_trip_each(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		pair_init_with(&p, 7, ways[way], ways[way]);
		p.delay = 100 * USEC_PER_MS;
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		p.loss = 50;
		usec start = p.now;
		for (int i = 0; i < 200; i++)
			assert_ok(send_limited(&p, 1, true, 40, never_again));
		pair_drain(&p);
		p.loss = 0;
		while (!sctp_transmit_is_done(p.end[0].assoc))
			assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
		assert_true(p.now - start < 2 * USEC_PER_SEC);
		pair_deinit(&p);
	}
}

/* Messages in two fragments, each on a stream of its own or all on one: with those of other streams
 * that have arrived between them, many that were given up are told of at once. */
static void fragments_that_have_arrived_do_not_take_a_round_trip_each(void **state)
{
	(void)state;
	for (int streams = 100; streams >= 1; streams -= 99) {
		struct pair p;
		pair_init_with(&p, 7, ways[0], ways[0]);
		p.delay = 100 * USEC_PER_MS;
		pair_connect(&p);
		assert_ok(pair_send(&p, 0, 200, false, 200000));
		pair_run(&p, 60 * USEC_PER_SEC);
		p.loss = 30;
		for (int i = 0; i < 100; i++)
			assert_ok(send_limited(
				&p, (uint16_t)(i % streams), false, 1500, never_again));
		while (p.end[0].assoc->queue.buffered > 0)
			assert_true(pair_step(&p, p.now + USEC_PER_SEC));
		p.loss = 0;
		usec start = p.now;
		while (!sctp_transmit_is_done(p.end[0].assoc))
			assert_true(pair_step(&p, p.now + 10 * USEC_PER_SEC));
		/* One stream takes a round trip for each message that arrived between. */
		assert_true(p.now - start < (streams > 1 ? 600 : 5000) * USEC_PER_MS);
		pair_run(&p, USEC_PER_SEC);
		assert_at_rest(&p);
		assert_int_equal(p.end[1].received + abandoned(&p), 101);
		pair_deinit(&p);
	}
}

static struct told {
	usec at;
	uint32_t tsn;
} told[100];
static size_t told_count;

/* Loses the first packet with data of end 0, and keeps what its FORWARD-TSNs say. */
static bool keep_forward_tsns(struct pair *p, int from, uint8_t *data, size_t size)
{
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	bool has_data = false;
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk)) {
		has_data |= chunk.type == SCTP_DATA || chunk.type == SCTP_I_DATA;
		if (chunk.type != SCTP_FORWARD_TSN && chunk.type != SCTP_I_FORWARD_TSN)
			continue;
		assert_true(told_count < sizeof told / sizeof told[0]);
		struct reader value = reader_of(chunk.value);
		told[told_count++] = (struct told){.at = p->now, .tsn = read_u32(&value)};
	}
	return from == 1 || !has_data || ++p->counter > 1;
}

static void what_was_told_is_not_told_again_within_a_round_trip(void **state)
{
	(void)state;
	static const usec delays[] = {40 * USEC_PER_MS, 400 * USEC_PER_MS};
	for (size_t i = 0; i < 2 * WAYS; i++) {
		struct pair p;
		pair_init_with(&p, 1, ways[i % WAYS], ways[i % WAYS]);
		p.delay = delays[i / WAYS];
		pair_connect(&p);
		pair_run(&p, 2 * USEC_PER_SEC);
		usec interval = usec_min(2 * p.delay, SCTP_FORWARD_TSN_INTERVAL);
		p.on_packet = keep_forward_tsns;
		told_count = 0;
		assert_ok(send_limited(&p, 1, false, 100, never_again));
		/* Each of these is acknowledged by a SACK of its own. */
		for (int k = 0; k < 200; k++) {
			pair_run(&p, 10 * USEC_PER_MS);
			assert_ok(send_limited(&p, 2, false, 100, (struct limit){0}));
		}
		pair_run(&p, 10 * USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 200);
		assert_int_equal(abandoned(&p), 1);
		assert_in_range(told_count, 1, 2 * p.delay / interval + 1);
		for (size_t k = 1; k < told_count; k++)
			assert_true(told[k].tsn != told[k - 1].tsn ||
				    told[k].at - told[k - 1].at >= interval);
		pair_deinit(&p);
	}
}

/* Of three messages, with an island of what has arrived between each two, the news goes out as each
 * is given up. */
static void what_is_new_is_told_at_once(void **state)
{
	(void)state;
	for (size_t way = 0; way < WAYS; way++) {
		struct pair p;
		pair_init_with(&p, 1, ways[way], ways[way]);
		p.delay = 80 * USEC_PER_MS;
		pair_connect(&p);
		pair_run(&p, 2 * USEC_PER_SEC);
		p.on_packet = keep_forward_tsns;
		told_count = 0;
		for (int k = 0; k < 3; k++) {
			p.counter = 0;
			assert_ok(send_limited(&p, 1, true, 100, never_again));
			for (int n = 0; n < 4; n++) {
				pair_drain_end(&p, 0);
				assert_ok(send_limited(&p, 2, false, 100, (struct limit){0}));
			}
			pair_run(&p, 20 * USEC_PER_MS);
		}
		pair_run(&p, 140 * USEC_PER_MS);
		assert_int_equal(abandoned(&p), 3);
		assert_int_equal(told_count, 3);
		for (size_t k = 1; k < 3; k++) {
			assert_true(told[k].tsn != told[k - 1].tsn);
			assert_true(told[k].at - told[k - 1].at < 2 * p.delay);
		}
		pair_deinit(&p);
	}
}

TESTS(TEST(what_is_given_up_is_missed_and_the_rest_arrives_in_order),
	TEST(with_a_peer_that_cannot_skip_every_message_is_reliable),
	TEST(a_message_whose_beginning_has_arrived_can_be_given_up),
	TEST(what_was_never_sent_leaves_no_trace), TEST(a_forward_tsn_that_is_lost_comes_again),
	TEST(forward_tsns_lost_in_every_pattern_do_not_silence_the_channel),
	TEST(more_streams_than_one_packet_holds_are_told_in_several),
	TEST(closing_and_resetting_wait_for_what_was_given_up_to_be_told),
	TEST(islands_that_have_arrived_do_not_take_a_round_trip_each),
	TEST(fragments_that_have_arrived_do_not_take_a_round_trip_each),
	TEST(what_was_told_is_not_told_again_within_a_round_trip),
	TEST(what_is_new_is_told_at_once))
