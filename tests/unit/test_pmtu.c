#include "sctp/pmtu.h"

#include <stdlib.h>

#include "peer/internal.h"
#include "sctp/internal.h"
#include "support/peer_pair.h"
#include "test.h"

/* ---- The search alone ---- */

#define BASE 1160

/* Searches until it is complete, on a path that carries `path`; returns how many probes it took. */
static unsigned search(struct sctp_pmtu *p, size_t path)
{
	unsigned probes = 0;
	for (; p->target != 0; probes++) {
		assert_true(p->target > p->size);
		assert_true(p->target <= p->max);
		if (p->target <= path)
			sctp_pmtu_succeed(p);
		else
			sctp_pmtu_fail(p);
		assert_true(probes < 100);
	}
	return probes;
}

static void a_path_that_carries_all_takes_one_probe(void **state)
{
	(void)state;
	struct sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, 8932);
	assert_int_equal(search(&p, 8932), 1);
	assert_int_equal(p.size, 8932);
}

static void without_room_above_there_is_no_search(void **state)
{
	(void)state;
	struct sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, 0);
	assert_int_equal(p.target, 0);
	sctp_pmtu_init(&p, BASE, BASE);
	assert_int_equal(p.target, 0);
}

static void the_usual_sizes_are_found_below(void **state)
{
	(void)state;
	static const struct {
		size_t path, found;
	} cases[] = {
		/* Three for the largest, one for each size that passes, three for the next. */
		{BASE, BASE},
		{1192, 1192},
		{1350, 1332},
		{1400, 1352},
		{1432, 1432},
		{4000, 1432},
		{8931, 8912},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct sctp_pmtu p;
		sctp_pmtu_init(&p, BASE, 8932);
		unsigned probes = search(&p, cases[i].path);
		assert_int_equal(p.size, cases[i].found);
		assert_in_range(probes, 6, 15);
	}
}

static void one_lost_probe_proves_nothing(void **state)
{
	(void)state;
	struct sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, 1432);
	for (int i = 1; i < SCTP_PMTU_MAX_PROBES; i++)
		sctp_pmtu_fail(&p);
	assert_int_equal(p.target, 1432);
	sctp_pmtu_succeed(&p);
	assert_int_equal(p.size, 1432);
	assert_int_equal(p.target, 0);
}

static void doubt_falls_back_to_the_base_and_asks_for_the_size_in_use_first(void **state)
{
	(void)state;
	struct sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, 8932);
	(void)search(&p, 8932);
	sctp_pmtu_doubt(&p);
	assert_int_equal(p.size, BASE);
	assert_int_equal(p.target, 8932);
	assert_int_equal(search(&p, 8932), 1);
	assert_int_equal(p.size, 8932);
	sctp_pmtu_doubt(&p);
	(void)search(&p, 1432);
	assert_int_equal(p.size, 1432);
	/* At the base there is nothing to doubt. */
	sctp_pmtu_init(&p, BASE, 8932);
	sctp_pmtu_fail(&p);
	sctp_pmtu_doubt(&p);
	assert_int_equal(p.attempts, 1);
}

static void a_path_that_widens_is_noticed_at_the_next_search(void **state)
{
	(void)state;
	struct sctp_pmtu p;
	sctp_pmtu_init(&p, BASE, 8932);
	(void)search(&p, 1432);
	sctp_pmtu_raise(&p);
	assert_int_equal(p.size, 1432);
	assert_int_equal(search(&p, 8932), 1);
	assert_int_equal(p.size, 8932);
}

/* ---- Between two peers ---- */

#define WIDE 9000
#define MESSAGE 60000

static const struct dpc_peer_config searching[2] = {{.mtu_max = WIDE}, {.mtu_max = WIDE}};

static size_t mtu_of(const struct pair_end *end)
{
	struct dpc_stats stats;
	dpc_peer_stats(end->peer, &stats);
	return stats.mtu;
}

