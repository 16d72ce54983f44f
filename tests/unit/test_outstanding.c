#include "sctp/outstanding.h"

#include "base/rng.h"
#include "sctp/limits.h"
#include "test.h"

#define FIRST ((UINT64_C(1) << 32) + 0xfffffffa) /* the wire TSN wraps soon */
#define SIZE 1000

struct fixture {
	struct sctp_queue queue;
	struct sctp_outstanding o;
};

/* Each in a packet of its own, a millisecond apart. */
static void send(struct fixture *f, size_t count, usec now)
{
	static const uint8_t data[SIZE];
	for (size_t i = 0; i < count; i++) {
		struct sctp_message message = {.data = bytes_of(data, SIZE)};
		struct sctp_slice slice;
		assert_ok(sctp_queue_push(&f->queue, 0, &message));
		assert_true(sctp_queue_cut(&f->queue, SIZE, &slice));
		assert_ok(sctp_outstanding_reserve(&f->o));
		sctp_outstanding_begin_packet(&f->o);
		sctp_outstanding_add(&f->o, now + (usec)i * USEC_PER_MS, &slice);
	}
}

static void resend(struct fixture *f, usec now)
{
	uint64_t tsn;
	assert_non_null(sctp_outstanding_lost(&f->o, &tsn));
	sctp_outstanding_begin_packet(&f->o);
	sctp_outstanding_resend(&f->o, now, tsn);
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

/* Acknowledges `cumulative` chunks and blocks, given as pairs relative to that, ended by 0, and
 * says that the `duplicates`th chunks, ended by 0, came twice. */
static struct sctp_ack ack_with(struct fixture *f, usec now, uint64_t cumulative,
	const uint16_t *pairs, const uint32_t *duplicates)
{
	uint8_t data[400], more[100];
	struct writer w = writer_of(data, sizeof data), d = writer_of(more, sizeof more);
	for (size_t i = 0; pairs && pairs[i]; i++)
		write_u16(&w, pairs[i]);
	for (size_t i = 0; duplicates && duplicates[i]; i++)
		write_u32(&d, (uint32_t)(FIRST - 1 + duplicates[i]));
	struct sctp_sack sack = {.cumulative = (uint32_t)(FIRST - 1 + cumulative),
		.window = 100000,
		.blocks = writer_bytes(&w),
		.duplicates = writer_bytes(&d)};
	return sctp_outstanding_ack(&f->o, &f->queue, now, &sack, 0);
}

static struct sctp_ack ack(struct fixture *f, uint64_t cumulative, const uint16_t *pairs)
{
	return ack_with(f, 31000, cumulative, pairs, NULL);
}

static struct sctp_loss detect(struct fixture *f, usec now)
{
	return sctp_outstanding_detect(&f->o, now, SCTP_PACKETS_TO_RETRANSMIT, 40 * USEC_PER_MS);
}

static void cumulative_acknowledgement_frees_messages_and_measures(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	struct sctp_ack a = ack(&f, 4, NULL);
	assert_true(a.valid && a.advanced && !a.stale);
	assert_int_equal(a.bytes, 4 * SIZE);
	assert_int_equal(a.round_trip, 27000); /* of the last of them */
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

static void three_later_packets_that_arrived_show_a_loss(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 10);
	ack(&f, 0, (uint16_t[]){2, 3, 0});
	struct sctp_loss loss = detect(&f, 31000);
	assert_int_equal(loss.bytes, 0);
	assert_true(loss.deadline == 41 * USEC_PER_MS);
	assert_null(sctp_outstanding_lost(&f.o, &tsn));
	ack(&f, 0, (uint16_t[]){2, 4, 0});
	loss = detect(&f, 31000);
	assert_true(loss.begins);
	assert_int_equal(loss.bytes, SIZE);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(tsn == FIRST);
	resend(&f, 32000);
	assert_int_equal(f.o.in_flight, 7 * SIZE);
	/* What was sent before it was sent again says nothing about the second time. */
	ack(&f, 0, (uint16_t[]){2, 9, 0});
	assert_int_equal(detect(&f, 60000).bytes, 0);
	/* What was sent after does, and that is a new loss. */
	send(&f, 3, 33000);
	struct sctp_ack a = ack_with(&f, 65000, 0, (uint16_t[]){2, 9, 11, 13, 0}, NULL);
	assert_false(a.recovering);
	loss = detect(&f, 65000);
	assert_true(loss.begins);
	assert_int_equal(loss.bytes, 2 * SIZE); /* and the tenth */
	resend(&f, 66000);
	resend(&f, 66000);
	a = ack_with(&f, 99000, 13, NULL, NULL);
	assert_true(a.advanced && !a.spurious);
	assert_int_equal(a.round_trip, 0); /* Karn's rule */
	deinit(&f);
}

static void what_was_overtaken_is_lost_when_its_time_has_come(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 3);
	ack(&f, 0, (uint16_t[]){3, 3, 0});
	struct sctp_loss loss = detect(&f, 40999);
	assert_int_equal(loss.bytes, 0);
	assert_true(loss.deadline == 41000);
	loss = detect(&f, loss.deadline);
	assert_int_equal(loss.bytes, SIZE);
	assert_true(loss.deadline == 42000);
	loss = detect(&f, loss.deadline);
	assert_int_equal(loss.bytes, SIZE);
	assert_false(loss.begins); /* of the same flight */
	assert_true(loss.deadline == USEC_NEVER);
	deinit(&f);
}

