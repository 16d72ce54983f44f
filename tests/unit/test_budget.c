/* Associations that share the memory for what they receive and send. */
#define PAIR_PACKETS_MAX 512
#include "sctp_pair.h"

#define WHOLE (SCTP_DATA_BEGIN | SCTP_DATA_END)

/* Pairs whose second ends share the budget, joined by links without loss. */
struct crowd {
	struct pair pairs[100];
	size_t count;
	struct sctp_budget budget;
	size_t used_max;
};

static void crowd_init(struct crowd *c, size_t count, size_t max, struct sctp_config config)
{
	memset(c, 0, sizeof *c);
	c->count = count;
	c->budget.max = max;
	config.budget = &c->budget;
	for (size_t i = 0; i < count; i++) {
		pair_init_with(&c->pairs[i], i + 1, (struct sctp_config){0}, config);
		pair_connect(&c->pairs[i]);
	}
}

static void crowd_deinit(struct crowd *c)
{
	for (size_t i = 0; i < c->count; i++)
		pair_deinit(&c->pairs[i]);
	assert_int_equal(c->budget.used, 0);
	assert_null(c->budget.turn);
}

/* Side by side, in slices of time. */
static void crowd_run(struct crowd *c, usec time)
{
	for (usec end = time; end > 0; end -= 5 * USEC_PER_MS)
		for (size_t i = 0; i < c->count; i++) {
			pair_run(&c->pairs[i], 5 * USEC_PER_MS);
			c->used_max = max_size(c->used_max, c->budget.used);
		}
}

static size_t crowd_received(const struct crowd *c)
{
	size_t received = 0;
	for (size_t i = 0; i < c->count; i++)
		received += c->pairs[i].end[1].received;
	return received;
}

static size_t holds(const struct sctp_assoc *a)
{
	return sctp_receive_queued(a) + a->queue.bytes +
	       (a->reassembly.items + a->inbox.messages) * SCTP_BUDGET_ITEM;
}

static void a_hundred_share_a_small_budget_and_all_finish(void **state)
{
	(void)state;
	static struct crowd c;
	const size_t max = 300000, message = 100000;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		crowd_init(&c, 100, max, (struct sctp_config){.no_interleaving = !interleaving});
		for (size_t i = 0; i < c.count; i++)
			for (int j = 0; j < 2; j++)
				assert_ok(pair_send(&c.pairs[i], 0, (uint16_t)j, false, message));
		for (int s = 0; s < 120 && crowd_received(&c) < 2 * c.count; s++)
			crowd_run(&c, USEC_PER_SEC);
		assert_int_equal(crowd_received(&c), 2 * c.count);
		/* It was short, and was not passed by more than one association may hold. */
		assert_true(c.used_max > max - message);
		assert_true(c.used_max <= max + 2 * message + 400 * SCTP_BUDGET_ITEM);
		for (size_t i = 0; i < c.count; i++)
			assert_int_equal(c.pairs[i].end[1].closed, 0);
		crowd_run(&c, 2 * USEC_PER_SEC);
		assert_int_equal(c.budget.used, 0);
		crowd_deinit(&c);
	}
}

/* A fragment of a message, made by hand, for the second end. */
static void give(struct pair *p, uint32_t offset, uint8_t flags, size_t size)
{
	static const uint8_t zeros[1100];
	uint8_t packet[1200];
	struct sctp_assoc *to = p->end[1].assoc;
	struct writer w = writer_of(packet, sizeof packet);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, to->local_tag});
	struct sctp_data data = {.flags = flags,
		.tsn = p->end[0].assoc->local_tsn + offset,
		.payload = bytes_of(zeros, size)};
	sctp_data_write(&w, &data);
	sctp_packet_seal(&w);
	sctp_receive(to, p->now, writer_bytes(&w));
}

/* Begins a message, and goes on with it until nothing more is taken; the number of TSNs. */
static uint32_t fill(struct pair *p, uint32_t most)
{
	struct sctp_assoc *a = p->end[1].assoc;
	uint32_t first = p->end[0].assoc->local_tsn;
	uint32_t next = (uint32_t)a->tracker.cumulative + 1 - first;
	for (uint32_t i = next; i < next + most; i++) {
		size_t before = a->reassembly.bytes;
		give(p, i, i == 0 ? SCTP_DATA_BEGIN : 0, 1000);
		if (a->reassembly.bytes == before)
			return i;
	}
	return next + most;
}

/* The window in the SACK that the second end writes now. */
static uint32_t told_window(struct pair *p)
{
	uint8_t data[1200];
	size_t size = sctp_write(p->end[1].assoc, p->now, data, sizeof data);
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	struct sctp_sack sack;
	assert_true(size > 0);
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_int_equal(chunk.type, SCTP_SACK);
	assert_ok(sctp_sack_parse(chunk, &sack));
	return sack.window;
}

static const struct sctp_config by_hand = {.no_interleaving = true, .message_max = 262144};

static void windows_shrink_with_what_is_left(void **state)
{
	(void)state;
	static struct crowd c;
	crowd_init(&c, 2, 100000, by_hand);
	struct pair *p = &c.pairs[0];
	give(p, 0, SCTP_DATA_BEGIN, 1000);
	uint32_t before = told_window(p);
	assert_in_range(before, 20000, 25000);
	fill(p, 50);
	uint32_t after = told_window(p);
	assert_in_range(after, 10000, 12500);
	/* And that of the other. */
	give(&c.pairs[1], 0, SCTP_DATA_BEGIN, 1000);
	assert_in_range(told_window(&c.pairs[1]), 10000, 12500);
	assert_int_equal(c.budget.used, holds(p->end[1].assoc) + holds(c.pairs[1].end[1].assoc));
	crowd_deinit(&c);
}

