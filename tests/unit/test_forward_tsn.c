/* FORWARD-TSN and I-FORWARD-TSN as a peer may send them that is wrong, or hostile. */
#include "sctp/ordering.h"
#include "sctp_pair.h"

#define B SCTP_DATA_BEGIN
#define E SCTP_DATA_END

struct skip {
	uint16_t stream;
	uint32_t number;
	bool unordered;
};

struct fixture {
	struct pair pair;
	struct sctp_assoc *a; /* which receives */
	uint32_t first;       /* TSN */
};

static void init(struct fixture *f, bool interleaving)
{
	const struct sctp_config config = {.no_interleaving = !interleaving};
	pair_init_with(&f->pair, 1, config, config);
	pair_connect(&f->pair);
	pair_run(&f->pair, USEC_PER_SEC);
	f->a = f->pair.end[1].assoc;
	f->first = f->pair.end[0].assoc->local_tsn;
}

static void receive(struct fixture *f, struct writer *w)
{
	sctp_packet_seal(w);
	sctp_receive(f->a, f->pair.now, writer_bytes(w));
}

static struct writer packet(struct fixture *f, uint8_t *data, size_t capacity)
{
	struct writer w = writer_of(data, capacity);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, f->a->local_tag});
	return w;
}

static void give(struct fixture *f, uint32_t offset, uint16_t stream, uint32_t number, uint32_t fsn,
	uint8_t flags)
{
	uint8_t bytes[100];
	struct writer w = packet(f, bytes, sizeof bytes);
	struct sctp_data data = {.flags = flags,
		.tsn = f->first + offset,
		.stream = stream,
		.ssn = (uint16_t)number,
		.mid = number,
		.fsn = fsn,
		.payload = bytes_of("12345678", 8)};
	if (f->a->interleaving)
		sctp_i_data_write(&w, &data);
	else
		sctp_data_write(&w, &data);
	receive(f, &w);
}

static void forward(struct fixture *f, uint32_t offset, const struct skip *skips, size_t count)
{
	static uint8_t bytes[40000];
	bool interleaving = f->a->interleaving;
	struct writer w = packet(f, bytes, sizeof bytes);
	size_t place =
		sctp_chunk_begin(&w, interleaving ? SCTP_I_FORWARD_TSN : SCTP_FORWARD_TSN, 0);
	write_u32(&w, f->first + offset);
	for (size_t i = 0; i < count; i++) {
		write_u16(&w, skips[i].stream);
		write_u16(&w, interleaving ? skips[i].unordered : (uint16_t)skips[i].number);
		if (interleaving)
			write_u32(&w, skips[i].number);
	}
	sctp_chunk_end(&w, place);
	receive(f, &w);
}

static uint32_t cumulative(const struct fixture *f)
{
	return (uint32_t)f->a->tracker.cumulative - f->first;
}

static void backwards_it_does_nothing(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		for (uint32_t i = 0; i < 5; i++)
			give(&f, i, 1, i, 0, B | E);
		static const uint32_t offsets[] = {4, 0, (uint32_t)-1, (uint32_t)-1000, 0x80000004};
		const struct skip skip = {1, 100, false};
		for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
			forward(&f, offsets[i], &skip, 1);
		assert_int_equal(cumulative(&f), 4);
		give(&f, 5, 1, 5, 0, B | E);
		assert_int_equal(f.a->inbox.messages, 6);
		pair_deinit(&f.pair);
	}
}

static void far_ahead_it_costs_no_time_and_drops_what_it_passes(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		give(&f, 1, 1, 0, 0, B);
		give(&f, 30, 2, 7, 0, B | E);
		give(&f, SCTP_TSN_SPAN_MAX - 2, 3, 0, 3, 0);
		const struct skip skips[] = {
			{1, UINT32_MAX / 2 - 5, false}, {2, 30000, false}, {3, 0, false}};
		forward(&f, 0x7ffffff0, skips, 3);
		assert_int_equal(cumulative(&f), 0x7ffffff0);
		assert_int_equal(f.a->tracker.count, 0);
		assert_int_equal(f.a->reassembly.items, 0);
		assert_int_equal(f.a->reassembly.bytes, 0);
		/* The one that was whole is delivered. */
		assert_int_equal(f.a->inbox.messages, 1);
		give(&f, 0x7ffffff1, 2, 30001, 0, B | E);
		assert_int_equal(f.a->inbox.messages, 2);
		pair_deinit(&f.pair);
	}
}

