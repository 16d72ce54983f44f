#include <stdio.h>
#include <stdlib.h>

#include "base/usec.h"
#include "ice/internal.h"
#include "dpc/peer.h"
#include "peer/internal.h"
#include "support/peer_pair.h"
#include "test.h"

static void connects_and_carries_messages_both_ways(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	assert_string_equal(dpc_peer_channel_label(b->peer, b->channel), "test");
	assert_int_equal(dpc_peer_send(a->peer, pair.now, a->channel, false, "hello", 5), DPC_OK);
	assert_int_equal(dpc_peer_send(b->peer, pair.now, b->channel, true, "\0\1", 2), DPC_OK);
	pair_run(&pair, USEC_PER_SEC);
	assert_int_equal(b->messages, 1);
	assert_false(b->last_binary);
	assert_memory_equal(b->last, "hello", 5);
	assert_int_equal(a->messages, 1);
	assert_true(a->last_binary);
	assert_int_equal(a->last_size, 2);
	pair_deinit(&pair);
}

static void empty_messages_keep_their_kind(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	for (int binary = 0; binary < 2; binary++) {
		assert_int_equal(
			dpc_peer_send(a->peer, pair.now, a->channel, binary, NULL, 0), DPC_OK);
		pair_run(&pair, USEC_PER_SEC);
		assert_int_equal(b->messages, binary + 1);
		assert_int_equal(b->last_size, 0);
		assert_int_equal(b->last_binary, binary);
	}
	pair_deinit(&pair);
}

static void graceful_close_delivers_first(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	uint8_t *large = calloc(1, DPC_MESSAGE_MAX_DEFAULT);
	assert_non_null(large);
	for (int i = 0; i < 5; i++)
		assert_int_equal(dpc_peer_send(a->peer, pair.now, a->channel, true, large,
					 DPC_MESSAGE_MAX_DEFAULT),
			DPC_OK);
	dpc_peer_close(a->peer, pair.now);
	assert_int_equal(dpc_peer_send(a->peer, pair.now, a->channel, true, "x", 1), DPC_ERR_STATE);
	pair_run(&pair, 3 * USEC_PER_SEC);
	assert_int_equal(b->messages, 5);
	assert_true(a->closed);
	assert_true(b->closed);
	assert_string_equal(a->close_text, "closed");
	free(large);
	pair_deinit(&pair);
}

static void what_was_accepted_before_the_connection_is_delivered_before_closing(void **state)
{
	(void)state;
	for (int no_snap = 0; no_snap < 2; no_snap++) {
		const struct dpc_peer_config configs[2] = {{.no_snap = no_snap}, {0}};
		const struct dpc_channel_config config = {.label = "test"};
		struct peer_pair pair;
		uint16_t channel;
		pair_init(&pair, configs);
		assert_int_equal(pair_describe(&pair), DPC_OK);
		struct dpc_peer *a = pair.ends[0].peer;
		assert_int_equal(dpc_peer_open_channel(a, pair.now, &config, &channel), DPC_OK);
		assert_int_equal(dpc_peer_send(a, pair.now, channel, false, "hello", 5), DPC_OK);
		dpc_peer_close(a, pair.now);
		assert_int_equal(dpc_peer_state(a), DPC_CLOSING);
		assert_int_equal(
			dpc_peer_send(a, pair.now, channel, false, "late", 4), DPC_ERR_STATE);
		pair_run(&pair, 3 * USEC_PER_SEC);
		assert_int_equal(pair.ends[1].messages, 1);
		for (int i = 0; i < 2; i++) {
			assert_true(pair.ends[i].closed);
			assert_string_equal(pair.ends[i].close_text, "closed");
		}
		pair_deinit(&pair);
	}
}

static void closing_without_a_message_ends_a_set_up_at_once(void **state)
{
	(void)state;
	const struct dpc_channel_config config = {.label = "test"};
	struct peer_pair pair;
	uint16_t channel;
	pair_init(&pair, NULL);
	assert_int_equal(pair_describe(&pair), DPC_OK);
	struct dpc_peer *a = pair.ends[0].peer;
	assert_int_equal(dpc_peer_open_channel(a, pair.now, &config, &channel), DPC_OK);
	dpc_peer_close(a, pair.now);
	assert_int_equal(dpc_peer_state(a), DPC_CLOSED);
	pair_deinit(&pair);
}

