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

/* ---- RFC 9260 section 5.2.4, table 12 ---- */

enum action {
	ACTION_NONE,      /* C, and all that the table does not name */
	ACTION_RESTART,   /* A: which ends the association here */
	ACTION_NEW_TAG,   /* B */
	ACTION_COOKIE_ACK /* D */
};

enum match {
	MATCHES,
	DIFFERS,
	UNKNOWN,
};

static uint32_t tag_for(enum match match, uint32_t tag)
{
	return match == MATCHES ? tag : match == DIFFERS ? tag ^ 0x55 : 0;
}

static enum action expected_action(enum match local, enum match peer, enum match ties)
{
	if (local == DIFFERS)
		return peer == DIFFERS && ties == MATCHES ? ACTION_RESTART : ACTION_NONE;
	return peer == MATCHES ? ACTION_COOKIE_ACK : ACTION_NEW_TAG;
}

static void receive_cookie(struct pair *p, struct sctp_assoc *a, struct sctp_cookie cookie)
{
	uint8_t sealed[SCTP_COOKIE_SIZE], data[200];
	cookie.peer_window = 100000;
	cookie.peer_outgoing = cookie.peer_incoming = 10;
	cookie.created = p->now - a->created;
	sctp_cookie_seal(&a->cookie_key, &cookie, sealed);
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, cookie.local_tag});
	size_t place = sctp_chunk_begin(&w, SCTP_COOKIE_ECHO, 0);
	write_bytes(&w, bytes_of(sealed, sizeof sealed));
	sctp_chunk_end(&w, place);
	sctp_packet_seal(&w);
	sctp_receive(a, p->now, writer_bytes(&w));
}

static void check_cell(enum match local, enum match peer, enum match ties)
{
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_drain(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	uint32_t peer_tag = a->peer_tag;
	struct sctp_cookie cookie = {
		.local_tag = tag_for(local, a->local_tag),
		.peer_tag = tag_for(peer, peer_tag),
		.local_tie = tag_for(ties, a->local_tag),
		.peer_tie = tag_for(ties, peer_tag),
		.peer_tsn = 77,
	};
	receive_cookie(&p, a, cookie);
	bool acks = a->pending & SCTP_PENDING_COOKIE_ACK;
	switch (expected_action(local, peer, ties)) {
	case ACTION_NONE:
		assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
		assert_int_equal(a->peer_tag, peer_tag);
		assert_false(acks);
		break;
	case ACTION_RESTART:
		assert_int_equal(sctp_state(a), SCTP_CLOSED);
		assert_int_equal(a->close_reason, SCTP_CLOSE_PEER_ABORTED);
		break;
	case ACTION_NEW_TAG:
		assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
		assert_int_equal(a->peer_tag, cookie.peer_tag);
		assert_int_equal((uint32_t)a->tracker.cumulative, 76);
		assert_true(acks);
		break;
	case ACTION_COOKIE_ACK:
		assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
		assert_int_equal(a->peer_tag, peer_tag);
		assert_true(acks);
		break;
	}
	pair_deinit(&p);
}

static void every_cell_of_table_12_is_obeyed(void **state)
{
	(void)state;
	for (enum match local = MATCHES; local <= DIFFERS; local++)
		for (enum match peer = MATCHES; peer <= DIFFERS; peer++)
			for (enum match ties = MATCHES; ties <= UNKNOWN; ties++)
				check_cell(local, peer, ties);
}

static void a_new_tag_of_the_peer_does_not_undo_what_was_received(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 1, 0, false, 3000));
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint64_t cumulative = a->tracker.cumulative;
	receive_cookie(&p, a,
		(struct sctp_cookie){.local_tag = a->local_tag, .peer_tag = 99, .peer_tsn = 77});
	assert_int_equal(a->peer_tag, 99);
	assert_true(a->tracker.cumulative == cumulative);
	pair_deinit(&p);
}

/* Our request to reset a stream names it until it is answered, whatever the peer's other cookies
 * say meanwhile. */
