#include "sctp_pair.h"

/* Changes the first COOKIE ECHO, once. */
static bool tamper_with_cookie(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	if (data[SCTP_HEADER_SIZE] == SCTP_COOKIE_ECHO && p->counter++ == 0) {
		data[SCTP_HEADER_SIZE + SCTP_CHUNK_HEADER_SIZE + 30] ^= 1;
		pair_fix_checksum(data, size);
	}
	return true;
}

static void a_changed_cookie_is_dropped_and_the_good_one_taken(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.on_packet = tamper_with_cookie;
	sctp_connect(p.end[0].assoc, p.now);
	pair_run(&p, 100 * USEC_PER_MS);
	assert_int_equal(p.end[1].connected, 0);
	assert_int_equal(sctp_stats(p.end[1].assoc)->dropped_malformed, 1);
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[0].connected, 1);
	assert_int_equal(p.end[1].connected, 1);
	pair_deinit(&p);
}

/* Drops COOKIE ECHO until the cookie is too old. */
static bool drop_cookie(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	(void)size;
	return data[SCTP_HEADER_SIZE] != SCTP_COOKIE_ECHO || p->now > 50 * USEC_PER_SEC;
}

static void a_stale_cookie_is_refused_and_the_handshake_begins_anew(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.on_packet = drop_cookie;
	sctp_connect(p.end[0].assoc, p.now);
	pair_run(&p, 20 * USEC_PER_SEC);
	/* The other end's clock has run on: every cookie made before is too old. */
	p.now += SCTP_COOKIE_LIFE;
	pair_run(&p, 20 * USEC_PER_SEC);
	assert_int_equal(p.end[0].connected, 1);
	assert_int_equal(p.end[1].connected, 1);
	pair_deinit(&p);
}

static bool double_everything(struct pair *p, int from, uint8_t *data, size_t size)
{
	pair_carry(p, from, data, size);
	pair_carry(p, from, data, size);
	return true;
}

static void duplicates_of_the_handshake_change_nothing(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.on_packet = double_everything;
	p.jitter = 5 * USEC_PER_MS;
	assert_ok(pair_send(&p, 0, 0, false, 3000));
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.end[i].connected, 1);
		assert_int_equal(p.end[i].closed, 0);
	}
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static bool drop_cookie_ack(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	(void)size;
	return data[SCTP_HEADER_SIZE] != SCTP_COOKIE_ACK || p->counter++ > 0;
}

static void a_lost_cookie_ack_is_sent_again(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.on_packet = drop_cookie_ack;
	sctp_connect(p.end[0].assoc, p.now);
	assert_ok(pair_send(&p, 0, 0, false, 3000));
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[0].connected, 1);
	assert_int_equal(p.end[1].connected, 1);
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static void an_init_for_a_living_association_leaves_it_alone(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	struct sctp_init init = {
		.tag = 77, .window = 100000, .outgoing = 5, .incoming = 5, .tsn = 9};
	uint8_t data[200];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
	sctp_init_write(&w, &init, NULL);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
	assert_int_equal(a->solo.data[SCTP_HEADER_SIZE], SCTP_INIT_ACK);
	assert_int_equal(p.end[1].assoc->local_tag, a->peer_tag);
	pair_deinit(&p);
}

static void a_peer_that_restarts_ends_the_association(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	sctp_destroy(p.end[1].assoc);
	assert_ok(sctp_create(&p.end[1].config, p.now, &p.end[1].assoc));
	sctp_connect(p.end[1].assoc, p.now);
	pair_run(&p, 5 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_PEER_ABORTED);
	assert_int_equal(p.end[1].closed, 1);
	pair_deinit(&p);
}

static void an_init_without_tag_or_streams_is_not_accepted(void **state)
{
	(void)state;
	static const struct sctp_init cases[] = {
		{.tag = 0, .window = 1, .outgoing = 1, .incoming = 1},
		{.tag = 1, .window = 1, .outgoing = 0, .incoming = 1},
		{.tag = 1, .window = 1, .outgoing = 1, .incoming = 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p;
		pair_init(&p, 1);
		uint8_t data[200];
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
		sctp_init_write(&w, &cases[i], NULL);
		sctp_packet_seal(&w);
		sctp_receive(p.end[0].assoc, p.now, writer_bytes(&w));
		if (i == 0)
			assert_int_equal(p.end[0].assoc->solo.size, 0);
		else
			assert_int_equal(p.end[0].assoc->solo.data[SCTP_HEADER_SIZE], SCTP_ABORT);
		pair_deinit(&p);
	}
}

static void streams_are_what_both_ends_have(void **state)
{
	(void)state;
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){.streams = 65535},
		(struct sctp_config){.streams = 300});
	pair_connect(&p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p.end[i].assoc->streams_out, 300);
		assert_int_equal(p.end[i].assoc->streams_in, 300);
	}
	pair_deinit(&p);
}

TESTS(TEST(a_changed_cookie_is_dropped_and_the_good_one_taken),
	TEST(a_stale_cookie_is_refused_and_the_handshake_begins_anew),
	TEST(duplicates_of_the_handshake_change_nothing), TEST(a_lost_cookie_ack_is_sent_again),
	TEST(an_init_for_a_living_association_leaves_it_alone),
	TEST(a_peer_that_restarts_ends_the_association),
	TEST(an_init_without_tag_or_streams_is_not_accepted), TEST(streams_are_what_both_ends_have))
