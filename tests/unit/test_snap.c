#include "sctp_pair.h"

struct init_bytes {
	uint8_t data[SCTP_INIT_MAX];
	size_t size;
};

static struct init_bytes init_of(const struct pair *p, int end)
{
	struct init_bytes init;
	init.size = sctp_local_init(p->end[end].assoc, init.data, sizeof init.data);
	return init;
}

static enum err tell(struct pair *p, int end, const struct init_bytes *init)
{
	return sctp_set_remote_init(p->end[end].assoc, bytes_of(init->data, init->size));
}

static void exchange_inits(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		struct init_bytes init = init_of(p, 1 - i);
		assert_ok(tell(p, i, &init));
	}
}

static void two_exchanged_inits_are_an_association_without_a_packet(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	exchange_inits(&p);
	for (int i = 0; i < 2; i++) {
		/* The draft: neither state nor timers before DTLS is up. */
		assert_int_equal(sctp_state(p.end[i].assoc), SCTP_CLOSED);
		assert_true(sctp_deadline(p.end[i].assoc) == USEC_NEVER);
		sctp_connect(p.end[i].assoc, p.now);
		assert_int_equal(sctp_state(p.end[i].assoc), SCTP_ESTABLISHED);
	}
	pair_drain(&p);
	assert_int_equal(p.end[0].packets, 0);
	assert_int_equal(p.end[1].packets, 0);
	assert_int_equal(p.end[0].connected, 1);
	assert_int_equal(p.end[1].connected, 1);
	pair_deinit(&p);
}

static void messages_travel_in_the_first_packet(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	exchange_inits(&p);
	for (int i = 0; i < 2; i++) {
		assert_ok(pair_send(&p, i, 0, false, 100));
		sctp_connect(p.end[i].assoc, p.now);
	}
	pair_run(&p, p.delay);
	pair_drain(&p);
	for (int i = 0; i < 2; i++)
		assert_int_equal(p.end[i].received, 1);
	pair_deinit(&p);
}

static void everything_is_agreed_as_if_the_inits_had_crossed(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){.streams = 700, .zero_checksum = true},
		(struct sctp_config){.streams = 300, .zero_checksum = true});
	exchange_inits(&p);
	for (int i = 0; i < 2; i++) {
		const struct sctp_assoc *a = p.end[i].assoc, *b = p.end[1 - i].assoc;
		assert_int_equal(a->peer_tag, b->local_tag);
		assert_int_equal(a->peer_tsn, b->local_tsn);
		assert_int_equal(a->peer_window, b->config.receive_window);
		assert_int_equal(a->streams_out, 300);
		assert_int_equal(a->streams_in, 300);
		assert_true(a->peer_reconfig);
		assert_true(a->peer_forward_tsn);
		assert_true(a->peer_zero_checksum);
	}
	pair_deinit(&p);
}

static void bulk_passes_a_bad_network_after_it(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 3);
	exchange_inits(&p);
	p.loss = 20;
	p.jitter = 20 * USEC_PER_MS;
	for (int i = 0; i < 2; i++) {
		sctp_connect(p.end[i].assoc, p.now);
		for (uint16_t n = 0; n < 20; n++)
			assert_ok(pair_send(&p, i, n, false, 20000));
	}
	pair_run(&p, 600 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.end[i].received, 20);
		sctp_shutdown(p.end[i].assoc, p.now);
	}
	pair_run(&p, 60 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[1].closed, 1);
	pair_deinit(&p);
}

/* Its description had our INIT, ours lost the peer's on its way. */
static void a_peer_that_shakes_hands_all_the_same_is_no_restart(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct pair p;
		pair_init(&p, seed);
		p.loss = seed % 2 ? 20 : 0;
		p.jitter = 20 * USEC_PER_MS;
		struct init_bytes init = init_of(&p, 0);
		assert_ok(tell(&p, 1, &init));
		assert_ok(pair_send(&p, 0, 0, false, 3000));
		assert_ok(pair_send(&p, 1, 0, false, 3000));
		sctp_connect(p.end[0].assoc, p.now);
		sctp_connect(p.end[1].assoc, p.now);
		assert_int_equal(sctp_state(p.end[1].assoc), SCTP_ESTABLISHED);
		pair_run(&p, 60 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.end[i].connected, 1);
			assert_int_equal(p.end[i].closed, 0);
			assert_int_equal(p.end[i].received, 1);
		}
		pair_deinit(&p);
	}
}