static void connect_searching(struct peer_pair *pair, size_t datagram_max)
{
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	pair_init(pair, searching);
	pair->latency = 5 * USEC_PER_MS;
	pair->datagram_max = datagram_max;
	assert_int_equal(pair_describe(pair), DPC_OK);
	assert_int_equal(
		dpc_peer_open_channel(pair->ends[0].peer, pair->now, &config, &channel), DPC_OK);
	pair_run(pair, USEC_PER_SEC);
	assert_int_equal(pair->ends[0].opened, 1);
}

/* Sends bulk for a while; returns how many messages. */
static size_t send_bulk(struct peer_pair *pair, usec duration)
{
	static const uint8_t message[MESSAGE];
	struct pair_end *end = &pair->ends[0];
	size_t sent = 0;
	for (usec until = pair->now + duration; pair->now < until;) {
		while (dpc_peer_buffered(end->peer, end->channel) < 4 * MESSAGE) {
			assert_int_equal(dpc_peer_send(end->peer, pair->now, end->channel, true,
						 message, sizeof message),
				DPC_OK);
			sent++;
		}
		pair_run(pair, 20 * USEC_PER_MS);
	}
	return sent;
}

static void bulk_finds_what_the_path_carries(void **state)
{
	(void)state;
	static const struct {
		size_t path, low, high;
	} cases[] = {
		{0, WIDE - 4, WIDE}, {1472, 1469, 1472}, {1280, 1229, 1232}, {1200, 1197, 1200}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct peer_pair pair;
		connect_searching(&pair, cases[i].path);
		assert_in_range(mtu_of(&pair.ends[0]), 1197, 1200);
		size_t sent = send_bulk(&pair, 10 * USEC_PER_SEC);
		assert_in_range(mtu_of(&pair.ends[0]), cases[i].low, cases[i].high);
		pair_run(&pair, 5 * USEC_PER_SEC);
		assert_int_equal(pair.ends[1].messages, sent);
		pair_deinit(&pair);
	}
}

static void lost_probes_are_no_congestion(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 1300);
	(void)send_bulk(&pair, 10 * USEC_PER_SEC);
	const struct sctp_stats *stats = sctp_stats(pair.ends[0].peer->sctp);
	assert_int_equal(stats->retransmitted_chunks, 0);
	assert_int_equal(stats->timeouts, 0);
	assert_int_equal(stats->fast_retransmits, 0);
	pair_deinit(&pair);
}

static size_t largest_seen;

static bool note_size(struct peer_pair *pair, int from, const uint8_t *data, size_t size)
{
	(void)pair;
	(void)from;
	(void)data;
	largest_seen = max_size(largest_seen, size);
	return true;
}

static void an_idle_connection_does_not_probe(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 0);
	struct pair_end *end = &pair.ends[0];
	largest_seen = 0;
	pair.on_datagram = note_size;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(
			dpc_peer_send(end->peer, pair.now, end->channel, false, "chat", 4), DPC_OK);
		pair_run(&pair, 10 * USEC_PER_SEC);
	}
	assert_true(largest_seen < 300);
	pair_deinit(&pair);
}

static void a_path_that_narrows_in_the_middle_loses_nothing(void **state)
{
	(void)state;
	static const size_t narrow[] = {1472, 1200};
	for (size_t i = 0; i < 2; i++) {
		struct peer_pair pair;
		connect_searching(&pair, 0);
		size_t sent = send_bulk(&pair, 2 * USEC_PER_SEC);
		assert_true(mtu_of(&pair.ends[0]) > 8000);
		pair.datagram_max = narrow[i];
		size_t before = pair.ends[1].messages;
		sent += send_bulk(&pair, 2 * USEC_PER_SEC);
		/* It goes on within a retransmission timeout, before the search is over. */
		assert_true(pair.ends[1].messages > before + 20);
		sent += send_bulk(&pair, 15 * USEC_PER_SEC);
		assert_in_range(mtu_of(&pair.ends[0]), narrow[i] - 3, narrow[i]);
		pair_run(&pair, 10 * USEC_PER_SEC);
		assert_int_equal(pair.ends[1].messages, sent);
		assert_false(pair.ends[0].closed);
		pair_deinit(&pair);
	}
}