static void close_of_the_other_side_ends_though_its_last_words_are_lost(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	pair_run(&pair, USEC_PER_SEC);
	dpc_peer_close(a->peer, pair.now);
	pair_drain(&pair, 0);
	assert_int_equal(dpc_peer_state(b->peer), DPC_CLOSING);
	pair.cut = true;
	pair_run(&pair, PEER_CLOSE_TIMEOUT + USEC_PER_SEC);
	assert_true(a->closed);
	assert_true(b->closed);
	/* Nothing had been left to confirm. */
	assert_string_equal(a->close_text, "closed");
	assert_string_equal(b->close_text, "closed");
	pair_deinit(&pair);
}

static void abort_is_told_to_the_other_side(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	dpc_peer_abort(pair.ends[1].peer, pair.now);
	pair_run(&pair, 100 * USEC_PER_MS);
	assert_true(pair.ends[0].closed);
	assert_string_equal(pair.ends[0].close_text, "closed by the peer");
	assert_true(pair.ends[1].closed);
	pair_deinit(&pair);
}

/* How many datagrams, besides STUN, the path still carries. */
static size_t datagrams_left;

static bool while_some_are_left(struct peer_pair *pair, int from, const uint8_t *data, size_t size)
{
	(void)pair;
	(void)from;
	bool stun = size > 0 && data[0] <= 3;
	if (!stun && datagrams_left == 0)
		return false;
	datagrams_left -= !stun;
	return true;
}

/* Of a large message, parts are delivered long before the whole. */
static void graceful_close_waits_for_a_large_message_on_a_slow_path(void **state)
{
	(void)state;
	static const uint8_t message[250000];
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair.on_datagram = while_some_are_left;
	struct dpc_peer *peer = pair.ends[0].peer;
	assert_int_equal(
		dpc_peer_send(peer, pair.now, pair.ends[0].channel, true, message, sizeof message),
		DPC_OK);
	dpc_peer_close(peer, pair.now);
	for (int i = 0; i < 40 && !pair.ends[0].closed; i++) {
		datagrams_left = 30;
		pair_run(&pair, 5 * USEC_PER_SEC);
	}
	assert_int_equal(pair.ends[1].messages, 1);
	assert_string_equal(pair.ends[0].close_text, "closed");
	pair_deinit(&pair);
}

static void closed_channel_closes_at_both_ends_and_its_id_is_used_again(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	for (size_t round = 1; round <= 3; round++) {
		assert_int_equal(dpc_peer_close_channel(b->peer, pair.now, b->channel), DPC_OK);
		assert_int_equal(
			dpc_peer_send(b->peer, pair.now, b->channel, false, "x", 1), DPC_ERR_STATE);
		pair_run(&pair, 2 * USEC_PER_SEC);
		assert_int_equal(a->closed_channels, round);
		assert_int_equal(b->closed_channels, round);
		assert_null(dpc_peer_channel_label(a->peer, a->channel));
		const struct dpc_channel_config config = {.label = "again", .unordered = true};
		uint16_t channel;
		assert_int_equal(
			dpc_peer_open_channel(a->peer, pair.now, &config, &channel), DPC_OK);
		assert_int_equal(
			dpc_peer_send(a->peer, pair.now, channel, false, "early", 5), DPC_OK);
		pair_run(&pair, USEC_PER_SEC);
		assert_int_equal(b->messages, round);
		assert_string_equal(dpc_peer_channel_label(b->peer, b->channel), "again");
	}
	pair_deinit(&pair);
}

static void never_sends_more_than_the_other_side_accepts(void **state)
{
	(void)state;
	const struct dpc_peer_config configs[2] = {{0}, {.message_max = 1000}};
	struct peer_pair pair;
	pair_init(&pair, configs);
	assert_int_equal(pair_describe(&pair), DPC_OK);
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	char text[1001] = {0};
	struct dpc_peer *a = pair.ends[0].peer;
	assert_int_equal(dpc_peer_open_channel(a, pair.now, &config, &channel), DPC_OK);
	assert_int_equal(dpc_peer_send(a, pair.now, channel, true, text, 1001), DPC_ERR_TOO_LARGE);
	assert_int_equal(dpc_peer_send(a, pair.now, channel, true, text, 1000), DPC_OK);
	pair_run(&pair, 2 * USEC_PER_SEC);
	assert_int_equal(pair.ends[1].messages, 1);
	pair_deinit(&pair);
}