static void another_init_under_it_is_a_restart_and_leaves_it_alone(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	exchange_inits(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_connect(a, p.now);
	struct sctp_init init = {
		.tag = a->peer_tag + 1, .window = 100000, .outgoing = 5, .incoming = 5};
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
	sctp_init_write(&w, &init, NULL);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
	assert_int_equal(a->solo.data[SCTP_HEADER_SIZE], SCTP_INIT_ACK);
	struct reader r = reader_of(
		bytes_slice(buffer_bytes(&a->solo), SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE, 4));
	assert_int_not_equal(read_u32(&r), a->local_tag);
	pair_deinit(&p);
}

/* What somebody on the way makes of it: each is refused, and nothing has changed. */
static void what_is_no_init_is_refused(void **state)
{
	(void)state;
	static const struct sctp_init good = {
		.tag = 1, .window = 1500, .outgoing = 1, .incoming = 1, .tsn = 1};
	struct pair p;
	pair_init(&p, 1);
	struct sctp_assoc *a = p.end[0].assoc;
	for (int i = 0; i < 10; i++) {
		struct sctp_init init = good;
		struct init_bytes bytes = {0};
		init.tag = i == 0 ? 0 : 1;
		init.outgoing = i == 1 ? 0 : 1;
		init.incoming = i == 2 ? 0 : 1;
		init.window = i == 3 ? 1499 : 1500;
		struct writer w = writer_of(bytes.data, sizeof bytes.data);
		sctp_init_write(&w, &init, NULL);
		if (i == 4)
			w.data[0] = SCTP_INIT_ACK;
		if (i == 5)
			w.size = 3;
		if (i == 6)
			w.size = 19;
		if (i == 7)
			w.data[3] += 40; /* longer than there is */
		if (i == 8)
			sctp_chunk_write_empty(&w, SCTP_COOKIE_ACK, 0);
		if (i == 9)
			w.data[23] += 40; /* the first parameter, longer than the chunk */
		bytes.size = w.size;
		assert_err(tell(&p, 0, &bytes), ERR_MALFORMED);
		assert_int_equal(a->peer_tag, 0);
		assert_false(a->snap);
	}
	uint8_t large[SCTP_INIT_MAX + 4] = {SCTP_INIT};
	assert_err(sctp_set_remote_init(a, bytes_of(large, sizeof large)), ERR_MALFORMED);
	pair_connect(&p);
	pair_deinit(&p);
}

static void the_longest_init_is_taken(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	struct init_bytes bytes = {0};
	struct writer w = writer_of(bytes.data, sizeof bytes.data);
	size_t place = sctp_chunk_begin(&w, SCTP_INIT, 0);
	write_u32(&w, 1);
	write_u32(&w, 1500);
	write_u32(&w, 0x00010001);
	write_u32(&w, 1);
	size_t parameter = sctp_parameter_begin(&w, 0x8123);
	write_zeros(&w, sizeof bytes.data - w.size);
	sctp_parameter_end(&w, parameter);
	sctp_chunk_end(&w, place);
	assert_false(w.failed);
	bytes.size = w.size;
	assert_int_equal(bytes.size, SCTP_INIT_MAX);
	assert_ok(tell(&p, 0, &bytes));
	pair_deinit(&p);
}

static void our_own_init_sent_back_is_not_the_peers(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	struct init_bytes init = init_of(&p, 0);
	assert_err(tell(&p, 0, &init), ERR_EXISTS);
	pair_connect(&p);
	pair_deinit(&p);
}

static void an_init_counts_until_another_comes_but_not_after_connecting(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	struct init_bytes init = init_of(&p, 1);
	assert_ok(tell(&p, 0, &init));
	assert_ok(tell(&p, 0, &init));
	assert_ok(sctp_set_remote_init(p.end[0].assoc, (struct bytes){0}));
	sctp_connect(p.end[0].assoc, p.now);
	assert_int_equal(sctp_state(p.end[0].assoc), SCTP_COOKIE_WAIT);
	init = init_of(&p, 0);
	sctp_connect(p.end[1].assoc, p.now);
	assert_err(tell(&p, 1, &init), ERR_STATE);
	pair_deinit(&p);
}

static void a_forged_tag_makes_the_association_fail_and_not_hang(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	exchange_inits(&p);
	p.end[0].assoc->peer_tag ^= 1;
	for (int i = 0; i < 2; i++) {
		sctp_connect(p.end[i].assoc, p.now);
		assert_ok(pair_send(&p, i, 0, false, 100));
	}
	pair_run(&p, 200 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	assert_int_equal(p.end[1].closed, 1);
	pair_deinit(&p);
}

TESTS(TEST(two_exchanged_inits_are_an_association_without_a_packet),
	TEST(messages_travel_in_the_first_packet),
	TEST(everything_is_agreed_as_if_the_inits_had_crossed),
	TEST(bulk_passes_a_bad_network_after_it),
	TEST(a_peer_that_shakes_hands_all_the_same_is_no_restart),
	TEST(another_init_under_it_is_a_restart_and_leaves_it_alone),
	TEST(what_is_no_init_is_refused), TEST(the_longest_init_is_taken),
	TEST(our_own_init_sent_back_is_not_the_peers),
	TEST(an_init_counts_until_another_comes_but_not_after_connecting),
	TEST(a_forged_tag_makes_the_association_fail_and_not_hang))