static void a_new_tag_of_the_peer_does_not_undo_what_was_asked(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_drain(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	uint32_t request = a->reset.request;
	assert_ok(sctp_reset_stream(a, p.now, 20));
	receive_cookie(&p, a,
		(struct sctp_cookie){.local_tag = a->local_tag, .peer_tag = 99, .peer_tsn = 77});
	assert_int_equal(a->peer_tag, 99);
	uint8_t data[64];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t chunk = sctp_chunk_begin(&w, SCTP_RE_CONFIG, 0);
	size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_RECONFIG_RESPONSE);
	write_u32(&w, request);
	write_u32(&w, SCTP_RESET_PERFORMED);
	sctp_parameter_end(&w, place);
	sctp_chunk_end(&w, chunk);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	pair_drain(&p);
	assert_int_equal(p.end[0].resets_done, 1);
	assert_int_equal(p.end[0].resets_failed, 0);
	pair_deinit(&p);
}

static void a_new_tag_of_the_peer_does_not_undo_what_was_sent(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	assert_ok(pair_send(&p, 0, 20, false, 3000));
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	assert_true(sctp_outstanding_is_empty(&a->outstanding));
	receive_cookie(&p, a,
		(struct sctp_cookie){.local_tag = a->local_tag, .peer_tag = 99, .peer_tsn = 77});
	assert_int_equal(a->peer_tag, 99);
	assert_int_equal(sctp_streams(a), 65535);
	assert_non_null(sctp_stream_table_get(&a->queue.streams, 20));
	pair_deinit(&p);
}

static void a_restart_while_the_shutdown_is_acknowledged_is_put_off(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	p.end[1].deaf = true;
	sctp_shutdown(p.end[1].assoc, p.now);
	pair_run(&p, 2 * p.delay);
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_ACK_SENT);
	a->pending = 0;
	receive_cookie(&p, a,
		(struct sctp_cookie){.local_tag = a->local_tag ^ 1,
			.peer_tag = a->peer_tag ^ 1,
			.local_tie = a->local_tag,
			.peer_tie = a->peer_tag});
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_ACK_SENT);
	assert_int_equal(a->pending, SCTP_PENDING_SHUTDOWN_ACK);
	/* ERROR with the cause "Cookie Received While Shutting Down", 10. */
	static const uint8_t error[] = {SCTP_ERROR, 0, 0, 8, 0, 10, 0, 4};
	assert_bytes_equal(buffer_bytes(&a->replies), bytes_of(error, sizeof error));
	pair_deinit(&p);
}

static void a_collision_with_other_stream_counts_makes_one_association(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct pair p;
		pair_init_with(&p, seed, (struct sctp_config){.streams = 700},
			(struct sctp_config){.streams = 30});
		p.jitter = 30 * USEC_PER_MS;
		p.loss = seed % 2 ? 20 : 0;
		assert_ok(pair_send(&p, 0, 29, false, 3000));
		assert_ok(pair_send(&p, 0, 30, false, 3000));
		assert_ok(pair_send(&p, 1, 29, false, 3000));
		pair_connect(&p);
		p.loss = 0;
		pair_run(&p, 20 * USEC_PER_SEC);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(p.end[i].connected, 1);
			assert_int_equal(p.end[i].assoc->streams_out, 30);
			assert_int_equal(p.end[i].assoc->streams_in, 30);
			assert_int_equal(p.end[i].received, 1);
			assert_int_equal(p.end[i].closed, 0);
		}
		/* What waited on a stream that the peer does not have was told. */
		assert_int_equal(p.end[0].resets_failed, 1);
		pair_deinit(&p);
	}
}

