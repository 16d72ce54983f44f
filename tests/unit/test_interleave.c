#include "base/rng.h"
#include "sctp/ordering.h"
#include "sctp_pair.h"

#define B SCTP_DATA_BEGIN
#define E SCTP_DATA_END
#define U SCTP_DATA_UNORDERED

struct fixture {
	struct sctp_inbox inbox;
	struct sctp_reassembly r;
};

static void init(struct fixture *f)
{
	struct rng rng = rng_seeded(1);
	f->inbox = (struct sctp_inbox){0};
	sctp_reassembly_init(&f->r, &f->inbox, 100, &rng);
}

static void deinit(struct fixture *f)
{
	sctp_reassembly_deinit(&f->r);
	sctp_inbox_deinit(&f->inbox);
}

static enum err receive(struct fixture *f, uint16_t stream, uint32_t mid, uint32_t fsn,
	unsigned flags, const char *text)
{
	struct sctp_data data = {.stream = stream,
		.mid = mid,
		.fsn = flags & B ? 0 : fsn,
		.ppid = flags & B ? 53 : 0,
		.flags = (uint8_t)flags,
		.payload = bytes_of_text(text)};
	return sctp_interleave_receive(&f->r, &data);
}

static void assert_message(struct fixture *f, uint16_t stream, const char *text)
{
	struct sctp_event event;
	assert_true(sctp_inbox_pop(&f->inbox, &event));
	assert_int_equal(event.message.stream, stream);
	assert_int_equal(event.message.ppid, 53);
	assert_true(bytes_equal_text(event.message.data, text));
}

static void assert_nothing(struct fixture *f)
{
	struct sctp_event event;
	assert_false(sctp_inbox_pop(&f->inbox, &event));
}

static void assert_empty(struct fixture *f)
{
	assert_nothing(f);
	assert_int_equal(f->r.bytes, 0);
	assert_int_equal(f->r.items, 0);
	assert_null(f->r.messages.buckets);
	assert_null(f->r.fragments.buckets);
}

static void messages_of_streams_and_orders_interleave(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(receive(&f, 1, 0, 0, B, "one-"));
	assert_ok(receive(&f, 2, 0, 0, B, "two-"));
	assert_ok(receive(&f, 1, 0, 0, U | B, "unordered-"));
	assert_ok(receive(&f, 3, 0, 0, B | E, "whole"));
	assert_message(&f, 3, "whole");
	assert_ok(receive(&f, 2, 0, 1, 0, "t-"));
	assert_ok(receive(&f, 1, 0, 1, E, "o"));
	assert_message(&f, 1, "one-o");
	assert_ok(receive(&f, 1, 0, 1, U | E, "u"));
	assert_message(&f, 1, "unordered-u");
	assert_ok(receive(&f, 2, 1, 0, B | E, "next of two"));
	assert_nothing(&f);
	assert_ok(receive(&f, 2, 0, 2, E, "t"));
	assert_message(&f, 2, "two-t-t");
	assert_message(&f, 2, "next of two");
	assert_empty(&f);
	deinit(&f);
}

static void any_order_of_fragments_gives_the_messages_in_order(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	for (int round = 0; round < 200; round++) {
		struct fixture f;
		init(&f);
		/* Three messages of ten fragments. */
		size_t order[30];
		for (size_t i = 0; i < 30; i++) {
			size_t j = (size_t)rng_below(&rng, i + 1);
			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < 30; i++) {
			uint32_t mid = (uint32_t)order[i] / 10, fsn = (uint32_t)order[i] % 10;
			char text[2] = {(char)('a' + fsn)};
			unsigned flags = (fsn == 0 ? B : 0u) | (fsn == 9 ? E : 0u);
			assert_ok(receive(&f, 7, mid, fsn, flags, text));
		}
		for (int i = 0; i < 3; i++)
			assert_message(&f, 7, "abcdefghij");
		assert_empty(&f);
		deinit(&f);
	}
}