static void an_ordinary_loss_costs_the_size_for_a_round_trip_only(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 0);
	size_t sent = send_bulk(&pair, 2 * USEC_PER_SEC);
	pair.cut = true;
	sent += send_bulk(&pair, 300 * USEC_PER_MS);
	assert_in_range(mtu_of(&pair.ends[0]), 1197, 1200);
	pair.cut = false;
	sent += send_bulk(&pair, 3 * USEC_PER_SEC);
	assert_true(sctp_stats(pair.ends[0].peer->sctp)->timeouts > 0);
	assert_true(mtu_of(&pair.ends[0]) > 8000);
	pair_run(&pair, 5 * USEC_PER_SEC);
	assert_int_equal(pair.ends[1].messages, sent);
	pair_deinit(&pair);
}

static void a_wider_path_is_found_after_ten_minutes(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 1472);
	(void)send_bulk(&pair, 10 * USEC_PER_SEC);
	assert_in_range(mtu_of(&pair.ends[0]), 1469, 1472);
	pair.datagram_max = 0;
	(void)send_bulk(&pair, 5 * USEC_PER_SEC);
	assert_in_range(mtu_of(&pair.ends[0]), 1469, 1472);
	pair_run(&pair, SCTP_PMTU_RAISE_INTERVAL);
	(void)send_bulk(&pair, 2 * USEC_PER_SEC);
	assert_true(mtu_of(&pair.ends[0]) > 8000);
	pair_deinit(&pair);
}

static void another_path_begins_at_the_base(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 0);
	(void)send_bulk(&pair, 2 * USEC_PER_SEC);
	assert_true(mtu_of(&pair.ends[0]) > 8000);
	sctp_path_changed(pair.ends[0].peer->sctp, pair.now);
	assert_in_range(mtu_of(&pair.ends[0]), 1197, 1200);
	pair_deinit(&pair);
}

static void a_probe_goes_alone_and_flights_are_equal(void **state)
{
	(void)state;
	struct peer_pair pair;
	connect_searching(&pair, 0);
	static const uint8_t message[MESSAGE];
	static uint8_t flight[DPC_WRITE_BEST];
	struct pair_end *end = &pair.ends[0];
	assert_int_equal(
		dpc_peer_send(end->peer, pair.now, end->channel, true, message, sizeof message),
		DPC_OK);
	struct dpc_path path;
	size_t segment, size, probes = 0, flights = 0;
	while ((size = dpc_peer_write(
			end->peer, pair.now, flight, sizeof flight, &path, &segment)) > 0) {
		probes += segment > 1200;
		assert_true(segment <= 1200 || size == segment);
		flights += size > segment;
	}
	assert_int_equal(probes, 1);
	assert_true(flights > 0);
	pair_deinit(&pair);
}

TESTS(TEST(a_path_that_carries_all_takes_one_probe), TEST(without_room_above_there_is_no_search),
	TEST(the_usual_sizes_are_found_below), TEST(one_lost_probe_proves_nothing),
	TEST(doubt_falls_back_to_the_base_and_asks_for_the_size_in_use_first),
	TEST(a_path_that_widens_is_noticed_at_the_next_search),
	TEST(bulk_finds_what_the_path_carries), TEST(lost_probes_are_no_congestion),
	TEST(an_idle_connection_does_not_probe),
	TEST(a_path_that_narrows_in_the_middle_loses_nothing),
	TEST(an_ordinary_loss_costs_the_size_for_a_round_trip_only),
	TEST(a_wider_path_is_found_after_ten_minutes), TEST(another_path_begins_at_the_base),
	TEST(a_probe_goes_alone_and_flights_are_equal))