static void full_queue_says_again_and_then_sendable(void **state)
{
	(void)state;
	const struct dpc_peer_config configs[2] = {{.send_queue_max = 300000}, {0}};
	struct peer_pair pair;
	pair_init(&pair, configs);
	assert_int_equal(pair_describe(&pair), DPC_OK);
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	struct dpc_peer *a = pair.ends[0].peer;
	assert_int_equal(dpc_peer_open_channel(a, pair.now, &config, &channel), DPC_OK);
	dpc_peer_set_buffered_low(a, channel, 1000);
	uint8_t *block = calloc(1, 100000);
	assert_non_null(block);
	size_t accepted = 0;
	enum dpc_err err;
	pair_drain(&pair, 0); /* the event that it may begin at all */
	pair.ends[0].sendable = 0;
	while ((err = dpc_peer_send(a, pair.now, channel, true, block, 100000)) == DPC_OK)
		accepted++;
	assert_int_equal(err, DPC_ERR_AGAIN);
	assert_in_range(accepted, 2, 3);
	assert_true(dpc_peer_buffered(a, channel) >= 200000);
	pair_run(&pair, 3 * USEC_PER_SEC);
	assert_int_equal(pair.ends[1].messages, accepted);
	assert_true(pair.ends[0].sendable > 0);
	assert_int_equal(pair.ends[0].low, 1);
	assert_int_equal(dpc_peer_buffered(a, channel), 0);
	free(block);
	pair_deinit(&pair);
}

static void other_certificate_than_described_is_refused(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	char sdp[DPC_SDP_MAX];
	struct dpc_peer *a = pair.ends[0].peer, *b = pair.ends[1].peer;
	assert_int_equal(dpc_peer_local_description(a, sdp, sizeof sdp), DPC_OK);
	/* Somebody on the way changes one digit of the fingerprint. */
	char *digit = strstr(sdp, "a=fingerprint:sha-256 ");
	assert_non_null(digit);
	digit += strlen("a=fingerprint:sha-256 ");
	*digit = *digit == 'A' ? 'B' : 'A';
	assert_int_equal(dpc_peer_set_remote_description(b, pair.now, sdp, strlen(sdp)), DPC_OK);
	assert_int_equal(dpc_peer_local_description(b, sdp, sizeof sdp), DPC_OK);
	assert_int_equal(dpc_peer_set_remote_description(a, pair.now, sdp, strlen(sdp)), DPC_OK);
	pair_run(&pair, 5 * USEC_PER_SEC);
	assert_true(pair.ends[1].closed);
	assert_non_null(strstr(pair.ends[1].close_text, "fingerprint"));
	assert_true(pair.ends[0].closed);
	pair_deinit(&pair);
}

static void descriptions_come_in_their_order(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	char offer[DPC_SDP_MAX], sdp[DPC_SDP_MAX];
	struct dpc_peer *a = pair.ends[0].peer, *b = pair.ends[1].peer;
	assert_int_equal(dpc_peer_local_description(b, sdp, sizeof sdp), DPC_ERR_STATE);
	assert_int_equal(dpc_peer_set_remote_description(a, pair.now, "", 0), DPC_ERR_STATE);
	assert_int_equal(dpc_peer_add_remote_candidate(a, pair.now, "", 0), DPC_ERR_STATE);
	assert_int_equal(dpc_peer_local_description(a, offer, sizeof offer), DPC_OK);
	assert_int_equal(dpc_peer_local_description(a, sdp, 100), DPC_ERR_TOO_LARGE);
	assert_int_equal(
		dpc_peer_set_remote_description(b, pair.now, "v=0\r\n", 5), DPC_ERR_MALFORMED);
	assert_int_equal(
		dpc_peer_set_remote_description(b, pair.now, offer, strlen(offer)), DPC_OK);
	assert_int_equal(
		dpc_peer_set_remote_description(b, pair.now, offer, strlen(offer)), DPC_ERR_EXISTS);
	pair_deinit(&pair);
}