static void fragments_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint32_t fsn[2];
		unsigned flags[2];
	} cases[] = {
		{{0, 0}, {B, B}},         /* the first twice */
		{{3, 3}, {0, 0}},         /* one that is early, twice */
		{{0, 0}, {B, 0}},         /* a first without its bit */
		{{0, 0}, {B, B | E}},     /* begun, and then whole */
		{{3, 4}, {E, 0}},         /* beyond the end */
		{{4, 3}, {0, E}},         /* an end before what was seen */
		{{3, 4}, {E, E}},         /* two ends */
		{{3, 0}, {0, B | E}},     /* early, and then whole */
		{{3, 0}, {U, U | B | E}}, /* the same, unordered */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct fixture f;
		init(&f);
		assert_ok(receive(&f, 1, 0, cases[i].fsn[0], cases[i].flags[0], "a"));
		assert_err(
			receive(&f, 1, 0, cases[i].fsn[1], cases[i].flags[1], "a"), ERR_MALFORMED);
		deinit(&f);
	}
	struct fixture f;
	init(&f);
	assert_ok(receive(&f, 1, 1, 0, B | E, "a"));
	assert_err(receive(&f, 1, 1, 0, B | E, "a"), ERR_MALFORMED);
	assert_err(receive(&f, 1, 1, 3, 0, "a"), ERR_MALFORMED);
	assert_err(receive(&f, 1, SCTP_TSN_SPAN_MAX, 0, B, "a"), ERR_MALFORMED);
	deinit(&f);
}

static void the_maximum_is_kept_in_order_and_out_of_it(void **state)
{
	(void)state;
	char text[102];
	memset(text, 'x', 101);
	text[101] = 0;
	struct fixture f;
	init(&f);
	assert_err(receive(&f, 1, 0, 0, B | E, text), ERR_TOO_LARGE);
	text[60] = 0;
	assert_ok(receive(&f, 1, 0, 0, B, text));
	assert_err(receive(&f, 1, 0, 1, 0, text), ERR_TOO_LARGE);
	assert_ok(receive(&f, 1, 0, 5, U, text));
	assert_err(receive(&f, 1, 0, 9, U, text), ERR_TOO_LARGE);
	deinit(&f);
}

static void what_the_peer_gives_up_is_dropped_by_stream_and_order(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(receive(&f, 1, 0, 0, B, "given up"));
	assert_ok(receive(&f, 1, 0, 2, 0, "early"));
	assert_ok(receive(&f, 1, 0, 0, U | B, "unordered"));
	assert_ok(receive(&f, 1, 1, 0, B | E, "one"));
	assert_ok(receive(&f, 1, 3, 0, B | E, "three"));
	assert_ok(receive(&f, 2, 0, 0, B, "other stream"));
	assert_ok(sctp_interleave_skip(&f.r, 1, false, 0));
	assert_message(&f, 1, "one");
	assert_nothing(&f);
	/* What comes late of it is nothing. */
	assert_ok(receive(&f, 1, 0, 1, 0, "late"));
	assert_ok(receive(&f, 1, 0, 0, B | E, "late"));
	assert_ok(sctp_interleave_skip(&f.r, 1, false, 2));
	assert_message(&f, 1, "three");
	assert_ok(receive(&f, 1, 0, 1, U | E, "!"));
	assert_message(&f, 1, "unordered!");
	assert_ok(receive(&f, 1, 7, 0, U | B, "seven"));
	assert_ok(receive(&f, 1, 8, 0, U | B, "eight"));
	assert_ok(sctp_interleave_skip(&f.r, 1, true, 7));
	assert_err(receive(&f, 1, 8, 0, U | B, "eight"), ERR_MALFORMED);
	assert_ok(receive(&f, 1, 8, 1, U | E, "."));
	assert_message(&f, 1, "eight.");
	assert_ok(sctp_interleave_skip(&f.r, 2, false, 0));
	assert_empty(&f);
	deinit(&f);
}