static void losses_of_one_flight_are_one_event(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 20);
	ack(&f, 0, (uint16_t[]){2, 5, 0});
	assert_true(detect(&f, 31000).begins);
	ack(&f, 0, (uint16_t[]){2, 5, 7, 10, 0});
	struct sctp_loss loss = detect(&f, 31000);
	assert_int_equal(loss.bytes, SIZE);
	assert_false(loss.begins);
	deinit(&f);
}

static void a_late_arrival_shows_that_the_loss_was_none(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	ack(&f, 0, (uint16_t[]){3, 6, 0});
	assert_int_equal(detect(&f, 31000).bytes, 2 * SIZE);
	struct sctp_ack a = ack(&f, 1, (uint16_t[]){2, 5, 0});
	assert_true(a.reordered);
	assert_false(a.spurious); /* the second is still missing */
	a = ack(&f, 6, NULL);
	assert_true(a.spurious);
	assert_int_equal(f.o.lost, 0);
	assert_int_equal(f.o.in_flight, 4 * SIZE);
	deinit(&f);
}

static void a_duplicate_shows_that_the_loss_was_none(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	ack(&f, 0, (uint16_t[]){3, 6, 0});
	assert_int_equal(detect(&f, 31000).bytes, 2 * SIZE);
	resend(&f, 32000);
	resend(&f, 32000);
	assert_false(ack_with(&f, 33000, 6, NULL, NULL).spurious);
	/* Not what was never taken for lost, and one for each. */
	assert_false(ack_with(&f, 62000, 6, NULL, (uint32_t[]){1, 0}).spurious);
	assert_true(ack_with(&f, 62000, 6, NULL, (uint32_t[]){2, 0}).spurious);
	assert_false(ack_with(&f, 62000, 6, NULL, (uint32_t[]){2, 0}).spurious);
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
		sctp_outstanding_resend(&f.o, 2000, tsn);
	}
	assert_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_int_equal(f.o.in_flight, 8 * SIZE);
	deinit(&f);
}

/* A peer may tell of one block again and again, each time from a little further on. */
static void a_block_that_gets_shorter_is_not_walked_through_again(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 200);
	assert_int_equal(ack(&f, 0, (uint16_t[]){2, 200, 0}).bytes, 199 * SIZE);
	assert_int_equal(ack(&f, 0, (uint16_t[]){3, 200, 0}).bytes, 0);
	assert_int_equal(sctp_outstanding_at(&f.o, FIRST + 2)->run, 198);
	assert_int_equal(sctp_outstanding_at(&f.o, FIRST + 3)->run, 197);
	assert_int_equal(sctp_outstanding_at(&f.o, FIRST + 100)->run, 100);
	deinit(&f);
}

static void an_abandoned_chunk_does_not_hide_what_was_taken_back_behind_it(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	ack(&f, 0, (uint16_t[]){3, 8, 0});
	ack(&f, 0, (uint16_t[]){5, 8, 0});
	sctp_outstanding_abandon(&f.o, FIRST + 4);
	ack(&f, 3, NULL);
	assert_int_equal(f.o.lost, 4);
	assert_int_equal(ack(&f, 3, (uint16_t[]){2, 5, 0}).bytes, 3 * SIZE);
	assert_int_equal(f.o.lost, 1);
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
	resend(&f, 500000);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(tsn == FIRST + 3);
	/* The first one's answer: the timer was right. */
	assert_false(ack_with(&f, 530000, 3, NULL, NULL).spurious);
	assert_int_equal(f.o.lost, 1);
	assert_int_equal(f.o.in_flight, 0);
	deinit(&f);
}

