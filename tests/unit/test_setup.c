/* How many times a connection's set-up crosses the network: virtual time over a line of 100 ms one
 * way, libssl's timers included. docs/decisions/0007-snap.md has the sequence in words. */
#include <sys/time.h>

#include "base/text.h"
#include "base/usec.h"
#include "dpc/peer.h"
#include "dtls/record.h"
#include "peer/internal.h"
#include "support/peer_pair.h"
#include "test.h"

#define LATENCY (100 * USEC_PER_MS)

static struct peer_pair pair;

/* What libssl asks for the time: see docs/decisions/0001-dtls-clock.md. */
int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = 1000 + pair.now / USEC_PER_SEC;
	time->tv_usec = pair.now % USEC_PER_SEC;
	return 0;
}

enum from {
	OFFERER,
	ANSWERER,
};

struct setup {
	bool no_snap[2];
	enum from from;   /* who sends the first message */
	int answer_trips; /* how many latencies the answer takes to the offerer, and a signal back
			   */
	bool (*on_datagram)(struct peer_pair *pair, int from, const uint8_t *data, size_t size);
};

static void open_channel(enum from from)
{
	struct dpc_peer *peer = pair.ends[from].peer;
	const struct dpc_channel_config config = {.label = "test"};
	uint16_t channel;
	assert_int_equal(dpc_peer_open_channel(peer, pair.now, &config, &channel), DPC_OK);
	assert_int_equal(dpc_peer_send(peer, pair.now, channel, false, "first", 5), DPC_OK);
}

/* What the offerer trickles once the answer is there, on its way. */
static struct trickled {
	char text[256];
	usec at;
} trickled;

static void trickle(struct peer_pair *p, int end, const struct dpc_event *event)
{
	if (event->type != DPC_EVENT_CANDIDATE || end != OFFERER || event->text[0] == 0)
		return;
	assert_true(p->ends[OFFERER].peer->has_remote);
	assert_true(trickled.at == 0);
	assert_true(text_copy(trickled.text, sizeof trickled.text, event->text));
	trickled.at = p->now;
}

static void run_until_first_message(const struct setup *setup, const struct pair_end *to)
{
	for (int i = 0; i < 1000 && to->message_at == 0; i++) {
		usec arrives = trickled.at + setup->answer_trips * LATENCY;
		if (trickled.at > 0 && arrives <= pair.now) {
			trickled.at = 0;
			assert_int_equal(dpc_peer_add_remote_candidate(pair.ends[ANSWERER].peer,
						 pair.now, trickled.text, strlen(trickled.text)),
				DPC_ERR_EXISTS);
		}
		pair_run(&pair, 2 * USEC_PER_MS);
	}
}

/* The time from the answer to the arrival of the first message, which is sent as soon as that can
 * be asked for. */
static usec time_to_first_message(const struct setup *setup)
{
	const struct dpc_peer_config configs[2] = {
		{.no_snap = setup->no_snap[0]}, {.no_snap = setup->no_snap[1]}};
	pair_init(&pair, configs);
	pair.latency = LATENCY;
	pair.on_datagram = setup->on_datagram;
	pair.on_event = trickle;
	trickled = (struct trickled){0};
	struct dpc_peer *a = pair.ends[OFFERER].peer, *b = pair.ends[ANSWERER].peer;
	char sdp[DPC_SDP_MAX];
	assert_int_equal(dpc_peer_local_description(a, sdp, sizeof sdp), DPC_OK);
	assert_int_equal(dpc_peer_set_remote_description(b, pair.now, sdp, strlen(sdp)), DPC_OK);
	assert_int_equal(dpc_peer_local_description(b, sdp, sizeof sdp), DPC_OK);
	usec answered = pair.now;
	if (setup->from == ANSWERER)
		open_channel(ANSWERER);
	if (setup->answer_trips > 0)
		pair_run(&pair, setup->answer_trips * LATENCY - 1);
	assert_int_equal(pair.now, answered + setup->answer_trips * LATENCY);
	assert_int_equal(dpc_peer_set_remote_description(a, pair.now, sdp, strlen(sdp)), DPC_OK);
	if (setup->from == OFFERER)
		open_channel(OFFERER);
	const struct pair_end *to = &pair.ends[setup->from == OFFERER ? ANSWERER : OFFERER];
	run_until_first_message(setup, to);
	assert_int_equal(to->messages, 1);
	assert_memory_equal(to->last, "first", 5);
	usec elapsed = to->message_at - answered;
	pair_deinit(&pair);
	return elapsed;
}

/* In latencies, half round trips; the paces of ICE and the like may add a tenth. */
static int trips_to_first_message(const struct setup *setup)
{
	usec elapsed = time_to_first_message(setup);
	assert_true(elapsed % LATENCY < LATENCY / 10);
	return (int)(elapsed / LATENCY);
}

static void the_first_message_arrives_after_three_round_trips(void **state)
{
	(void)state;
	/* Check and its answer, ClientHello, ServerHello to Done, Certificate to Finished; then
	 * Finished and the message leave together. */
	assert_int_equal(trips_to_first_message(&(struct setup){.from = OFFERER}), 6);
	/* The other end is one flight behind. */
	assert_int_equal(trips_to_first_message(&(struct setup){.from = ANSWERER}), 7);
}