static void unordered_numbers_wrap(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	assert_ok(receive(&f, 1, UINT32_MAX / 2, 0, U | B | E, "half way"));
	assert_message(&f, 1, "half way");
	assert_ok(receive(&f, 1, UINT32_MAX, 0, U | B, "last"));
	assert_ok(receive(&f, 1, 0, 0, U | B, "first"));
	assert_ok(receive(&f, 1, 1, 0, U | B, "second"));
	assert_ok(sctp_interleave_skip(&f.r, 1, true, 0));
	assert_int_equal(f.r.messages.count, 1);
	assert_ok(receive(&f, 1, 1, 1, U | E, "!"));
	assert_message(&f, 1, "second!");
	/* A part that comes late begins nothing. */
	assert_ok(receive(&f, 1, 0, 1, U | E, "late"));
	assert_ok(receive(&f, 1, UINT32_MAX, 1, U, "late"));
	assert_empty(&f);
	deinit(&f);
}

static void messages_begun_on_a_stream_are_limited(void **state)
{
	(void)state;
	struct fixture f;
	init(&f);
	for (uint32_t mid = 0; mid < SCTP_STARTED_MAX; mid++)
		assert_ok(receive(&f, 1, mid, 0, U | B, "a"));
	assert_err(receive(&f, 1, SCTP_STARTED_MAX, 0, U | B, "a"), ERR_NOMEM);
	assert_ok(receive(&f, 1, 5, 1, U | E, "b"));
	assert_ok(receive(&f, 1, SCTP_STARTED_MAX, 0, U | B, "a"));
	deinit(&f);
}

/* The guess at the size of a message must not become memory that nobody counts. */
static void memory_of_small_messages_after_a_large_one_is_small(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(1);
	struct fixture f = {0};
	static uint8_t large[60000];
	sctp_reassembly_init(&f.r, &f.inbox, 200000, &rng);
	for (uint32_t mid = 0; mid < 3; mid++) {
		size_t size = mid == 0 ? sizeof large : 1;
		struct sctp_data data = {
			.stream = 1, .mid = mid, .flags = B, .payload = bytes_of(large, size)};
		assert_ok(sctp_interleave_receive(&f.r, &data));
		data.flags = E;
		data.fsn = 1;
		assert_ok(sctp_interleave_receive(&f.r, &data));
	}
	for (const struct sctp_inbox_item *item = f.inbox.first; item; item = item->next)
		assert_true(item->capacity <= 2 * item->size);
	/* While others are in progress there is no guess. */
	for (uint16_t stream = 2; stream < 5; stream++) {
		struct sctp_data data = {
			.stream = stream, .flags = B, .payload = bytes_of(large, 1)};
		assert_ok(sctp_interleave_receive(&f.r, &data));
		if (stream > 2)
			assert_true(sctp_ordering_find(&f.r, stream, false, SCTP_NUMBER_FIRST)
					    ->item->capacity <= 2);
	}
	deinit(&f);
}

/* ---- In an association ---- */

static void give(struct pair *p, enum sctp_chunk_type type)
{
	uint8_t packet[1200];
	struct sctp_assoc *to = p->end[1].assoc;
	struct writer w = writer_of(packet, sizeof packet);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, to->local_tag});
	struct sctp_data data = {.flags = B | E,
		.tsn = (uint32_t)p->end[0].assoc->outstanding.next,
		.payload = bytes_of("", 1)};
	if (type == SCTP_DATA) {
		sctp_data_write(&w, &data);
	} else if (type == SCTP_I_DATA) {
		sctp_i_data_write(&w, &data);
	} else {
		size_t place = sctp_chunk_begin(&w, type, 0);
		write_u32(&w, data.tsn);
		sctp_chunk_end(&w, place);
	}
	sctp_packet_seal(&w);
	sctp_receive(to, p->now, writer_bytes(&w));
}