static void early_datagrams_are_kept_up_to_the_limit(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	struct pair_end *a = &pair.ends[0];
	const struct dpc_path path = {.local = a->addr, .remote = pair.ends[1].addr};
	static const uint8_t record[20] = {22, 254, 253};
	struct dpc_stats stats;
	for (int i = 0; i < PEER_EARLY_DATAGRAMS_MAX; i++)
		dpc_peer_receive(a->peer, pair.now, &path, record, sizeof record);
	dpc_peer_stats(a->peer, &stats);
	assert_int_equal(stats.dropped, 0);
	dpc_peer_receive(a->peer, pair.now, &path, record, sizeof record);
	dpc_peer_stats(a->peer, &stats);
	assert_int_equal(stats.dropped, 1);
	pair_deinit(&pair);
}

/* Whoever can reach the port can send this; it would end a handshake. */
static const uint8_t fatal_alert[] = {21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40};

static void strangers_do_not_take_part_in_the_handshake(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	const struct dpc_addr stranger = {.family = 4, .port = 666, .ip = {10, 6, 6, 6}};
	assert_int_equal(pair_describe(&pair), DPC_OK);
	for (int i = 0; i < 2; i++) {
		const struct dpc_path path = {.local = pair.ends[i].addr, .remote = stranger};
		dpc_peer_receive(
			pair.ends[i].peer, pair.now, &path, fatal_alert, sizeof fatal_alert);
	}
	/* The first datagrams are one check each way, so then there are paths and hellos. */
	for (int step = 0; step < 6; step++) {
		pair_drain(&pair, step % 2);
		for (int i = 0; i < 2; i++) {
			const struct dpc_path path = {
				.local = pair.ends[i].addr, .remote = stranger};
			dpc_peer_receive(pair.ends[i].peer, pair.now, &path, fatal_alert,
				sizeof fatal_alert);
		}
	}
	pair_run(&pair, USEC_PER_SEC);
	for (int i = 0; i < 2; i++)
		assert_int_equal(dpc_peer_state(pair.ends[i].peer), DPC_CONNECTED);
	/* What was kept of them is given back. */
	for (int i = 0; i < 2; i++) {
		struct dpc_stats stats;
		dpc_peer_stats(pair.ends[i].peer, &stats);
		assert_int_equal(stats.dropped, 7);
	}
	pair_deinit(&pair);
}

static void both_ends_time_the_handshake_by_the_measured_round_trip(void **state)
{
	(void)state;
	struct peer_pair pair;
	pair_init(&pair, NULL);
	struct dpc_peer *server = pair.ends[0].peer;
	assert_int_equal(pair_describe(&pair), DPC_OK);
	/* The check of the server is answered 40 ms after it left; then comes the hello. */
	pair_drain(&pair, 0);
	pair.now += 40 * USEC_PER_MS;
	pair_drain(&pair, 1);
	pair_drain(&pair, 0);
	pair_drain(&pair, 1);
	usec left = dtls_deadline(server->dtls) - pair.now;
	/* Twice that, less what libssl's own clock has gone on; 100 ms without a measurement. */
	assert_in_range(left, 1, 80 * USEC_PER_MS);
	pair_deinit(&pair);
}

static void the_roles_are_those_of_offer_and_answer(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct dpc_peer *offerer = pair.ends[0].peer, *answerer = pair.ends[1].peer;
	/* RFC 8445 section 6.1.1, RFC 8842 section 5.3, RFC 8832 section 6. */
	assert_true(ice_agent_is_controlling(offerer->ice));
	assert_false(ice_agent_is_controlling(answerer->ice));
	assert_true(answerer->dtls_client);
	assert_false(offerer->dtls_client);
	/* And both propose the same pace of checks. */
	assert_true(offerer->ice->pace == ICE_PACING_MS * USEC_PER_MS);
	assert_true(answerer->ice->pace == ICE_PACING_MS * USEC_PER_MS);
	uint16_t channel;
	const struct dpc_channel_config config = {.label = "x"};
	assert_int_equal(dpc_peer_open_channel(answerer, pair.now, &config, &channel), DPC_OK);
	assert_int_equal(dpc_peer_channel_id(answerer, channel) % 2, 0);
	assert_int_equal(dpc_peer_open_channel(offerer, pair.now, &config, &channel), DPC_OK);
	assert_int_equal(dpc_peer_channel_id(offerer, channel) % 2, 1);
	pair_deinit(&pair);
}