static void at_the_ceiling_one_may_go_on_and_then_the_next(void **state)
{
	(void)state;
	static struct crowd c;
	crowd_init(&c, 2, 50000, by_hand);
	struct pair *p = &c.pairs[0], *q = &c.pairs[1];
	uint32_t n = fill(p, 40), m = fill(q, 20);
	assert_int_equal(n, 40);
	assert_int_equal(m, 20);
	assert_true(c.budget.used > c.budget.max);
	assert_ptr_equal(c.budget.turn, q->end[1].assoc);
	assert_true(told_window(q) > 100000);
	/* The other has to wait, ... */
	assert_int_equal(fill(p, 1), n);
	assert_int_equal(told_window(p), 0);
	give(q, m, SCTP_DATA_END, 1000);
	struct sctp_event event;
	assert_true(sctp_next_event(q->end[1].assoc, &event));
	assert_int_equal(event.message.data.size, (m + 1) * 1000);
	assert_false(sctp_next_event(q->end[1].assoc, &event));
	assert_null(c.budget.turn);
	/* ... and is told when it need not any more, without having asked. */
	p->now += SCTP_BUDGET_WATCH;
	sctp_advance(p->end[1].assoc, p->now);
	assert_true(told_window(p) > 0);
	assert_int_equal(fill(p, 1), n + 1);
	crowd_deinit(&c);
}

static void who_begins_and_does_not_end_is_cut_off(void **state)
{
	(void)state;
	static struct crowd c;
	crowd_init(&c, 2, 50000, by_hand);
	struct pair *p = &c.pairs[0], *q = &c.pairs[1];
	struct sctp_assoc *stuck = p->end[1].assoc;
	fill(p, 60);
	assert_ptr_equal(c.budget.turn, stuck);
	assert_int_equal(fill(q, 1), 0);
	sctp_advance(stuck, p->now + SCTP_BUDGET_TURN - 1);
	assert_int_equal(sctp_state(stuck), SCTP_ESTABLISHED);
	sctp_advance(stuck, p->now + SCTP_BUDGET_TURN);
	assert_int_equal(sctp_state(stuck), SCTP_CLOSED);
	assert_null(c.budget.turn);
	assert_int_equal(c.budget.used, 0);
	uint8_t data[1200];
	assert_true(sctp_write(stuck, p->now, data, sizeof data) > 0);
	assert_int_equal(data[SCTP_HEADER_SIZE], SCTP_ABORT);
	assert_int_equal(fill(q, 1), 1);
	crowd_deinit(&c);
}

static void who_is_not_read_from_gets_no_turn(void **state)
{
	(void)state;
	static struct crowd c;
	crowd_init(&c, 1, 20000, by_hand);
	struct pair *p = &c.pairs[0];
	p->end[1].paused = true;
	uint32_t i = 0;
	for (; i < 50; i++) {
		size_t before = p->end[1].assoc->inbox.messages;
		give(p, i, WHOLE | SCTP_DATA_UNORDERED, 1000);
		if (p->end[1].assoc->inbox.messages == before)
			break;
	}
	assert_in_range(i, 15, 19);
	assert_null(c.budget.turn);
	assert_true(c.budget.used <= c.budget.max);
	crowd_deinit(&c);
}

static void at_the_ceiling_one_message_may_wait_to_be_sent(void **state)
{
	(void)state;
	static struct crowd c;
	crowd_init(&c, 2, 50000, (struct sctp_config){0});
	struct pair *p = &c.pairs[0], *q = &c.pairs[1];
	assert_ok(pair_send(p, 1, 0, false, 49000));
	assert_err(pair_send(p, 1, 0, false, 2000), ERR_AGAIN);
	assert_ok(pair_send(q, 1, 0, false, 30000));
	assert_err(pair_send(q, 1, 0, false, 1), ERR_AGAIN);
	assert_int_equal(c.budget.used, 79000);
	crowd_run(&c, USEC_PER_SEC);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(c.pairs[i].end[1].sendable, 1);
		assert_int_equal(c.pairs[i].end[0].received, 1);
	}
	assert_int_equal(c.budget.used, 0);
	crowd_deinit(&c);
}

static void windows_do_not_grow_into_what_is_short(void **state)
{
	(void)state;
	for (int ample = 0; ample < 2; ample++) {
		static struct crowd c;
		crowd_init(&c, 1, ample ? 64000000 : 2000000, by_hand);
		struct pair *p = &c.pairs[0];
		struct sctp_assoc *a = p->end[1].assoc;
		/* Of another association. */
		c.budget.used += 1500000;
		a->rto.srtt = 10 * USEC_PER_MS;
		give(p, 0, WHOLE, 1000);
		a->window.taken += a->window.size;
		p->now += 11 * USEC_PER_MS;
		give(p, 1, WHOLE | SCTP_DATA_UNORDERED, 1000);
		assert_true((a->window.size > SCTP_RECEIVE_WINDOW_DEFAULT) == ample);
		c.budget.used -= 1500000;
		crowd_deinit(&c);
	}
}

TESTS(TEST(a_hundred_share_a_small_budget_and_all_finish), TEST(windows_shrink_with_what_is_left),
	TEST(at_the_ceiling_one_may_go_on_and_then_the_next),
	TEST(who_begins_and_does_not_end_is_cut_off), TEST(who_is_not_read_from_gets_no_turn),
	TEST(at_the_ceiling_one_message_may_wait_to_be_sent),
	TEST(windows_do_not_grow_into_what_is_short))
