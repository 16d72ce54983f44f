#include "sctp/bbr.h"

#include "sctp/congestion.h"
#include "sctp/limits.h"
#include "test.h"

#define MTU 1160
#define PACKETS_MAX 65536

/* A path of a constant rate and delay with a queue, as the algorithm sees it through the sampler of
 * rates: packets leave as its window and its pacing allow. */
struct path {
	struct sctp_congestion c;
	struct sctp_delivery rate;
	struct {
		usec sent, arrival;
		struct sctp_delivery_mark mark;
		bool lost;
	} packets[PACKETS_MAX];
	size_t first, next;
	usec now, free_at, next_send, round_trip, srtt;
	uint64_t bytes_per_second;
	size_t in_flight, in_flight_max;
	unsigned lose_every; /* packets; 0: none */
	bool app_limited;
};

static struct path path;

static void init(uint64_t bytes_per_second, usec round_trip)
{
	path = (struct path){.now = USEC_PER_SEC,
		.round_trip = round_trip,
		.bytes_per_second = bytes_per_second};
	sctp_congestion_init(&path.c, SCTP_BBR, MTU);
}

static void send(void)
{
	size_t i = path.next++ % PACKETS_MAX;
	path.in_flight += MTU;
	path.in_flight_max = max_size(path.in_flight_max, path.in_flight);
	path.free_at = usec_max(path.now, path.free_at) +
		       (usec)(MTU * (uint64_t)USEC_PER_SEC / path.bytes_per_second);
	path.packets[i].sent = path.now;
	path.packets[i].arrival = path.free_at + path.round_trip;
	path.packets[i].mark = sctp_delivery_on_send(&path.rate, path.now, MTU, path.in_flight);
	path.packets[i].lost = path.lose_every && path.next % path.lose_every == 0;
	if (path.c.pacing_rate > 0)
		path.next_send = usec_max(path.next_send, path.now) +
				 (usec)(MTU * (uint64_t)USEC_PER_SEC / path.c.pacing_rate);
}

static void receive(void)
{
	size_t i = path.first++ % PACKETS_MAX;
	path.now = path.packets[i].arrival;
	size_t before = path.in_flight;
	path.in_flight -= MTU;
	if (path.packets[i].lost) {
		path.rate.lost += MTU;
		sctp_congestion_on_late_loss(&path.c, MTU);
		sctp_congestion_on_loss(&path.c, path.now);
		return;
	}
	usec rtt = path.now - path.packets[i].sent;
	path.srtt = path.srtt ? path.srtt + (rtt - path.srtt) / 8 : rtt;
	sctp_delivery_on_delivered(&path.rate, path.now, MTU);
	sctp_congestion_on_ack(&path.c,
		&(struct sctp_congestion_ack){.now = path.now,
			.acked = MTU,
			.in_flight_before = before,
			.in_flight = path.in_flight,
			.round_trip = rtt,
			.round_trip_smoothed = path.srtt,
			.rate = sctp_delivery_take(&path.rate, path.now, path.packets[i].sent,
				&path.packets[i].mark, path.round_trip)});
}

/* Bytes delivered in `time`. */
static uint64_t run(usec time)
{
	uint64_t before = path.rate.delivered;
	path.in_flight_max = 0;
	for (usec until = path.now + time; path.now < until;) {
		bool window = path.in_flight + MTU <= path.c.cwnd;
		bool empty = path.first == path.next;
		usec arrival = empty ? USEC_NEVER : path.packets[path.first % PACKETS_MAX].arrival;
		assert_true(window || !empty); /* never stuck */
		if (window && usec_max(path.next_send, path.now) <= arrival) {
			path.now = usec_max(path.next_send, path.now);
			send();
		} else {
			receive();
		}
		assert_true(path.c.cwnd <= SCTP_CWND_MAX);
	}
	return path.rate.delivered - before;
}

#define RATE UINT64_C(1250000) /* 10 Mbit/s */
#define RTT (40 * USEC_PER_MS)
#define PRODUCT ((size_t)50000)

static void it_finds_the_rate_and_leaves_no_queue(void **state)
{
	(void)state;
	init(RATE, RTT);
	run(3 * USEC_PER_SEC);
	assert_true(path.c.bbr.full);
	assert_true(run(20 * USEC_PER_SEC) > RATE * 20 * 97 / 100);
	/* The quarter more of a probe, SACKs and bursts: far from twice the product. */
	assert_true(path.in_flight_max < PRODUCT * 17 / 10);
	assert_in_range(path.c.bbr.min_rtt, RTT, RTT + 2 * USEC_PER_MS);
}