static void a_restart_with_other_stream_counts_ends_the_association_and_says_so(void **state)
{
	(void)state;
	static const uint16_t counts[] = {1, 5, 1024, 65535};
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct pair p;
		pair_init(&p, i);
		pair_connect(&p);
		assert_ok(pair_send(&p, 0, 900, false, 100));
		pair_run(&p, USEC_PER_SEC);
		assert_int_equal(p.end[1].received, 1);
		uint16_t before = p.end[0].assoc->streams_out;
		p.end[1].config.streams = counts[i];
		sctp_destroy(p.end[1].assoc);
		assert_ok(sctp_create(&p.end[1].config, p.now, &p.end[1].assoc));
		sctp_connect(p.end[1].assoc, p.now);
		/* Its INIT alone changes nothing. */
		pair_run(&p, p.delay);
		assert_int_equal(p.end[0].assoc->streams_out, before);
		assert_int_equal(p.end[0].closed, 0);
		pair_run(&p, 5 * USEC_PER_SEC);
		for (int end = 0; end < 2; end++) {
			assert_int_equal(p.end[end].closed, 1);
			assert_int_equal(p.end[end].reason, SCTP_CLOSE_PEER_ABORTED);
		}
		pair_deinit(&p);
	}
}

/* Two associations at different addresses and different times, which nothing else tells apart. */
static void no_pointer_or_secret_is_in_a_cookie(void **state)
{
	(void)state;
	struct sctp_assoc *kept = NULL;
	uint8_t answers[2][400];
	size_t sizes[2];
	for (int i = 0; i < 2; i++) {
		struct rng rng = rng_seeded(7);
		struct sctp_config config = {.local_port = 5000, .remote_port = 5000, .rng = &rng};
		struct sctp_assoc *padding, *a;
		usec now = USEC_PER_SEC + i * 12345678;
		struct rng other = rng_seeded(8);
		struct sctp_config other_config = config;
		other_config.rng = &other;
		assert_ok(sctp_create(&other_config, now, &padding));
		assert_ok(sctp_create(&config, now, &a));
		struct sctp_init init = {
			.tag = 77, .window = 100000, .outgoing = 5, .incoming = 5, .tsn = 9};
		uint8_t data[200];
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
		sctp_init_write(&w, &init, NULL);
		sctp_packet_seal(&w);
		sctp_receive(a, now + 1000, writer_bytes(&w));
		assert_true(a->solo.size <= sizeof answers[i]);
		sizes[i] = a->solo.size;
		memcpy(answers[i], a->solo.data, sizes[i]);
		for (size_t at = 0; at + 16 <= sizes[i]; at++)
			for (int half = 0; half < 2; half++)
				assert_memory_not_equal(
					answers[i] + at, a->cookie_key.halves[half], 16);
		sctp_destroy(a);
		if (i == 1)
			sctp_destroy(padding);
		else
			kept = padding;
	}
	sctp_destroy(kept);
	assert_int_equal(sizes[0], sizes[1]);
	assert_memory_equal(answers[0], answers[1], sizes[0]);
}

TESTS(TEST(a_changed_cookie_is_dropped_and_the_good_one_taken),
	TEST(a_stale_cookie_is_refused_and_the_handshake_begins_anew),
	TEST(duplicates_of_the_handshake_change_nothing), TEST(a_lost_cookie_ack_is_sent_again),
	TEST(an_init_for_a_living_association_leaves_it_alone),
	TEST(a_peer_that_restarts_ends_the_association),
	TEST(an_init_without_tag_or_streams_is_not_accepted), TEST(streams_are_what_both_ends_have),
	TEST(every_cell_of_table_12_is_obeyed),
	TEST(a_new_tag_of_the_peer_does_not_undo_what_was_received),
	TEST(a_restart_while_the_shutdown_is_acknowledged_is_put_off),
	TEST(a_collision_with_other_stream_counts_makes_one_association),
	TEST(a_restart_with_other_stream_counts_ends_the_association_and_says_so),
	TEST(no_pointer_or_secret_is_in_a_cookie),
	TEST(a_new_tag_of_the_peer_does_not_undo_what_was_asked),
	TEST(a_new_tag_of_the_peer_does_not_undo_what_was_sent))