static void the_answer_may_take_as_long_as_the_network_without_costing_any(void **state)
{
	(void)state;
	assert_int_equal(
		trips_to_first_message(&(struct setup){.from = OFFERER, .answer_trips = 1}), 6);
	assert_int_equal(
		trips_to_first_message(&(struct setup){.from = ANSWERER, .answer_trips = 1}), 7);
	/* A slower one costs what it is slower: the hello of the answerer has come before it. */
	assert_int_equal(
		trips_to_first_message(&(struct setup){.from = OFFERER, .answer_trips = 3}), 8);
}

/* Two homes: the NAT of the offerer lets in nothing before the offerer has sent something, which is
 * when it has the answer. The answerer has sent by then. */
static bool through_nats(struct peer_pair *p, int from, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	p->counter |= from == OFFERER;
	return p->counter > 0;
}

static void behind_nats_it_is_one_round_trip_more_than_the_answer_takes(void **state)
{
	(void)state;
	/* The answer takes two latencies by way of the hub, which began two earlier with the offer:
	 * after the dial the first message arrives within six round trips. */
	struct setup setup = {.from = OFFERER, .answer_trips = 2, .on_datagram = through_nats};
	int trips = trips_to_first_message(&setup);
	assert_int_equal(trips, 9);
	assert_true(2 + trips <= 2 * 6);
	setup.from = ANSWERER;
	assert_int_equal(trips_to_first_message(&setup), 10);
}

/* The offerer lets in what it has sent to, by address; the answerer's NAT has drawn another port
 * for it than the one that the hub knows, so that what the offerer sends first gets nowhere. */
static bool to_another_port(struct peer_pair *p, int from, const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	enum { NOTHING, OFFERER_SENT, ANSWERER_ARRIVED };
	if (from == OFFERER && p->counter == NOTHING)
		p->counter = OFFERER_SENT;
	if (from == ANSWERER && p->counter == OFFERER_SENT)
		p->counter = ANSWERER_ARRIVED;
	return p->counter == ANSWERER_ARRIVED;
}

static void a_check_that_was_ahead_of_the_answer_is_repeated_when_that_has_come(void **state)
{
	(void)state;
	/* The answer there, word of that back, and then as ever; not half a second later. */
	struct setup setup = {.from = OFFERER, .answer_trips = 2, .on_datagram = to_another_port};
	assert_int_equal(trips_to_first_message(&setup), 2 + 2 + 6);
}

static void without_snap_it_is_one_round_trip_more(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		/* It takes two. */
		const bool first = i != 1, second = i != 0;
		assert_int_equal(trips_to_first_message(&(struct setup){
					 .no_snap = {first, second}, .from = OFFERER}),
			8);
		assert_int_equal(trips_to_first_message(&(struct setup){
					 .no_snap = {first, second}, .from = ANSWERER}),
			9);
	}
}

static bool is_client_hello(const uint8_t *data, size_t size)
{
	return size > 14 && data[0] == DTLS_RECORD_HANDSHAKE && data[13] == 1;
}

static bool lose_first_hello(struct peer_pair *p, int from, const uint8_t *data, size_t size)
{
	(void)from;
	return !is_client_hello(data, size) || p->counter++ > 0;
}

static void a_lost_client_hello_costs_two_measured_round_trips(void **state)
{
	(void)state;
	struct setup setup = {.from = OFFERER, .on_datagram = lose_first_hello};
	usec elapsed = time_to_first_message(&setup);
	/* DTLS's first timeout is twice the round trip of the check; libssl counts what is left
	 * below 15 ms as over. */
	assert_in_range(elapsed, 6 * LATENCY + 4 * LATENCY - 15 * USEC_PER_MS,
		6 * LATENCY + 4 * LATENCY + LATENCY / 20);
}

static bool count_hellos(struct peer_pair *p, int from, const uint8_t *data, size_t size)
{
	(void)from;
	/* HelloVerifyRequest is 3. */
	if (size > 14 && data[0] == DTLS_RECORD_HANDSHAKE)
		assert_int_not_equal(data[13], 3);
	p->counter += is_client_hello(data, size);
	return true;
}

static void behind_a_check_there_is_one_client_hello_and_no_cookie(void **state)
{
	(void)state;
	struct setup setup = {.from = OFFERER, .on_datagram = count_hellos};
	assert_int_equal(trips_to_first_message(&setup), 6);
	assert_int_equal(pair.counter, 1);
}

static bool watch_order(struct peer_pair *p, int from, const uint8_t *data, size_t size)
{
	/* Before DTLS is up, nothing but STUN and handshake messages is on the line. */
	struct dtls *dtls = p->ends[from].peer->dtls;
	if (!dtls || dtls_state(dtls) != DTLS_OPEN)
		assert_true(size > 0 && (data[0] <= 3 || data[0] == DTLS_RECORD_HANDSHAKE ||
						data[0] == DTLS_RECORD_CHANGE_CIPHER_SPEC));
	return true;
}

static void no_sctp_before_dtls_is_up(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct setup setup = {.no_snap = {i == 1, i == 1}, .on_datagram = watch_order};
		assert_int_equal(trips_to_first_message(&setup), i == 0 ? 6 : 8);
	}
}

TESTS(TEST(the_first_message_arrives_after_three_round_trips),
	TEST(the_answer_may_take_as_long_as_the_network_without_costing_any),
	TEST(behind_nats_it_is_one_round_trip_more_than_the_answer_takes),
	TEST(a_check_that_was_ahead_of_the_answer_is_repeated_when_that_has_come),
	TEST(without_snap_it_is_one_round_trip_more),
	TEST(a_lost_client_hello_costs_two_measured_round_trips),
	TEST(behind_a_check_there_is_one_client_hello_and_no_cookie),
	TEST(no_sctp_before_dtls_is_up))
