#include "sctp/reassembly.h"

#include "base/rng.h"
#include "test.h"

#define BASE (UINT64_C(1) << 32)
#define B SCTP_DATA_BEGIN
#define E SCTP_DATA_END
#define U SCTP_DATA_UNORDERED

struct fixture {
	struct sctp_inbox inbox;
	struct sctp_reassembly r;
};

static void init(struct fixture *f)
{
	f->inbox = (struct sctp_inbox){0};
	struct rng rng = rng_seeded(1);
	sctp_reassembly_init(&f->r, &f->inbox, 100, &rng);
}

static void deinit(struct fixture *f)
{
	sctp_reassembly_deinit(&f->r);
	sctp_inbox_deinit(&f->inbox);
}

static struct sctp_data data(uint16_t stream, uint16_t ssn, unsigned flags, const char *text)
{
	return (struct sctp_data){.stream = stream,
		.ssn = ssn,
		.flags = (uint8_t)flags,
		.payload = bytes_of_text(text)};
}

static enum err append(
	struct fixture *f, uint16_t stream, uint16_t ssn, unsigned flags, const char *text)
{
	struct sctp_data d = data(stream, ssn, flags, text);
	return sctp_reassembly_append(&f->r, &d);
}

static enum err hold(struct fixture *f, uint64_t tsn, uint16_t stream, uint16_t ssn, unsigned flags,
	const char *text)
{
	struct sctp_data d = data(stream, ssn, flags, text);
	return sctp_reassembly_hold(&f->r, BASE, BASE + tsn, &d);
}

static void assert_message(struct fixture *f, const char *text)
{
	struct sctp_event event;
	assert_true(sctp_inbox_pop(&f->inbox, &event));
	assert_int_equal(event.type, SCTP_EVENT_MESSAGE);
	assert_true(bytes_equal_text(event.message.data, text));
}

static void assert_nothing(struct fixture *f)
{
	struct sctp_event event;
	assert_false(sctp_inbox_pop(&f->inbox, &event));
}

static void fragments_in_order_make_a_message(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(append(&f, 1, 0, B, "to"));
	assert_ok(append(&f, 1, 0, 0, "get"));
	assert_int_equal(f.r.bytes, 5);
	assert_nothing(&f);
	assert_ok(append(&f, 1, 0, E, "her"));
	assert_message(&f, "together");
	assert_ok(append(&f, 1, 1, B | E, "whole"));
	assert_message(&f, "whole");
	assert_int_equal(f.r.bytes, 0);
	assert_int_equal(f.r.items, 0);
	deinit(&f);
}

static void what_waits_for_nothing_goes_ahead_of_a_gap(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	/* TSN 1 is missing: the first half of a message on stream 1. */
	assert_ok(hold(&f, 2, 1, 0, E, "day"));
	assert_ok(hold(&f, 3, 1, 1, B | E, "later"));
	assert_ok(hold(&f, 4, 2, 0, B | E, "other stream"));
	assert_message(&f, "other stream");
	assert_ok(hold(&f, 6, 1, 0, U | E, "dered"));
	assert_ok(hold(&f, 5, 1, 0, U | B, "unor"));
	assert_message(&f, "unordered");
	assert_nothing(&f);
	assert_ok(append(&f, 1, 0, B, "to"));
	for (uint64_t tsn = 2; tsn <= 6; tsn++)
		assert_ok(sctp_reassembly_release(&f.r, BASE + tsn));
	assert_message(&f, "today");
	assert_message(&f, "later");
	assert_nothing(&f);
	assert_int_equal(f.r.items, 0);
	assert_null(f.r.held.items);
	deinit(&f);
}

static void any_order_of_fragments_gives_the_message(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	for (int round = 0; round < 200; round++) {
		struct fixture f;
		init(&f);
		size_t order[10];
		for (size_t i = 0; i < 10; i++) {
			size_t j = (size_t)rng_below(&rng, i + 1);
			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < 10; i++) {
			char text[2] = {(char)('a' + order[i])};
			unsigned flags = (order[i] == 0 ? B : 0u) | (order[i] == 9 ? E : 0u);
			assert_nothing(&f);
			assert_ok(hold(&f, 2 + order[i], 0, 0, flags, text));
		}
		assert_message(&f, "abcdefghij");
		deinit(&f);
	}
}