static void chunks_that_were_not_agreed_on_end_the_association(void **state)
{
	(void)state;
	static const struct {
		bool first, second; /* do not interleave */
		enum sctp_chunk_type wrong, right;
	} cases[] = {
		{false, false, SCTP_DATA, SCTP_I_DATA},
		{false, false, SCTP_FORWARD_TSN, SCTP_I_FORWARD_TSN},
		{true, false, SCTP_I_DATA, SCTP_DATA},
		{false, true, SCTP_I_DATA, SCTP_DATA},
		{false, true, SCTP_I_FORWARD_TSN, SCTP_FORWARD_TSN},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		for (int wrong = 0; wrong < 2; wrong++) {
			struct pair p;
			pair_init_with(&p, i,
				(struct sctp_config){.no_interleaving = cases[i].first},
				(struct sctp_config){.no_interleaving = cases[i].second});
			pair_connect(&p);
			give(&p, wrong ? cases[i].wrong : cases[i].right);
			pair_drain(&p);
			assert_int_equal(p.end[1].closed, wrong);
			assert_int_equal(
				wrong ? p.end[1].reason : SCTP_CLOSE_PROTOCOL, SCTP_CLOSE_PROTOCOL);
			pair_deinit(&p);
		}
}

static void messages_arrive_whatever_either_end_can_do(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct pair p;
		pair_init_with(&p, seed, (struct sctp_config){.no_interleaving = seed & 1},
			(struct sctp_config){.no_interleaving = seed & 2});
		p.loss = 10;
		p.jitter = 20 * USEC_PER_MS;
		pair_connect(&p);
		for (int i = 0; i < 100; i++)
			for (int from = 0; from < 2; from++)
				assert_ok(pair_send(&p, from, (uint16_t)(i % 7), i % 3 == 0,
					1 + (size_t)rng_below(&p.rng, 20000)));
		pair_run(&p, 600 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.end[i].received, 100);
			pair_assert_empty(p.end[i].assoc);
			assert_int_equal(p.end[i].assoc->interleaving, seed % 4 == 0);
		}
		pair_deinit(&p);
	}
}

/* Each as large as may be, on so many streams that the window holds few of them. */
static void many_large_messages_do_not_block_each_other(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){.send_queue_max = 100 * 1024 * 1024},
		(struct sctp_config){0});
	pair_connect(&p);
	for (uint16_t stream = 0; stream < 20; stream++)
		assert_ok(pair_send(&p, 0, stream, false, SCTP_MESSAGE_MAX_DEFAULT));
	size_t most = 0;
	for (usec until = p.now + 60 * USEC_PER_SEC; p.end[1].received < 20;) {
		assert_true(pair_step(&p, until));
		most = max_size(most, p.end[1].assoc->reassembly.bytes);
	}
	assert_true(most < SCTP_RECEIVE_WINDOW_DEFAULT);
	pair_deinit(&p);
}

/* The same with a sender that begins them all. */
static void many_large_messages_of_a_careless_peer_arrive(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){.send_queue_max = 100 * 1024 * 1024},
		(struct sctp_config){0});
	pair_connect(&p);
	p.end[0].assoc->queue.begun_max = SIZE_MAX;
	for (uint16_t stream = 0; stream < 12; stream++)
		assert_ok(pair_send(&p, 0, stream, false, SCTP_MESSAGE_MAX_DEFAULT));
	pair_run(&p, 60 * USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 12);
	pair_deinit(&p);
}

static void parts_of_messages_without_end_are_bounded(void **state)
{
	(void)state;
	static uint8_t payload[1100];
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *to = p.end[1].assoc;
	uint32_t first = (uint32_t)p.end[0].assoc->outstanding.next;
	uint32_t per_message = SCTP_MESSAGE_MAX_DEFAULT / sizeof payload;
	size_t most = 0;
	for (uint32_t i = 0; !to->ended; i++) {
		assert_true(i < 3 * SCTP_PARTS_MAX / sizeof payload);
		uint8_t packet[1200];
		struct writer w = writer_of(packet, sizeof packet);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, to->local_tag});
		struct sctp_data data = {.flags = i % per_message == 0 ? B : 0,
			.stream = (uint16_t)(i / per_message),
			.tsn = first + i,
			.fsn = i % per_message,
			.payload = bytes_of(payload, sizeof payload)};
		sctp_i_data_write(&w, &data);
		sctp_packet_seal(&w);
		sctp_receive(to, p.now, writer_bytes(&w));
		most = max_size(most, to->reassembly.bytes);
	}
	assert_in_range(most, SCTP_PARTS_MAX, SCTP_PARTS_MAX + 2 * SCTP_RECEIVE_WINDOW_DEFAULT);
	pair_drain(&p);
	assert_int_equal(p.end[1].reason, SCTP_CLOSE_PROTOCOL);
	pair_deinit(&p);
}