static void startup_doubles_each_round_trip(void **state)
{
	(void)state;
	init(125000000, RTT); /* 5 MB are the product */
	run(RTT * 9);
	assert_true(path.c.cwnd > 500 * MTU);
}

static void random_loss_below_the_threshold_costs_little(void **state)
{
	(void)state;
	init(5 * RATE, RTT);
	path.lose_every = 100;
	run(5 * USEC_PER_SEC);
	assert_true(run(20 * USEC_PER_SEC) > 5 * RATE * 20 * 80 / 100);
}

static void more_loss_than_that_is_congestion(void **state)
{
	(void)state;
	init(5 * RATE, RTT);
	path.lose_every = 10;
	run(3 * USEC_PER_SEC);
	assert_true(path.c.bbr.in_flight_high < SCTP_CWND_MAX);
	assert_true(run(20 * USEC_PER_SEC) < 5 * RATE * 20 * 80 / 100);
}

static void a_path_that_slows_down_is_followed(void **state)
{
	(void)state;
	init(5 * RATE, RTT);
	run(5 * USEC_PER_SEC);
	path.bytes_per_second = RATE;
	run(15 * USEC_PER_SEC);
	assert_true(run(10 * USEC_PER_SEC) > RATE * 10 * 90 / 100);
	assert_true(path.in_flight_max < 3 * PRODUCT);
	/* And one that gets faster. */
	path.bytes_per_second = 5 * RATE;
	run(30 * USEC_PER_SEC);
	assert_true(run(10 * USEC_PER_SEC) > 5 * RATE * 10 * 90 / 100);
}

static void a_longer_round_trip_is_believed_after_a_probe(void **state)
{
	(void)state;
	init(RATE, RTT);
	run(5 * USEC_PER_SEC);
	path.round_trip = 3 * RTT;
	run(30 * USEC_PER_SEC);
	assert_in_range(path.c.bbr.min_rtt, 3 * RTT, 3 * RTT + 5 * USEC_PER_MS);
	assert_true(run(10 * USEC_PER_SEC) > RATE * 10 * 90 / 100);
}

static void a_timeout_begins_small_and_comes_back_at_once_when_it_was_wrong(void **state)
{
	(void)state;
	init(RATE, RTT);
	run(5 * USEC_PER_SEC);
	size_t window = path.c.cwnd;
	sctp_congestion_on_timeout(&path.c, path.now);
	assert_int_equal(path.c.cwnd, MTU);
	sctp_congestion_on_spurious(&path.c, path.now);
	assert_int_equal(path.c.cwnd, window);
	path.c.cwnd = MTU;
	sctp_congestion_on_spurious(&path.c, path.now); /* once */
	assert_int_equal(path.c.cwnd, MTU);
}

static void a_jump_of_the_clock_does_no_harm(void **state)
{
	(void)state;
	init(RATE, RTT);
	run(5 * USEC_PER_SEC);
	while (path.first != path.next)
		receive();
	path.now += INT64_MAX / 4;
	run(5 * USEC_PER_SEC);
	assert_true(run(10 * USEC_PER_SEC) > RATE * 10 * 90 / 100);
}

static void the_window_has_a_maximum(void **state)
{
	(void)state;
	init(RATE, RTT);
	path.c.bbr.full = true;
	for (int i = 1; i < 100; i++)
		sctp_congestion_on_ack(
			&path.c, &(struct sctp_congestion_ack){.now = i * USEC_PER_SEC,
					 .acked = SCTP_CWND_MAX,
					 .round_trip = USEC_PER_SEC,
					 .round_trip_smoothed = USEC_PER_SEC,
					 .rate = {.valid = true,
						 .rate = UINT64_MAX / 2,
						 .delivered = UINT64_MAX / 2}});
	assert_int_equal(path.c.cwnd, SCTP_CWND_MAX);
}

TESTS(TEST(it_finds_the_rate_and_leaves_no_queue), TEST(startup_doubles_each_round_trip),
	TEST(random_loss_below_the_threshold_costs_little), TEST(more_loss_than_that_is_congestion),
	TEST(a_path_that_slows_down_is_followed),
	TEST(a_longer_round_trip_is_believed_after_a_probe),
	TEST(a_timeout_begins_small_and_comes_back_at_once_when_it_was_wrong),
	TEST(a_jump_of_the_clock_does_no_harm), TEST(the_window_has_a_maximum))
