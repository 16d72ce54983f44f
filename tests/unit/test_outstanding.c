#include "sctp/outstanding.h"

#include "base/rng.h"
#include "test.h"

#define FIRST ((UINT64_C(1) << 32) + 0xfffffffa) /* the wire TSN wraps soon */
#define SIZE 1000

struct fixture {
	struct sctp_queue queue;
	struct sctp_outstanding o;
};

static void send(struct fixture *f, size_t count, usec now)
{
	static const uint8_t data[SIZE];
	for (size_t i = 0; i < count; i++) {
		struct sctp_message message = {.data = bytes_of(data, SIZE)};
		struct sctp_slice slice;
		assert_ok(sctp_queue_push(&f->queue, 0, &message));
		assert_true(sctp_queue_cut(&f->queue, SIZE, &slice));
		assert_ok(sctp_outstanding_reserve(&f->o));
		sctp_outstanding_add(&f->o, now, &slice);
	}
}

static void init(struct fixture *f, size_t count)
{
	sctp_queue_init(&f->queue);
	sctp_outstanding_init(&f->o, FIRST);
	send(f, count, 1000);
}

static void deinit(struct fixture *f)
{
	sctp_outstanding_deinit(&f->o, &f->queue);
	assert_int_equal(f->queue.bytes, 0);
	sctp_queue_deinit(&f->queue);
}

/* Acknowledges `cumulative` chunks and blocks, given as pairs relative to that, ended by 0. */
static struct sctp_ack ack(struct fixture *f, uint64_t cumulative, const uint16_t *pairs)
{
	uint8_t data[400];
	struct writer w = writer_of(data, sizeof data);
	for (size_t i = 0; pairs && pairs[i]; i++)
		write_u16(&w, pairs[i]);
	struct sctp_sack sack = {.cumulative = (uint32_t)(FIRST - 1 + cumulative),
		.window = 100000,
		.blocks = writer_bytes(&w)};
	return sctp_outstanding_ack(&f->o, &f->queue, 31000, &sack);
}

static void cumulative_acknowledgement_frees_messages_and_measures(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	struct sctp_ack a = ack(&f, 4, NULL);
	assert_true(a.valid && a.advanced && !a.stale);
	assert_int_equal(a.bytes, 4 * SIZE);
	assert_int_equal(a.round_trip, 30000);
	assert_int_equal(f.o.in_flight, 6 * SIZE);
	assert_int_equal(f.queue.bytes, 6 * SIZE);
	a = ack(&f, 4, NULL);
	assert_true(a.valid && !a.advanced);
	assert_int_equal(a.bytes, 0);
	assert_true(ack(&f, 3, NULL).stale);
	assert_false(ack(&f, 11, NULL).valid);
	assert_true(ack(&f, 10, NULL).advanced);
	assert_true(sctp_outstanding_is_empty(&f.o));
	deinit(&f);
}

static void the_third_report_of_a_gap_retransmits_once(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 10);
	assert_false(ack(&f, 0, (uint16_t[]){2, 2, 0}).loss);
	assert_false(ack(&f, 0, (uint16_t[]){2, 3, 0}).loss);
	/* A repetition is not a report. */
	assert_false(ack(&f, 0, (uint16_t[]){2, 3, 0}).loss);
	assert_false(ack(&f, 0, (uint16_t[]){2, 3, 0}).loss);
	assert_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(ack(&f, 0, (uint16_t[]){2, 4, 0}).loss);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(tsn == FIRST);
	sctp_outstanding_resend(&f.o, tsn);
	assert_int_equal(f.o.in_flight, 7 * SIZE);
	assert_true(f.o.recovering);
	/* What was sent before it was sent again says nothing about the second time. */
	for (uint16_t end = 5; end <= 9; end++)
		ack(&f, 0, (uint16_t[]){2, end, 0});
	assert_null(sctp_outstanding_lost(&f.o, &tsn));
	/* What was sent after does. */
	send(&f, 3, 2000);
	for (uint16_t end = 11; end <= 13; end++)
		ack(&f, 0, (uint16_t[]){2, end, 0});
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	sctp_outstanding_resend(&f.o, tsn);
	assert_true(ack(&f, 13, NULL).advanced);
	assert_false(f.o.recovering);
	deinit(&f);
}