static void fragments_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	static const struct {
		struct {
			uint16_t stream, ssn;
			unsigned flags;
		} first, second;
	} cases[] = {
		{{1, 0, B}, {1, 0, B}},
		{{1, 0, B}, {1, 1, B | E}},
		{{1, 0, B}, {2, 0, E}},
		{{1, 0, B}, {1, 1, E}},
		{{1, 0, B}, {1, 0, U | E}},
		{{1, 0, B | E}, {1, 1, E}},
		{{1, 0, B | E}, {1, 1, 0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		init(&f);
		assert_ok(append(
			&f, cases[i].first.stream, cases[i].first.ssn, cases[i].first.flags, "a"));
		assert_err(append(&f, cases[i].second.stream, cases[i].second.ssn,
				   cases[i].second.flags, "b"),
			ERR_MALFORMED);
		deinit(&f);
		/* And the same two, held, unless the first was complete and is gone. */
		init(&f);
		assert_ok(hold(&f, 5, cases[i].first.stream, cases[i].first.ssn,
			cases[i].first.flags, "a"));
		if (!(cases[i].first.flags & E))
			assert_err(hold(&f, 6, cases[i].second.stream, cases[i].second.ssn,
					   cases[i].second.flags, "b"),
				ERR_MALFORMED);
		deinit(&f);
	}
}

static void a_number_twice_is_refused(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(hold(&f, 5, 1, 3, B | E, "a"));
	assert_err(hold(&f, 6, 1, 3, B | E, "a"), ERR_MALFORMED);
	deinit(&f);
	init(&f);
	assert_ok(append(&f, 1, 0, B | E, "a"));
	assert_err(append(&f, 1, 0, B | E, "a"), ERR_MALFORMED);
	deinit(&f);
}

static void the_maximum_is_kept_in_order_and_out_of_it(void **state)
{
	(void)state;
	char text[61];
	memset(text, 'x', 60);
	text[60] = 0;
	struct fixture f;
	init(&f);
	assert_ok(append(&f, 1, 0, B, text));
	assert_err(append(&f, 1, 0, E, text), ERR_TOO_LARGE);
	deinit(&f);
	init(&f);
	assert_ok(hold(&f, 5, 1, 0, B, text));
	assert_err(hold(&f, 6, 1, 0, E, text), ERR_TOO_LARGE);
	deinit(&f);
}

static void stream_numbers_wrap(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	for (uint32_t i = 0; i < 70000; i++) {
		assert_ok(append(&f, 1, (uint16_t)i, B | E, "a"));
		assert_message(&f, "a");
	}
	deinit(&f);
}

static void what_the_peer_abandons_is_dropped(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(append(&f, 1, 0, B, "never finished"));
	assert_ok(hold(&f, 3, 1, 0, E, "lost"));
	assert_ok(hold(&f, 5, 1, 2, B | E, "two"));
	assert_ok(hold(&f, 7, 1, 4, B | E, "four"));
	sctp_reassembly_skip(&f.r, BASE + 1, BASE + 3);
	assert_ok(sctp_reassembly_skip_messages(&f.r, 1, 1));
	assert_message(&f, "two");
	assert_nothing(&f);
	assert_int_equal(f.r.items, 1);
	assert_ok(append(&f, 1, 3, B | E, "three"));
	assert_message(&f, "three");
	assert_message(&f, "four");
	assert_int_equal(f.r.bytes, 0);
	deinit(&f);
}

/* pion puts the numbers of unordered messages into its FORWARD-TSN, and then sends ordered ones
 * with lower numbers that it had not sent yet. */
static void what_comes_though_it_was_given_up_is_a_message_too(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(append(&f, 1, 0, B | E, "zero"));
	sctp_reassembly_skip(&f.r, BASE + 1, BASE + 2);
	assert_ok(sctp_reassembly_skip_messages(&f.r, 1, 9));
	assert_ok(append(&f, 1, 10, U | B | E, "unordered"));
	assert_ok(append(&f, 1, 4, B, "fo"));
	assert_ok(append(&f, 1, 4, E, "ur"));
	assert_ok(hold(&f, 7, 1, 6, B | E, "six"));
	assert_message(&f, "zero");
	assert_message(&f, "unordered");
	assert_message(&f, "four");
	assert_message(&f, "six");
	/* None overtakes another. */
	assert_ok(append(&f, 1, 5, B | E, "five"));
	assert_ok(append(&f, 1, 6, B | E, "six"));
	assert_ok(append(&f, 1, 0, B | E, "zero"));
	assert_nothing(&f);
	assert_int_equal(f.r.dropped_late, 3);
	assert_ok(append(&f, 1, 10, B | E, "ten"));
	assert_ok(append(&f, 1, 9, B | E, "nine"));
	assert_message(&f, "ten");
	assert_nothing(&f);
	assert_int_equal(f.r.dropped_late, 4);
	assert_int_equal(f.r.bytes, 0);
	assert_int_equal(f.r.items, 0);
	/* What was not given up has its number once, all the same. */
	assert_err(append(&f, 1, 10, B | E, "ten"), ERR_MALFORMED);
	deinit(&f);
	/* One that waited was handed over when the peer gave up what it waited for. */
	init(&f);
	assert_ok(hold(&f, 5, 1, 3, B | E, "three"));
	assert_ok(sctp_reassembly_skip_messages(&f.r, 1, 4));
	assert_message(&f, "three");
	assert_ok(append(&f, 1, 2, B | E, "two"));
	assert_ok(append(&f, 1, 4, B | E, "four"));
	assert_message(&f, "four");
	assert_nothing(&f);
	assert_int_equal(f.r.dropped_late, 1);
	deinit(&f);
}

/* RFC 3758 section 3.5: what has no TSN yet when a message is given up is never sent. */
static void a_message_that_is_broken_off_gives_way_to_the_next(void **state)
{
	(void)state;
	struct fixture f;
	/* In order, before the news of it. */
	init(&f);
	f.r.may_break_off = true;
	assert_ok(append(&f, 1, 0, B, "never"));
	assert_ok(append(&f, 1, 0, 0, "finished"));
	assert_ok(append(&f, 1, 1, B, "ne"));
	assert_ok(append(&f, 1, 1, E, "xt"));
	assert_nothing(&f);
	assert_ok(append(&f, 2, 0, U | B | E, "unordered"));
	assert_message(&f, "unordered");
	sctp_reassembly_skip(&f.r, BASE, BASE + 2);
	assert_ok(sctp_reassembly_skip_messages(&f.r, 1, 0));
	assert_message(&f, "next");
	assert_int_equal(f.r.bytes, 0);
	assert_int_equal(f.r.items, 0);
	deinit(&f);
	/* Beyond a gap, in either order, and then the gap is closed. */
	for (int turned = 0; turned < 2; turned++) {
		init(&f);
		f.r.may_break_off = true;
		if (!turned)
			assert_ok(hold(&f, 3, 1, 1, B, "broken"));
		assert_ok(hold(&f, 4, 2, 0, B | E, "ahead"));
		if (turned)
			assert_ok(hold(&f, 3, 1, 1, B, "broken"));
		assert_message(&f, "ahead");
		assert_ok(hold(&f, 5, 1, 2, B | E, "last"));
		assert_ok(append(&f, 1, 0, B | E, "first"));
		for (uint64_t tsn = 3; tsn <= 5; tsn++)
			assert_ok(sctp_reassembly_release(&f.r, BASE + tsn));
		assert_message(&f, "first");
		assert_nothing(&f);
		assert_ok(sctp_reassembly_skip_messages(&f.r, 1, 1));
		assert_message(&f, "last");
		assert_int_equal(f.r.bytes, 0);
		deinit(&f);
	}
	/* The rest of another message is none of this one, all the same. */
	init(&f);
	f.r.may_break_off = true;
	assert_ok(append(&f, 1, 0, B, "a"));
	assert_err(append(&f, 1, 1, E, "b"), ERR_MALFORMED);
	assert_ok(hold(&f, 5, 1, 3, B, "c"));
	assert_err(hold(&f, 6, 1, 4, E, "d"), ERR_MALFORMED);
	deinit(&f);
}

static void after_a_reset_numbers_begin_again(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(append(&f, 1, 0, B | E, "a"));
	assert_ok(append(&f, 1, 1, B | E, "b"));
	sctp_reassembly_reset(&f.r, 1);
	sctp_reassembly_reset(&f.r, 2);
	assert_ok(append(&f, 1, 0, B | E, "c"));
	assert_message(&f, "a");
	assert_message(&f, "b");
	assert_message(&f, "c");
	deinit(&f);
}

TESTS(TEST(fragments_in_order_make_a_message), TEST(what_waits_for_nothing_goes_ahead_of_a_gap),
	TEST(any_order_of_fragments_gives_the_message),
	TEST(fragments_that_contradict_each_other_are_refused), TEST(a_number_twice_is_refused),
	TEST(the_maximum_is_kept_in_order_and_out_of_it), TEST(stream_numbers_wrap),
	TEST(what_the_peer_abandons_is_dropped),
	TEST(what_comes_though_it_was_given_up_is_a_message_too),
	TEST(a_message_that_is_broken_off_gives_way_to_the_next),
	TEST(after_a_reset_numbers_begin_again))