static void a_delay_that_the_timer_took_for_loss_is_recognised(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 10);
	sctp_outstanding_lose_all(&f.o);
	resend(&f, 500000);
	/* The second was not sent again, so its first copy arrived. */
	struct sctp_ack a = ack_with(&f, 501000, 2, NULL, NULL);
	assert_true(a.spurious);
	assert_int_equal(a.bytes, 2 * SIZE);
	sctp_outstanding_restore(&f.o);
	assert_int_equal(f.o.lost, 0);
	assert_int_equal(f.o.in_flight, 8 * SIZE);
	/* In the order of sending, so that the next to be overtaken is the oldest. */
	ack_with(&f, 502000, 2, (uint16_t[]){4, 8, 0}, NULL);
	assert_int_equal(detect(&f, 30000).bytes, 3 * SIZE);
	deinit(&f);
}

static void what_was_restored_stands_before_what_was_sent_later(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 6);
	sctp_outstanding_lose_all(&f.o);
	resend(&f, 500000);
	send(&f, 1, 500000);
	assert_true(ack_with(&f, 501000, 2, NULL, NULL).spurious);
	sctp_outstanding_restore(&f.o);
	uint64_t packet = 0;
	size_t seen = 0;
	for (uint64_t tsn = f.o.oldest;; seen++) {
		const struct sctp_sent *sent = &f.o.ring[tsn & (f.o.capacity - 1)];
		assert_true(sent->packet >= packet);
		packet = sent->packet;
		if (tsn == f.o.newest)
			break;
		tsn = f.o.first + (uint32_t)(sent->newer - (uint32_t)f.o.first);
	}
	assert_int_equal(seen + 1, f.o.in_flight_count);
	assert_int_equal(seen, 4);
	deinit(&f);
}

static struct sctp_ack ack_sooner_than(
	struct fixture *f, usec now, uint64_t cumulative, usec min_round_trip)
{
	struct sctp_sack sack = {.cumulative = (uint32_t)(FIRST - 1 + cumulative)};
	return sctp_outstanding_ack(&f->o, &f->queue, now, &sack, min_round_trip);
}

static void an_answer_sooner_than_a_round_trip_is_noted_until_one_counts(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, 6);
	sctp_outstanding_lose_all(&f.o);
	for (usec i = 0; i < 4; i++)
		resend(&f, 500000 + i * USEC_PER_MS);
	assert_true(f.o.soon == 0);
	/* Of several the longest: the others may have been answered by it. */
	assert_int_equal(ack_sooner_than(&f, 528000, 2, 100000).round_trip, 0);
	assert_true(f.o.soon == 28000);
	ack_sooner_than(&f, 529000, 2, 100000);
	assert_true(f.o.soon == 28000); /* which tells nothing new */
	ack_sooner_than(&f, 532000, 3, 100000);
	assert_true(f.o.soon == 30000);
	assert_true(f.o.soon_since == 528000);
	struct sctp_ack late = ack_sooner_than(&f, 603000, 4, 99999);
	assert_true(f.o.soon == 0);
	assert_int_equal(late.round_trip, 0);
	assert_int_equal(late.answer_to_resent, 100000);
	deinit(&f);
}

static void take_last(struct fixture *f)
{
	uint64_t tsn;
	if (sctp_outstanding_last(&f->o, &tsn))
		sctp_outstanding_take(&f->o, tsn);
}

static void the_last_one_can_be_sent_again_as_a_probe(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 3);
	take_last(&f);
	assert_non_null(sctp_outstanding_lost(&f.o, &tsn));
	assert_true(tsn == FIRST + 2);
	resend(&f, 2000);
	assert_int_equal(f.o.in_flight, 3 * SIZE);
	/* Its answer shows that the others were lost. */
	ack_with(&f, 60000, 0, (uint16_t[]){3, 3, 0}, NULL);
	assert_int_equal(detect(&f, 60000).bytes, 2 * SIZE);
	resend(&f, 60000);
	resend(&f, 60000);
	ack_with(&f, 90000, 3, NULL, NULL);
	assert_null(sctp_outstanding_last(&f.o, &tsn));
	deinit(&f);
}

static void what_is_in_flight_is_walked_from_the_last_sent_to_the_first(void **state)
{
	(void)state;
	struct fixture f;
	uint64_t tsn;
	init(&f, 3);
	sctp_outstanding_take(&f.o, FIRST + 1);
	resend(&f, 2000);
	const uint64_t order[] = {FIRST + 1, FIRST + 2, FIRST};
	const struct sctp_sent *sent = sctp_outstanding_last(&f.o, &tsn);
	for (size_t i = 0; i < 3; i++) {
		assert_non_null(sent);
		assert_true(tsn == order[i]);
		sent = sctp_outstanding_before(&f.o, tsn, &tsn);
	}
	assert_null(sent);
	deinit(&f);
}