static bool same_addr(const struct dpc_addr *a, const struct dpc_addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Everything that `from` writes is kept from the other side and given to it again from a stranger's
 * address, as somebody on the way can do; then the answers have to go where they went before. */
static void only_an_authentic_check_moves_where_data_goes(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0], *b = &pair.ends[1];
	const struct dpc_addr stranger = {.family = 4, .port = 666, .ip = {10, 6, 6, 6}};
	uint8_t memory[DPC_WRITE_BEST];
	struct dpc_path path;
	size_t segment, size, replayed = 0, answered = 0;
	assert_int_equal(dpc_peer_send(a->peer, pair.now, a->channel, false, "x", 1), DPC_OK);
	while ((size = dpc_peer_write(a->peer, pair.now, memory, sizeof memory, &path, &segment)) >
		0) {
		const struct dpc_path from = {.local = b->addr, .remote = stranger};
		dpc_peer_receive(b->peer, pair.now, &from, memory, min_size(segment, size));
		replayed++;
	}
	/* A check without our password: header, user name, nothing else. */
	uint8_t check[200];
	struct writer w = writer_of(check, sizeof check);
	stun_begin(&w, STUN_REQUEST, STUN_BINDING, (const uint8_t *)"twelve bytes");
	char name[64];
	snprintf(name, sizeof name, "%s:evil", dpc_peer_user(b->peer));
	stun_add_bytes(&w, STUN_USERNAME, bytes_of_text(name));
	stun_add_u64(&w, STUN_ICE_CONTROLLING, UINT64_MAX);
	stun_add_flag(&w, STUN_USE_CANDIDATE);
	stun_add_u32(&w, STUN_PRIORITY, UINT32_MAX);
	stun_add_integrity(&w, bytes_of_text("not the password at all"));
	stun_add_fingerprint(&w);
	const struct dpc_path from = {.local = b->addr, .remote = stranger};
	dpc_peer_receive(b->peer, pair.now, &from, check, w.size);
	assert_int_equal(dpc_peer_send(b->peer, pair.now, b->channel, false, "y", 1), DPC_OK);
	for (int64_t end = pair.now + 2 * USEC_PER_SEC; pair.now < end;
		pair.now += 10 * USEC_PER_MS) {
		dpc_peer_advance(b->peer, pair.now);
		while ((size = dpc_peer_write(
				b->peer, pair.now, memory, sizeof memory, &path, &segment)) > 0) {
			assert_true(same_addr(&path.remote, &a->addr));
			answered++;
		}
	}
	assert_true(replayed > 0);
	assert_true(answered > 0);
	assert_int_equal(b->messages, 0);
	pair_deinit(&pair);
}

static void silent_peer_is_given_up(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair.cut = true;
	pair_run(&pair, 20 * USEC_PER_SEC);
	assert_int_equal(dpc_peer_state(pair.ends[0].peer), DPC_DISCONNECTED);
	/* RFC 7675 section 5.1: consent expires after 30 seconds. */
	pair_run(&pair, 10 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_true(pair.ends[i].closed);
		assert_string_equal(pair.ends[i].close_text, "the path to the peer is lost");
	}
	pair_deinit(&pair);
}

static void after_a_silence_data_goes_on_at_once(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	pair.cut = true;
	assert_int_equal(
		dpc_peer_send(pair.ends[0].peer, pair.now, pair.ends[0].channel, true, "late", 4),
		DPC_OK);
	/* The time-outs have doubled until the next is nine seconds away. */
	pair_run(&pair, 17 * USEC_PER_SEC);
	assert_int_equal(dpc_peer_state(pair.ends[0].peer), DPC_DISCONNECTED);
	pair.cut = false;
	pair_run(&pair, 4 * USEC_PER_SEC);
	assert_int_equal(pair.ends[1].messages, 1);
	pair_deinit(&pair);
}

/* What is sent in `seconds`, a message of `size` bytes every 20 ms. */
static void send_for(struct peer_pair *pair, int seconds, size_t size)
{
	static const uint8_t data[16 * 1024];
	for (int i = 0; i < 50 * seconds; i++) {
		assert_int_equal(dpc_peer_send(pair->ends[0].peer, pair->now, pair->ends[0].channel,
					 true, data, size),
			DPC_OK);
		pair_drain(pair, 0);
		pair_run(pair, 20 * USEC_PER_MS);
	}
}

/* Of the newer to the older, in percent. */
static uint64_t loss_percent(const struct dpc_stats *older, const struct dpc_stats *newer)
{
	uint64_t sent = newer->pieces_out - older->pieces_out;
	assert_true(sent > 0);
	return 100 * (newer->retransmissions - older->retransmissions) / sent;
}