static void nonsense_in_gap_blocks_is_ignored(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	struct sctp_ack a =
		ack(&f, 0, (uint16_t[]){1, 2, 5, 4, 3, 60000, 4, 5, 5, 8, 60000, 1, 8, 9, 0});
	assert_true(a.valid);
	assert_int_equal(a.bytes, 4 * SIZE); /* 4 to 5 and 8 to 9 */
	assert_int_equal(f.o.in_flight, 6 * SIZE);
	deinit(&f);
}

static void gap_blocks_that_are_taken_back_are_sent_again(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 10);
	ack(&f, 0, (uint16_t[]){3, 6, 0});
	assert_true(ack(&f, 2, NULL).advanced);
	for (uint64_t i = 2; i < 6; i++) {
		assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
		assert_true(tsn == FIRST + i);
		sctp_outstanding_resend(&f.o, tsn);
	}
	assert_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_int_equal(f.o.in_flight, 8 * SIZE);
	deinit(&f);
}

static void a_timeout_loses_all_but_what_gap_blocks_acknowledged(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 4);
	ack(&f, 0, (uint16_t[]){2, 3, 0});
	sctp_outstanding_lose_all(&f.o);
	assert_int_equal(f.o.in_flight, 0);
	assert_int_equal(f.o.lost, 2);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	sctp_outstanding_resend(&f.o, tsn);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(tsn == FIRST + 3);
	/* A late acknowledgement of what was given up is welcome, and not measured. */
	struct sctp_ack a = ack(&f, 4, NULL);
	assert_int_equal(a.round_trip, 0);
	assert_int_equal(f.o.lost, 0);
	assert_int_equal(f.o.in_flight, 0);
	deinit(&f);
}

/* Whatever a peer acknowledges, the sums stay right. */
static void random_acknowledgements_keep_the_books_straight(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct fixture f;
	init(&f, 0);
	for (int step = 0; step < 20000; step++) {
		if (f.o.next - f.o.first < 60)
			send(&f, 1 + (size_t)rng_below(&rng, 20), step);
		uint16_t pairs[21];
		for (size_t i = 0; i < 20; i++)
			pairs[i] = (uint16_t)(1 + rng_below(&rng, 70));
		pairs[20] = 0;
		uint64_t cumulative = f.o.first - FIRST + rng_below(&rng, 4);
		ack(&f, cumulative < f.o.next - FIRST ? cumulative : 0, pairs);
		if (rng_below(&rng, 50) == 0)
			sctp_outstanding_lose_all(&f.o);
		uint64_t tsn;
		if (sctp_outstanding_lost(&f.o, &tsn) && rng_below(&rng, 2))
			sctp_outstanding_resend(&f.o, tsn);
		size_t in_flight = 0, lost = 0;
		for (tsn = f.o.first; tsn < f.o.next; tsn++) {
			uint8_t s = f.o.ring[tsn & (f.o.capacity - 1)].state;
			in_flight += s == SCTP_SENT_IN_FLIGHT ? SIZE : 0;
			lost += s == SCTP_SENT_LOST;
		}
		assert_int_equal(f.o.in_flight, in_flight);
		assert_int_equal(f.o.lost, lost);
		assert_int_equal(f.queue.bytes, (f.o.next - f.o.first) * SIZE);
	}
	deinit(&f);
}

TESTS(TEST(cumulative_acknowledgement_frees_messages_and_measures),
	TEST(the_third_report_of_a_gap_retransmits_once), TEST(nonsense_in_gap_blocks_is_ignored),
	TEST(gap_blocks_that_are_taken_back_are_sent_again),
	TEST(a_timeout_loses_all_but_what_gap_blocks_acknowledged),
	TEST(random_acknowledgements_keep_the_books_straight))