static void a_message_partly_there_is_dropped_and_its_late_parts_too(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		give(&f, 0, 1, 0, 0, B);
		give(&f, 1, 1, 0, 1, 0);
		give(&f, 4, 1, 0, 4, 0);
		assert_true(f.a->reassembly.bytes >= 24);
		const struct skip skip = {1, 0, false};
		forward(&f, 3, &skip, 1);
		give(&f, 5, 1, 0, 5, E);
		assert_int_equal(cumulative(&f), 5);
		assert_int_equal(f.a->reassembly.items, 0);
		assert_int_equal(f.a->reassembly.bytes, 0);
		assert_int_equal(f.a->inbox.messages, 0);
		give(&f, 6, 1, 1, 0, B | E);
		assert_int_equal(f.a->inbox.messages, 1);
		assert_int_equal(sctp_state(f.a), SCTP_ESTABLISHED);
		pair_deinit(&f.pair);
	}
}

static void messages_that_come_though_given_up_end_nothing(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		const struct skip skip = {1, 9, false};
		forward(&f, 3, &skip, 1);
		give(&f, 4, 1, 2, 0, B | E);
		give(&f, 5, 1, 1, 0, B | E);
		assert_int_equal(sctp_state(f.a), SCTP_ESTABLISHED);
		/* The names in an I-FORWARD-TSN are beyond doubt: they tell unordered messages
		 * apart. */
		assert_int_equal(f.a->inbox.messages, !interleaving);
		assert_int_equal(sctp_stats(f.a)->dropped_late, !interleaving);
		assert_int_equal(f.a->reassembly.items, 0);
		assert_int_equal(f.a->reassembly.bytes, 0);
		give(&f, 6, 1, 10, 0, B | E);
		assert_int_equal(f.a->inbox.messages, 1 + !interleaving);
		pair_deinit(&f.pair);
	}
}

static void a_part_that_no_entry_names_stays_counted(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, true);
	give(&f, 0, 1, 0, 0, B);
	const struct skip other = {1, 0, true};
	forward(&f, 3, &other, 1);
	assert_int_equal(cumulative(&f), 3);
	assert_int_equal(f.a->reassembly.bytes, 8);
	assert_int_equal(f.a->reassembly.items, 1);
	pair_deinit(&f.pair);
}

static void streams_that_do_not_exist_are_passed_over(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		const struct skip skips[] = {{65535, 5, false}, {9, 4, false}};
		forward(&f, 3, skips, 2);
		assert_int_equal(f.a->reassembly.stream_count, 1);
		give(&f, 4, 9, 5, 0, B | E);
		assert_int_equal(f.a->inbox.messages, 1);
		pair_deinit(&f.pair);
	}
}

static void a_huge_list_is_worked_off_or_ends_the_association(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct fixture f;
		init(&f, interleaving);
		static struct skip skips[4500];
		/* The same stream again and again. */
		for (uint32_t i = 0; i < 4000; i++)
			skips[i] = (struct skip){1, i * 7, false};
		give(&f, 2, 1, 32000, 0, B | E);
		forward(&f, 0, skips, 4000);
		assert_int_equal(f.a->reassembly.stream_count, 1);
		assert_int_equal(f.a->inbox.messages, 0);
		assert_int_equal(f.a->reassembly.items, 1);
		/* More streams than may be in use. */
		for (uint16_t i = 0; i < 4500; i++)
			skips[i] = (struct skip){i, 0, false};
		forward(&f, 1, skips, 4500);
		pair_drain(&f.pair);
		assert_int_equal(f.pair.end[1].closed, 1);
		pair_deinit(&f.pair);
	}
}

static void one_that_is_cut_off_is_dropped_or_taken_as_far_as_it_goes(void **state)
{
	(void)state;
	struct fixture f;
	init(&f, true);
	for (size_t size = 0; size < 20; size++) {
		uint8_t bytes[100];
		struct writer w = packet(&f, bytes, sizeof bytes);
		size_t place = sctp_chunk_begin(&w, SCTP_I_FORWARD_TSN, 0);
		uint8_t value[20] = {0};
		struct writer v = writer_of(value, sizeof value);
		write_u32(&v, f.first + (uint32_t)size);
		write_bytes(&w, bytes_of(value, size));
		sctp_chunk_end(&w, place);
		receive(&f, &w);
		if (size >= 4)
			assert_int_equal(cumulative(&f), size);
		else
			assert_int_equal(sctp_stats(f.a)->dropped_malformed, size + 1);
	}
	pair_deinit(&f.pair);
}

TESTS(TEST(backwards_it_does_nothing), TEST(far_ahead_it_costs_no_time_and_drops_what_it_passes),
	TEST(a_message_partly_there_is_dropped_and_its_late_parts_too),
	TEST(messages_that_come_though_given_up_end_nothing),
	TEST(a_part_that_no_entry_names_stays_counted),
	TEST(streams_that_do_not_exist_are_passed_over),
	TEST(a_huge_list_is_worked_off_or_ends_the_association),
	TEST(one_that_is_cut_off_is_dropped_or_taken_as_far_as_it_goes))