static void round_trips_are_as_long_as_the_line(void **state)
{
	(void)state;
	struct peer_pair pair;
	struct dpc_stats stats;
	assert_true(pair_connect(&pair));
	pair.latency = 30 * USEC_PER_MS;
	/* Those of when the line was short are forgotten. */
	send_for(&pair, 25, 100);
	dpc_peer_stats(pair.ends[0].peer, &stats);
	assert_in_range(stats.rtt_us, 59 * USEC_PER_MS, 61 * USEC_PER_MS);
	assert_in_range(stats.rtt_min_us, 60 * USEC_PER_MS, 61 * USEC_PER_MS);
	assert_in_range(stats.jitter_us, 0, USEC_PER_MS);
	/* From 0 to 20 ms more each way: 20 on average, from which the mean deviation is 6.7. */
	pair.jitter = 20 * USEC_PER_MS;
	send_for(&pair, 25, 100);
	dpc_peer_stats(pair.ends[0].peer, &stats);
	assert_in_range(stats.rtt_us, 70 * USEC_PER_MS, 90 * USEC_PER_MS);
	assert_in_range(stats.rtt_min_us, 60 * USEC_PER_MS, 66 * USEC_PER_MS);
	assert_in_range(stats.jitter_us, 2 * USEC_PER_MS, 14 * USEC_PER_MS);
	pair_deinit(&pair);
}

static void the_addresses_of_both_sides_say_why_a_path_is_what_it_is(void **state)
{
	(void)state;
	struct peer_pair pair;
	struct dpc_stats stats;
	pair_init(&pair, NULL);
	struct pair_end *a = &pair.ends[0];
	const struct dpc_addr relayed = {.family = 4, .port = 50000, .ip = {203, 0, 113, 9}};
	assert_int_equal(dpc_peer_add_relayed(a->peer, pair.now, &relayed), DPC_OK);
	dpc_peer_stats(a->peer, &stats);
	assert_int_equal(stats.own_addresses, 1);
	assert_int_equal(stats.peer_addresses, 0);
	assert_false(stats.common_family);
	static const char other_family[] = "candidate:1 1 udp 2130706431 2001:db8::7 4000 typ host";
	static const char relay_too[] =
		"candidate:2 1 udp 16777215 203.0.113.9 50001 typ relay raddr 0.0.0.0 rport 0";
	assert_int_equal(pair_describe(&pair), DPC_OK);
	dpc_peer_stats(pair.ends[1].peer, &stats);
	assert_int_equal(stats.peer_addresses, 1);
	assert_true(stats.common_family);
	assert_true(stats.searching);
	assert_int_equal(dpc_peer_add_remote_candidate(
				 pair.ends[1].peer, pair.now, relay_too, sizeof relay_too - 1),
		DPC_OK);
	assert_int_equal(dpc_peer_add_remote_candidate(pair.ends[1].peer, pair.now, other_family,
				 sizeof other_family - 1),
		DPC_OK);
	dpc_peer_stats(pair.ends[1].peer, &stats);
	assert_int_equal(stats.peer_addresses, 2);
	pair_run(&pair, 10 * USEC_PER_SEC);
	dpc_peer_stats(pair.ends[1].peer, &stats);
	assert_false(stats.searching);
	pair_deinit(&pair);
}

static void the_loss_of_an_interval_is_that_of_the_line(void **state)
{
	(void)state;
	struct peer_pair pair;
	struct dpc_stats stats[4];
	assert_true(pair_connect(&pair));
	pair.latency = 10 * USEC_PER_MS;
	dpc_peer_stats(pair.ends[0].peer, &stats[0]);
	send_for(&pair, 20, 5000);
	dpc_peer_stats(pair.ends[0].peer, &stats[1]);
	pair.loss = 5;
	send_for(&pair, 60, 5000);
	dpc_peer_stats(pair.ends[0].peer, &stats[2]);
	pair.loss = 0;
	pair_run(&pair, 10 * USEC_PER_SEC);
	dpc_peer_stats(pair.ends[0].peer, &stats[2]);
	send_for(&pair, 20, 5000);
	dpc_peer_stats(pair.ends[0].peer, &stats[3]);
	assert_int_equal(loss_percent(&stats[0], &stats[1]), 0);
	/* What a lost SACK would have said is sent again too, now and then. */
	assert_in_range(loss_percent(&stats[1], &stats[2]), 4, 7);
	assert_int_equal(loss_percent(&stats[2], &stats[3]), 0);
	pair_deinit(&pair);
}