/* The books: sums, and the list of what is in flight, against the ring. */
static void assert_straight(const struct fixture *f)
{
	size_t in_flight = 0, lost = 0, linked = 0;
	uint64_t packet = 0;
	for (uint64_t tsn = f->o.first; tsn < f->o.next; tsn++) {
		uint8_t s = f->o.ring[tsn & (f->o.capacity - 1)].state;
		in_flight += s == SCTP_SENT_IN_FLIGHT ? SIZE : 0;
		lost += s == SCTP_SENT_LOST;
	}
	assert_int_equal(f->o.in_flight, in_flight);
	assert_int_equal(f->o.in_flight_count * SIZE, in_flight);
	assert_int_equal(f->o.lost, lost);
	assert_int_equal(f->queue.bytes, (f->o.next - f->o.first) * SIZE);
	for (uint64_t tsn = f->o.oldest; linked < f->o.in_flight_count;) {
		const struct sctp_sent *sent = &f->o.ring[tsn & (f->o.capacity - 1)];
		assert_int_equal(sent->state, SCTP_SENT_IN_FLIGHT);
		assert_true(sent->packet >= packet);
		packet = sent->packet;
		linked++;
		if (linked == f->o.in_flight_count)
			assert_true(tsn == f->o.newest);
		tsn = f->o.first + (uint32_t)(sent->newer - (uint32_t)f->o.first);
	}
}

/* Whatever a peer acknowledges, and whenever timers expire, the sums stay right. */
static void random_acknowledgements_keep_the_books_straight(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct fixture f;
	init(&f, 0);
	for (int step = 0; step < 20000; step++) {
		if (f.o.next - f.o.first < 60)
			send(&f, 1 + (size_t)rng_below(&rng, 20), step * USEC_PER_MS);
		uint16_t pairs[21];
		for (size_t i = 0; i < 20; i++)
			pairs[i] = (uint16_t)(1 + rng_below(&rng, 70));
		pairs[20] = 0;
		uint32_t duplicates[] = {1 + (uint32_t)rng_below(&rng, 100000), 0};
		uint64_t cumulative = f.o.first - FIRST + rng_below(&rng, 4);
		struct sctp_ack a = ack_with(&f, (step + 20) * USEC_PER_MS,
			cumulative < f.o.next - FIRST ? cumulative : 0, pairs, duplicates);
		if (rng_below(&rng, 3) == 0)
			detect(&f, (step + 20) * USEC_PER_MS);
		if (rng_below(&rng, 50) == 0)
			sctp_outstanding_lose_all(&f.o);
		if (a.spurious || rng_below(&rng, 100) == 0)
			sctp_outstanding_restore(&f.o);
		if (rng_below(&rng, 20) == 0)
			take_last(&f);
		uint64_t tsn;
		if (sctp_outstanding_lost(&f.o, &tsn) && rng_below(&rng, 2))
			resend(&f, (step + 21) * USEC_PER_MS);
		assert_straight(&f);
	}
	deinit(&f);
}

TESTS(TEST(cumulative_acknowledgement_frees_messages_and_measures),
	TEST(three_later_packets_that_arrived_show_a_loss),
	TEST(what_was_overtaken_is_lost_when_its_time_has_come),
	TEST(losses_of_one_flight_are_one_event), TEST(a_late_arrival_shows_that_the_loss_was_none),
	TEST(a_duplicate_shows_that_the_loss_was_none), TEST(nonsense_in_gap_blocks_is_ignored),
	TEST(gap_blocks_that_are_taken_back_are_sent_again),
	TEST(a_block_that_gets_shorter_is_not_walked_through_again),
	TEST(an_abandoned_chunk_does_not_hide_what_was_taken_back_behind_it),
	TEST(a_timeout_loses_all_but_what_gap_blocks_acknowledged),
	TEST(a_delay_that_the_timer_took_for_loss_is_recognised),
	TEST(what_was_restored_stands_before_what_was_sent_later),
	TEST(an_answer_sooner_than_a_round_trip_is_noted_until_one_counts),
	TEST(the_last_one_can_be_sent_again_as_a_probe),
	TEST(what_is_in_flight_is_walked_from_the_last_sent_to_the_first),
	TEST(random_acknowledgements_keep_the_books_straight))
