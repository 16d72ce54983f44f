#include "sctp/pace.h"

#include "base/rng.h"
#include "sctp/limits.h"
#include "test.h"

#define MTU 1160

/* Sends as much as is allowed, and waits for the deadline, late by up to `late`. */
static uint64_t send_for(
	struct sctp_pace *p, usec *now, usec time, uint64_t rate, usec late, struct rng *rng)
{
	uint64_t sent = 0;
	for (usec until = *now + time; *now < until;) {
		while (sctp_pace_allows(p, *now, rate, MTU)) {
			sctp_pace_on_send(p, MTU);
			sent += MTU;
		}
		usec deadline = sctp_pace_deadline(p, rate, MTU);
		assert_true(deadline > *now);
		*now = deadline + (late ? (usec)rng_below(rng, (uint64_t)late) : 0);
	}
	return sent;
}

static void the_rate_is_kept_and_never_starved(void **state)
{
	(void)state;
	static const uint64_t rates[] = {2000, 100000, 1250000, 12500000, 125000000, 1000000000};
	struct rng rng = rng_seeded(1);
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		for (usec late = 0; late <= 3 * SCTP_PACE_QUANTUM; late += SCTP_PACE_QUANTUM) {
			struct sctp_pace p = {0};
			usec now = USEC_PER_SEC, start = now;
			uint64_t sent = send_for(&p, &now, 20 * USEC_PER_SEC, rates[i], late, &rng);
			uint64_t expected = rates[i] * (uint64_t)(now - start) / USEC_PER_SEC;
			uint64_t burst = SCTP_PACE_LATE_QUANTA * rates[i] / 1000 +
					 (SCTP_PACE_BURST_PACKETS + 1) * MTU;
			assert_true(sent > expected - expected / 100);
			assert_true(sent < expected + expected / 100 + burst);
		}
}

static void without_a_rate_everything_may_leave(void **state)
{
	(void)state;
	struct sctp_pace p = {0};
	for (int i = 0; i < 100000; i++) {
		assert_true(sctp_pace_allows(&p, 1, 0, MTU));
		sctp_pace_on_send(&p, MTU);
	}
}

static void a_burst_is_bounded_after_a_pause(void **state)
{
	(void)state;
	struct sctp_pace p = {0};
	usec now = USEC_PER_SEC;
	for (int round = 0; round < 3; round++) {
		size_t packets = 0;
		while (sctp_pace_allows(&p, now, 100000, MTU)) {
			sctp_pace_on_send(&p, MTU);
			packets++;
		}
		assert_int_equal(packets, SCTP_PACE_BURST_PACKETS);
		now += 3600 * USEC_PER_SEC;
	}
}

static void a_fast_path_gets_long_flights(void **state)
{
	(void)state;
	struct sctp_pace p = {0};
	struct rng rng = rng_seeded(1);
	usec now = USEC_PER_SEC;
	uint64_t rate = 125000000;
	(void)send_for(&p, &now, USEC_PER_SEC, rate, 0, &rng);
	size_t packets = 0;
	while (sctp_pace_allows(&p, now, rate, MTU)) {
		sctp_pace_on_send(&p, MTU);
		packets++;
	}
	/* A millisecond of 1 Gbit/s: two sendmsg() of 64 KiB. */
	assert_in_range(packets, 107, 109);
}

static void no_clock_and_no_rate_upsets_it(void **state)
{
	(void)state;
	struct sctp_pace p = {0};
	static const usec times[] = {1, 0, INT64_MAX / 2, 5, INT64_MAX / 2 + 7, 0};
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		while (sctp_pace_allows(&p, times[i], UINT64_MAX, 65532))
			sctp_pace_on_send(&p, 65532);
		assert_true(sctp_pace_deadline(&p, UINT64_MAX, 65532) > times[i]);
	}
}

TESTS(TEST(the_rate_is_kept_and_never_starved), TEST(without_a_rate_everything_may_leave),
	TEST(a_burst_is_bounded_after_a_pause), TEST(a_fast_path_gets_long_flights),
	TEST(no_clock_and_no_rate_upsets_it))