static void garbage_is_dropped_and_counted(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	struct pair_end *a = &pair.ends[0];
	const struct dpc_path path = {.local = a->addr, .remote = pair.ends[1].addr};
	struct dpc_stats before, after;
	dpc_peer_stats(a->peer, &before);
	uint8_t datagram[100] = {0};
	for (unsigned first = 0; first < 256; first++) {
		datagram[0] = (uint8_t)first;
		dpc_peer_receive(a->peer, pair.now, &path, datagram, sizeof datagram);
	}
	dpc_peer_receive(a->peer, pair.now, &path, datagram, 0);
	dpc_peer_stats(a->peer, &after);
	assert_int_equal(after.dropped - before.dropped, 257);
	assert_int_equal(dpc_peer_send(a->peer, pair.now, a->channel, false, "still", 5), DPC_OK);
	pair_run(&pair, USEC_PER_SEC);
	assert_int_equal(pair.ends[1].messages, 1);
	pair_deinit(&pair);
}

static void channels_have_a_limit(void **state)
{
	(void)state;
	struct peer_pair pair;
	assert_true(pair_connect(&pair));
	const struct dpc_channel_config config = {.label = "x"};
	uint16_t channel;
	size_t opened = 0;
	while (dpc_peer_open_channel(pair.ends[0].peer, pair.now, &config, &channel) == DPC_OK)
		opened++;
	/* One was open before. */
	assert_int_equal(opened, DPC_CHANNELS_MAX - 1);
	assert_int_equal(dpc_peer_channel_id(pair.ends[0].peer, channel) / 2, opened);
	pair_run(&pair, 20 * USEC_PER_SEC);
	assert_int_equal(pair.ends[1].opened, DPC_CHANNELS_MAX);
	pair_deinit(&pair);
}

static void a_quiet_that_would_be_a_flood_is_refused(void **state)
{
	(void)state;
	static const struct {
		int64_t quiet_max;
		enum dpc_err err;
	} cases[] = {{-1, DPC_ERR_LIMIT}, {1, DPC_ERR_LIMIT}, {PEER_QUIET_MIN - 1, DPC_ERR_LIMIT},
		{PEER_QUIET_MIN, DPC_OK}, {INT64_MAX, DPC_OK}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dpc_peer *peer = NULL;
		struct dpc_peer_config config = {
			.offerer = true, .seed = 1, .quiet_max = cases[i].quiet_max};
		assert_int_equal(dpc_peer_create(&config, 0, &peer), cases[i].err);
		dpc_peer_destroy(peer);
	}
}

TESTS(TEST(the_roles_are_those_of_offer_and_answer),
	TEST(only_an_authentic_check_moves_where_data_goes),
	TEST(connects_and_carries_messages_both_ways), TEST(empty_messages_keep_their_kind),
	TEST(graceful_close_delivers_first), TEST(abort_is_told_to_the_other_side),
	TEST(graceful_close_waits_for_a_large_message_on_a_slow_path),
	TEST(what_was_accepted_before_the_connection_is_delivered_before_closing),
	TEST(closing_without_a_message_ends_a_set_up_at_once),
	TEST(close_of_the_other_side_ends_though_its_last_words_are_lost),
	TEST(closed_channel_closes_at_both_ends_and_its_id_is_used_again),
	TEST(never_sends_more_than_the_other_side_accepts),
	TEST(full_queue_says_again_and_then_sendable),
	TEST(other_certificate_than_described_is_refused), TEST(descriptions_come_in_their_order),
	TEST(early_datagrams_are_kept_up_to_the_limit),
	TEST(strangers_do_not_take_part_in_the_handshake),
	TEST(both_ends_time_the_handshake_by_the_measured_round_trip),
	TEST(silent_peer_is_given_up), TEST(after_a_silence_data_goes_on_at_once),
	TEST(the_addresses_of_both_sides_say_why_a_path_is_what_it_is),
	TEST(round_trips_are_as_long_as_the_line),
	TEST(the_loss_of_an_interval_is_that_of_the_line), TEST(garbage_is_dropped_and_counted),
	TEST(channels_have_a_limit), TEST(a_quiet_that_would_be_a_flood_is_refused))