static const struct sctp_config ways[] = {{.no_interleaving = true}, {0}};

/* Chat beside bulk: how long 100 bytes take to the other end while another stream has megabytes to
 * send in messages of 256 KiB, and one packet leaves in a millisecond. */
static usec chat_delay(const struct sctp_config *config, uint16_t priority)
{
	struct pair p;
	pair_init_with(&p, 1, *config, *config);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	for (int i = 0; i < 20; i++)
		assert_ok(pair_send(&p, 0, 1, false, SCTP_MESSAGE_MAX_DEFAULT));
	assert_ok(sctp_set_priority(p.end[0].assoc, 2, priority));
	usec longest = 0, sent = 0;
	uint32_t chat = 0;
	for (int tick = 0; tick < 3000; tick++) {
		p.now += USEC_PER_MS;
		if (sent == 0 && tick % 50 == 49) {
			chat = p.end[0].sent;
			sent = p.now;
			assert_ok(pair_send(&p, 0, 2, false, 100));
		}
		uint8_t data[1200];
		size_t size = sctp_write(p.end[0].assoc, p.now, data, sizeof data);
		if (size > 0)
			sctp_receive(p.end[1].assoc, p.now, bytes_of(data, size));
		struct sctp_event event;
		while (sctp_next_event(p.end[1].assoc, &event))
			pair_take_event(&p.end[1], &event);
		while ((size = sctp_write(p.end[1].assoc, p.now, data, sizeof data)) > 0)
			sctp_receive(p.end[0].assoc, p.now, bytes_of(data, size));
		for (int i = 0; i < 2; i++)
			sctp_advance(p.end[i].assoc, p.now);
		if (sent > 0 && p.end[1].seen[chat]) {
			longest = usec_max(longest, p.now - sent);
			sent = 0;
		}
	}
	assert_true(p.end[1].received > 10);
	pair_deinit(&p);
	return longest;
}

static void chat_waits_for_one_packet_of_bulk_and_not_for_a_message(void **state)
{
	(void)state;
	assert_true(chat_delay(&ways[1], 1024) <= USEC_PER_MS);
	assert_true(chat_delay(&ways[1], 256) <= USEC_PER_MS);
	/* A message of 256 KiB takes 230 packets. */
	assert_in_range(chat_delay(&ways[0], 1024), 100 * USEC_PER_MS, 240 * USEC_PER_MS);
}

TESTS(TEST(messages_of_streams_and_orders_interleave),
	TEST(any_order_of_fragments_gives_the_messages_in_order),
	TEST(fragments_that_contradict_each_other_are_refused),
	TEST(the_maximum_is_kept_in_order_and_out_of_it),
	TEST(what_the_peer_gives_up_is_dropped_by_stream_and_order), TEST(unordered_numbers_wrap),
	TEST(messages_begun_on_a_stream_are_limited),
	TEST(memory_of_small_messages_after_a_large_one_is_small),
	TEST(chunks_that_were_not_agreed_on_end_the_association),
	TEST(messages_arrive_whatever_either_end_can_do),
	TEST(many_large_messages_do_not_block_each_other),
	TEST(many_large_messages_of_a_careless_peer_arrive),
	TEST(parts_of_messages_without_end_are_bounded),
	TEST(chat_waits_for_one_packet_of_bulk_and_not_for_a_message))
