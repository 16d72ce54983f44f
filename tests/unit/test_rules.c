/* What RFC 9260 says of the packets of a peer, right and wrong: they are made by hand. */
#include "sctp_pair.h"

/* A packet with one chunk for end `to`. */
static void give(struct pair *p, int to, uint32_t tag, enum sctp_chunk_type type, uint8_t flags,
	struct bytes value)
{
	uint8_t data[600];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, tag});
	size_t place = sctp_chunk_begin(&w, type, flags);
	write_bytes(&w, value);
	sctp_chunk_end(&w, place);
	sctp_packet_seal(&w);
	sctp_receive(p->end[to].assoc, p->now, writer_bytes(&w));
}

/* The next packet of an end, its header, and its first chunk; false when there is none. */
static bool take(
	struct pair *p, int from, struct sctp_header *ret_header, struct sctp_chunk *ret_chunk)
{
	static uint8_t data[1200];
	struct reader r;
	size_t size = sctp_write(p->end[from].assoc, p->now, data, sizeof data);
	if (size == 0)
		return false;
	assert_ok(sctp_packet_open(bytes_of(data, size), false, ret_header, &r));
	assert_true(sctp_chunk_next(&r, ret_chunk));
	return true;
}

static void assert_silent(struct pair *p, int from)
{
	struct sctp_header header;
	struct sctp_chunk chunk;
	assert_false(take(p, from, &header, &chunk));
}

/* An INIT or INIT ACK, and what is wrong with it. */
static const struct init_case {
	uint32_t tag, window;
	uint16_t outgoing, incoming;
	bool host_name, without_cookie;
} init_cases[] = {
	{0, 5000, 5, 5, false, false}, {77, 1499, 5, 5, false, false}, {77, 0, 5, 5, false, false},
	{77, 5000, 0, 5, false, false}, {77, 5000, 5, 0, false, false},
	{77, 5000, 5, 5, true, false}, {77, 5000, 5, 5, false, true}, /* INIT ACK only */
};
#define INIT_CASES (sizeof init_cases / sizeof init_cases[0])

static struct bytes init_value(const struct init_case *c, bool ack, uint8_t *data, size_t capacity)
{
	struct writer w = writer_of(data, capacity);
	write_u32(&w, c->tag);
	write_u32(&w, c->window);
	write_u16(&w, c->outgoing);
	write_u16(&w, c->incoming);
	write_u32(&w, 9);
	if (ack && !c->without_cookie) {
		size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_STATE_COOKIE);
		write_text(&w, "cookie");
		sctp_parameter_end(&w, place);
	}
	if (c->host_name) {
		size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_HOST_NAME);
		write_text(&w, "host.example");
		sctp_parameter_end(&w, place);
	}
	return writer_bytes(&w);
}

static void an_init_that_cannot_be_is_answered_with_abort_under_its_tag(void **state)
{
	(void)state;
	for (size_t i = 0; i < INIT_CASES - 1; i++) {
		struct pair p;
		uint8_t value[100];
		struct sctp_header header;
		struct sctp_chunk chunk;
		pair_init(&p, 1);
		give(&p, 0, 0, SCTP_INIT, 0,
			init_value(&init_cases[i], false, value, sizeof value));
		if (init_cases[i].tag != 0) {
			assert_true(take(&p, 0, &header, &chunk));
			assert_int_equal(chunk.type, SCTP_ABORT);
			assert_int_equal(chunk.flags & SCTP_TAG_REFLECTED, 0);
			assert_int_equal(header.tag, 77);
		}
		assert_silent(&p, 0);
		assert_int_equal(sctp_state(p.end[0].assoc), SCTP_CLOSED);
		assert_int_equal(p.end[0].assoc->peer_tag, 0);
		pair_deinit(&p);
	}
}

static void an_init_ack_that_cannot_be_ends_the_attempt(void **state)
{
	(void)state;
	for (size_t i = 0; i < INIT_CASES; i++) {
		struct pair p;
		uint8_t value[100];
		struct sctp_header header;
		struct sctp_chunk chunk;
		pair_init(&p, 1);
		struct sctp_assoc *a = p.end[0].assoc;
		sctp_connect(a, p.now);
		assert_true(take(&p, 0, &header, &chunk));
		give(&p, 0, a->local_tag, SCTP_INIT_ACK, 0,
			init_value(&init_cases[i], true, value, sizeof value));
		assert_int_equal(sctp_state(a), SCTP_CLOSED);
		assert_true(sctp_deadline(a) == USEC_NEVER);
		if (init_cases[i].tag != 0) {
			assert_true(take(&p, 0, &header, &chunk));
			assert_int_equal(chunk.type, SCTP_ABORT);
			assert_int_equal(header.tag, 77);
		}
		pair_drain(&p);
		assert_int_equal(p.end[0].closed, 1);
		pair_deinit(&p);
	}
}

static const struct init_case good_init = {77, 5000, 5, 5, false, false};

static void an_init_is_answered_and_leaves_nothing_behind(void **state)
{
	(void)state;
	struct pair p;
	uint8_t value[100];
	struct sctp_header header;
	struct sctp_chunk chunk;
	struct sctp_init ack;
	struct sctp_cookie cookie;
	pair_init(&p, 1);
	struct sctp_assoc *a = p.end[0].assoc;
	static struct sctp_assoc before;
	before = *a;
	give(&p, 0, 0, SCTP_INIT, 0, init_value(&good_init, false, value, sizeof value));
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_INIT_ACK);
	assert_int_equal(header.tag, 77);
	assert_ok(sctp_init_parse(chunk, &ack));
	assert_int_equal(ack.tag, a->local_tag);
	assert_ok(sctp_cookie_open(&a->cookie_key, ack.cookie, &cookie));
	assert_int_equal(cookie.local_tie, 0);
	assert_int_equal(cookie.peer_tie, 0);
	/* Counters, and the place where the answer was, are all that may have changed. */
	before.stats = a->stats;
	before.solo = a->solo;
	before.pmtu = a->pmtu;
	assert_memory_equal(&before, a, sizeof before);
	assert_true(sctp_deadline(a) == USEC_NEVER);
	pair_deinit(&p);
}

/* RFC 9260 section 5.2.1, in COOKIE-WAIT and in COOKIE-ECHOED. */
static void an_init_that_crosses_ours_is_answered_with_what_ours_said(void **state)
{
	(void)state;
	for (int echoed = 0; echoed < 2; echoed++) {
		struct pair p;
		uint8_t value[100];
		struct sctp_header header;
		struct sctp_chunk chunk;
		struct sctp_init init, ack;
		pair_init(&p, 1);
		struct sctp_assoc *a = p.end[0].assoc;
		sctp_connect(a, p.now);
		assert_true(take(&p, 0, &header, &chunk));
		assert_ok(sctp_init_parse(chunk, &init));
		if (echoed) {
			give(&p, 0, a->local_tag, SCTP_INIT_ACK, 0,
				init_value(&good_init, true, value, sizeof value));
			assert_true(take(&p, 0, &header, &chunk));
			assert_int_equal(chunk.type, SCTP_COOKIE_ECHO);
		}
		enum sctp_state before = sctp_state(a);
		usec timer = sctp_deadline(a);
		give(&p, 0, 0, SCTP_INIT, 0, init_value(&good_init, false, value, sizeof value));
		assert_true(take(&p, 0, &header, &chunk));
		assert_int_equal(chunk.type, SCTP_INIT_ACK);
		assert_ok(sctp_init_parse(chunk, &ack));
		assert_int_equal(ack.tag, init.tag);
		assert_int_equal(ack.tsn, init.tsn);
		assert_int_equal(ack.incoming, init.incoming);
		assert_int_equal(ack.outgoing, good_init.incoming);
		assert_true(ack.cookie.size > 0);
		assert_int_equal(sctp_state(a), before);
		assert_true(sctp_deadline(a) == timer);
		pair_deinit(&p);
	}
}

/* Section 5.2.2: perhaps the peer restarts, perhaps somebody pretends that it does. */
static void an_unexpected_init_is_answered_with_a_new_tag_and_changes_nothing(void **state)
{
	(void)state;
	struct pair p;
	uint8_t value[100];
	struct sctp_header header;
	struct sctp_chunk chunk;
	struct sctp_init ack;
	struct sctp_cookie cookie;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint32_t peer_tag = a->peer_tag, local_tag = a->local_tag;
	give(&p, 0, 0, SCTP_INIT, 0, init_value(&good_init, false, value, sizeof value));
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_INIT_ACK);
	assert_int_equal(header.tag, 77);
	assert_ok(sctp_init_parse(chunk, &ack));
	assert_int_not_equal(ack.tag, local_tag);
	assert_ok(sctp_cookie_open(&a->cookie_key, ack.cookie, &cookie));
	assert_int_equal(cookie.local_tie, local_tag);
	assert_int_equal(cookie.peer_tie, peer_tag);
	assert_int_equal(a->peer_tag, peer_tag);
	assert_int_equal(a->local_tag, local_tag);
	assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
	assert_ok(pair_send(&p, 0, 0, false, 1000));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[1].received, 1);
	pair_deinit(&p);
}

static void an_init_in_company_or_under_a_tag_is_dropped(void **state)
{
	(void)state;
	struct pair p;
	uint8_t value[100], data[300];
	pair_init(&p, 1);
	struct bytes init = init_value(&good_init, false, value, sizeof value);
	give(&p, 0, 5, SCTP_INIT, 0, init);
	assert_silent(&p, 0);
	assert_int_equal(sctp_stats(p.end[0].assoc)->dropped_tag, 1);
	for (int first = 0; first < 2; first++) {
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
		if (!first)
			sctp_chunk_write_empty(&w, SCTP_COOKIE_ACK, 0);
		size_t place = sctp_chunk_begin(&w, SCTP_INIT, 0);
		write_bytes(&w, init);
		sctp_chunk_end(&w, place);
		if (first)
			sctp_chunk_write_empty(&w, SCTP_COOKIE_ACK, 0);
		sctp_packet_seal(&w);
		sctp_receive(p.end[0].assoc, p.now, writer_bytes(&w));
		assert_silent(&p, 0);
	}
	pair_deinit(&p);
}

static bool drop_cookies(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	(void)size;
	if (data[SCTP_HEADER_SIZE] != SCTP_COOKIE_ECHO)
		return true;
	p->counter++;
	return false;
}

static void a_cookie_is_repeated_so_often_and_then_it_is_reported(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	p.on_packet = drop_cookies;
	sctp_connect(p.end[0].assoc, p.now);
	pair_run(&p, 600 * USEC_PER_SEC);
	assert_int_equal(p.counter, 1 + SCTP_MAX_INIT_RETRANSMITS);
	assert_int_equal(p.end[0].closed, 1);
	assert_int_equal(p.end[0].reason, SCTP_CLOSE_UNREACHABLE);
	pair_deinit(&p);
}

static void the_timer_of_init_backs_off(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init(&p, 1);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_connect(a, p.now);
	usec wait = SCTP_RTO_INITIAL;
	for (int i = 0; i <= SCTP_MAX_INIT_RETRANSMITS; i++) {
		assert_true(take(&p, 0, &header, &chunk));
		assert_int_equal(chunk.type, SCTP_INIT);
		assert_true(sctp_deadline(a) == p.now + wait);
		p.now = sctp_deadline(a);
		sctp_advance(a, p.now);
		wait = usec_min(2 * wait, SCTP_RTO_MAX);
	}
	assert_int_equal(sctp_state(a), SCTP_CLOSED);
	pair_deinit(&p);
}

static void a_cookie_under_another_tag_is_dropped(void **state)
{
	(void)state;
	struct pair p;
	uint8_t value[100], cookie[SCTP_COOKIE_SIZE];
	struct sctp_header header;
	struct sctp_chunk chunk;
	struct sctp_init ack;
	pair_init(&p, 1);
	struct sctp_assoc *a = p.end[0].assoc;
	give(&p, 0, 0, SCTP_INIT, 0, init_value(&good_init, false, value, sizeof value));
	assert_true(take(&p, 0, &header, &chunk));
	assert_ok(sctp_init_parse(chunk, &ack));
	memcpy(cookie, ack.cookie.data, sizeof cookie);
	give(&p, 0, ack.tag ^ 1, SCTP_COOKIE_ECHO, 0, bytes_of(cookie, sizeof cookie));
	assert_int_equal(sctp_state(a), SCTP_CLOSED);
	assert_silent(&p, 0);
	give(&p, 0, ack.tag, SCTP_COOKIE_ECHO, 0, bytes_of(cookie, sizeof cookie));
	assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_COOKIE_ACK);
	assert_int_equal(header.tag, 77);
	pair_deinit(&p);
}

/* Section 8.5.1: its own tag with the bit clear, or the peer's with the bit set. */
static void abort_and_shutdown_complete_count_under_the_right_tag_alone(void **state)
{
	(void)state;
	for (int right = 0; right < 2; right++)
		for (int reflected = 0; reflected < 2; reflected++) {
			struct pair p;
			pair_init(&p, 1);
			pair_connect(&p);
			pair_run(&p, USEC_PER_SEC);
			struct sctp_assoc *a = p.end[0].assoc;
			bool ours = reflected ? !right : right;
			give(&p, 0, ours ? a->local_tag : a->peer_tag, SCTP_ABORT,
				reflected ? SCTP_TAG_REFLECTED : 0, (struct bytes){0});
			assert_int_equal(sctp_state(a), right ? SCTP_CLOSED : SCTP_ESTABLISHED);
			assert_silent(&p, 0);
			pair_deinit(&p);
		}
	/* SHUTDOWN COMPLETE ends only what has sent SHUTDOWN ACK. */
	for (int waits = 0; waits < 2; waits++) {
		struct pair p;
		struct sctp_header header;
		struct sctp_chunk chunk;
		pair_init(&p, 1);
		pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		struct sctp_assoc *a = p.end[0].assoc;
		if (waits) {
			uint8_t value[4];
			struct writer w = writer_of(value, sizeof value);
			write_u32(&w, a->local_tsn - 1);
			give(&p, 0, a->local_tag, SCTP_SHUTDOWN, 0, writer_bytes(&w));
			assert_true(take(&p, 0, &header, &chunk));
			assert_int_equal(chunk.type, SCTP_SHUTDOWN_ACK);
			assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_ACK_SENT);
		}
		give(&p, 0, a->local_tag ^ 1, SCTP_SHUTDOWN_COMPLETE, 0, (struct bytes){0});
		give(&p, 0, a->local_tag, SCTP_SHUTDOWN_COMPLETE, SCTP_TAG_REFLECTED,
			(struct bytes){0});
		assert_int_not_equal(sctp_state(a), SCTP_CLOSED);
		give(&p, 0, a->local_tag, SCTP_SHUTDOWN_COMPLETE, 0, (struct bytes){0});
		assert_int_equal(sctp_state(a), waits ? SCTP_CLOSED : SCTP_ESTABLISHED);
		pair_deinit(&p);
	}
}

/* Sections 3.3.7 and 8.4. */
static void abort_is_never_answered(void **state)
{
	(void)state;
	for (int life = 0; life < 3; life++) {
		struct pair p;
		pair_init(&p, 1);
		struct sctp_assoc *a = p.end[0].assoc;
		if (life > 0)
			pair_connect(&p);
		pair_run(&p, USEC_PER_SEC);
		if (life == 2) {
			sctp_abort(a, p.now);
			pair_drain(&p);
		}
		for (uint8_t flags = 0; flags < 2; flags++)
			for (int tag = 0; tag < 3; tag++)
				give(&p, 0,
					tag == 0   ? a->local_tag
					: tag == 1 ? a->peer_tag
						   : 4711,
					SCTP_ABORT, flags, bytes_of_text("mal"));
		assert_silent(&p, 0);
		pair_deinit(&p);
	}
}

/* Section 8.4, for an association that is over. */
static void what_comes_out_of_the_blue_is_answered_as_the_standard_has_it(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		int answer; /* -1: none */
	} cases[] = {
		{SCTP_DATA, SCTP_ABORT},
		{SCTP_SACK, SCTP_ABORT},
		{SCTP_HEARTBEAT, SCTP_ABORT},
		{SCTP_COOKIE_ECHO, SCTP_ABORT},
		{SCTP_SHUTDOWN, SCTP_ABORT},
		{SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE},
		{SCTP_SHUTDOWN_COMPLETE, -1},
		{SCTP_ABORT, -1},
		{SCTP_COOKIE_ACK, -1},
		{SCTP_ERROR, -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p;
		struct sctp_header header;
		struct sctp_chunk chunk;
		pair_init(&p, 1);
		pair_connect(&p);
		sctp_abort(p.end[0].assoc, p.now);
		pair_drain(&p);
		give(&p, 0, 4711, (enum sctp_chunk_type)cases[i].type, 0,
			bytes_of_text("some bytes of any kind"));
		if (cases[i].answer < 0) {
			assert_silent(&p, 0);
		} else {
			assert_true(take(&p, 0, &header, &chunk));
			assert_int_equal(chunk.type, cases[i].answer);
			/* With the tag that came, and saying so. */
			assert_int_equal(header.tag, 4711);
			assert_int_equal(chunk.flags, SCTP_TAG_REFLECTED);
			assert_int_equal(chunk.value.size, 0);
		}
		assert_silent(&p, 0);
		pair_deinit(&p);
	}
}

static void data_during_shutdown_is_answered_at_once(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init_with(&p, 1, (struct sctp_config){.no_interleaving = true},
		(struct sctp_config){.no_interleaving = true});
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_shutdown(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN);
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_SENT);
	p.now += 100 * USEC_PER_MS;
	uint8_t value[20];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, p.end[1].assoc->local_tsn + 1); /* with a gap */
	write_zeros(&w, 8);
	write_text(&w, "data");
	give(&p, 0, a->local_tag, SCTP_DATA, SCTP_DATA_BEGIN | SCTP_DATA_END, writer_bytes(&w));
	/* A SACK, since SHUTDOWN cannot tell of the gap, and SHUTDOWN, and its timer anew. */
	uint8_t data[1200];
	size_t size = sctp_write(a, p.now, data, sizeof data);
	struct reader r;
	bool sack = false, shutdown = false;
	assert_true(size > 0);
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk)) {
		sack |= chunk.type == SCTP_SACK;
		shutdown |= chunk.type == SCTP_SHUTDOWN;
	}
	assert_true(sack && shutdown);
	assert_true(a->timers[SCTP_TIMER_SHUTDOWN] == p.now + sctp_rto_current(&a->rto));
	pair_deinit(&p);
}

static void once_the_peer_shuts_down_nothing_new_is_accepted(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	assert_ok(pair_send(&p, 0, 0, false, 3000));
	uint8_t data[1200], value[4];
	while (sctp_write(a, p.now, data, sizeof data) > 0) {}
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, a->local_tsn - 1);
	give(&p, 0, a->local_tag, SCTP_SHUTDOWN, 0, writer_bytes(&w));
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_RECEIVED);
	assert_err(pair_send(&p, 0, 0, false, 1), ERR_STATE);
	sctp_shutdown(a, p.now);
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_RECEIVED);
	/* What was outstanding is acknowledged: SHUTDOWN ACK. */
	w = writer_of(value, sizeof value);
	write_u32(&w, (uint32_t)(a->outstanding.next - 1));
	give(&p, 0, a->local_tag, SCTP_SHUTDOWN, 0, writer_bytes(&w));
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_ACK_SENT);
	assert_err(pair_send(&p, 0, 0, false, 1), ERR_STATE);
	struct sctp_header header;
	struct sctp_chunk chunk;
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN_ACK);
	/* Repeated when nobody answers, and DATA counts no more. */
	p.now = sctp_deadline(a);
	sctp_advance(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN_ACK);
	uint64_t before = a->tracker.cumulative;
	give(&p, 0, a->local_tag, a->interleaving ? SCTP_I_DATA : SCTP_DATA, 3,
		bytes_of_text("whatever it may be"));
	assert_true(a->tracker.cumulative == before);
	assert_silent(&p, 0);
	pair_deinit(&p);
}

/* Section 3.3.8: it has no gap blocks, and that takes nothing back. */
static void shutdown_takes_no_gap_block_back(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t data[1200], value[16];
	for (int i = 0; i < 4; i++) {
		assert_ok(pair_send(&p, 0, 0, false, 1000));
		assert_true(sctp_write(a, p.now, data, sizeof data) > 0);
	}
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, a->local_tsn - 1);
	write_u32(&w, 100000);
	write_u32(&w, 0x00010000);
	write_u32(&w, 0x00030004);
	give(&p, 0, a->local_tag, SCTP_SACK, 0, writer_bytes(&w));
	size_t in_flight = a->outstanding.in_flight;
	w = writer_of(value, sizeof value);
	write_u32(&w, a->local_tsn - 1);
	give(&p, 0, a->local_tag, SCTP_SHUTDOWN, 0, writer_bytes(&w));
	for (uint64_t i = 2; i < 4; i++)
		assert_int_equal(
			sctp_outstanding_at(&a->outstanding, a->outstanding.first + i)->state,
			SCTP_SENT_ACKED);
	assert_int_equal(a->outstanding.in_flight, in_flight);
	pair_deinit(&p);
}

static void shutdown_is_repeated_with_what_has_arrived_meanwhile(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_shutdown(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	struct reader r = reader_of(chunk.value);
	uint32_t first = read_u32(&r);
	sctp_tracker_forward(&a->tracker, a->tracker.cumulative + 3);
	usec rto = sctp_rto_current(&a->rto);
	assert_true(a->timers[SCTP_TIMER_SHUTDOWN] == p.now + rto);
	p.now += rto;
	sctp_advance(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN);
	r = reader_of(chunk.value);
	assert_int_equal(read_u32(&r), first + 3);
	assert_true(a->timers[SCTP_TIMER_SHUTDOWN] == p.now + usec_min(2 * rto, SCTP_RTO_MAX));
	pair_deinit(&p);
}

/* Sections 3.2 and 3.2.1. */
static void padding_is_ignored_whatever_it_holds(void **state)
{
	(void)state;
	static const uint8_t chunks[] = {
		SCTP_ERROR, 0, 0, 5, 1, 0xff, 0xee, 0xdd, SCTP_COOKIE_ACK, 0, 0, 4};
	struct reader r = reader_of(bytes_of(chunks, sizeof chunks));
	struct sctp_chunk chunk;
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_bytes_equal(chunk.value, bytes_of("\1", 1));
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_int_equal(chunk.type, SCTP_COOKIE_ACK);
	assert_false(sctp_chunk_next(&r, &chunk));
	assert_false(r.failed);
	r = reader_of(bytes_of(chunks, sizeof chunks));
	struct sctp_parameter parameter;
	assert_true(sctp_parameter_next(&r, &parameter));
	assert_int_equal(parameter.value.size, 1);
	assert_true(sctp_parameter_next(&r, &parameter));
	assert_int_equal(parameter.type, SCTP_COOKIE_ACK << 8);
}

/* Section 6.10: chunks count in their order, a partial one and what follows it do not. */
static void a_partial_chunk_is_dropped_and_those_before_it_count(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t data[100];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t place = sctp_chunk_begin(&w, SCTP_HEARTBEAT, 0);
	write_u32(&w, 0x00010004);
	sctp_chunk_end(&w, place);
	write_u32(&w, (uint32_t)SCTP_ABORT << 24 | 8); /* 4 bytes short */
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	assert_int_equal(sctp_state(a), SCTP_ESTABLISHED);
	assert_int_equal(sctp_stats(a)->dropped_malformed, 1);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_HEARTBEAT_ACK);
	pair_deinit(&p);
}

/* Section 6.1 rule A, and the silly window of RFC 1122. */
static void nothing_new_goes_into_a_window_that_is_too_small(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t data[1200];
	a->peer_window = 1500;
	for (int i = 0; i < 3; i++)
		assert_ok(pair_send(&p, 0, 0, false, 1000));
	assert_true(sctp_write(a, p.now, data, sizeof data) > 0);
	size_t in_flight = a->outstanding.in_flight;
	assert_in_range(in_flight, 1000, 1500);
	assert_silent(&p, 0);
	/* With a closed window and nothing on its way, one probe after a time-out. */
	struct writer w = writer_of(data, sizeof data);
	write_u32(&w, (uint32_t)(a->outstanding.next - 1));
	write_zeros(&w, 8);
	uint8_t sack[12];
	memcpy(sack, data, sizeof sack);
	give(&p, 0, a->local_tag, SCTP_SACK, 0, bytes_of(sack, sizeof sack));
	assert_int_equal(a->outstanding.in_flight, 0);
	assert_silent(&p, 0);
	usec deadline = sctp_deadline(a);
	assert_true(deadline > p.now && deadline <= p.now + SCTP_RTO_MAX);
	p.now = deadline;
	sctp_advance(a, p.now);
	for (int i = 0; i < 3 && a->outstanding.in_flight == 0; i++) {
		(void)sctp_write(a, p.now, data, sizeof data);
		if (a->outstanding.in_flight > 0)
			break;
		p.now = sctp_deadline(a);
		sctp_advance(a, p.now);
	}
	assert_in_range(a->outstanding.in_flight, 1, 1200);
	assert_silent(&p, 0);
	pair_deinit(&p);
}

/* RFC 9260 section 9.2. */
static void two_shutdowns_that_cross_end_in_complete(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t value[4];
	sctp_shutdown(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN);
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, a->local_tsn - 1);
	give(&p, 0, a->local_tag, SCTP_SHUTDOWN, 0, writer_bytes(&w));
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN_ACK);
	assert_int_equal(sctp_state(a), SCTP_SHUTDOWN_ACK_SENT);
	give(&p, 0, a->local_tag, SCTP_SHUTDOWN_ACK, 0, (struct bytes){0});
	assert_true(take(&p, 0, &header, &chunk));
	assert_int_equal(chunk.type, SCTP_SHUTDOWN_COMPLETE);
	assert_int_equal(chunk.flags, 0);
	assert_int_equal(sctp_state(a), SCTP_CLOSED);
	assert_true(sctp_deadline(a) == USEC_NEVER);
	pair_deinit(&p);
}

/* Section 6.1. */
static void what_was_lost_goes_before_what_is_new(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_header header;
	struct sctp_chunk chunk;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t data[1200];
	assert_ok(pair_send(&p, 0, 0, false, 1000));
	assert_true(sctp_write(a, p.now, data, sizeof data) > 0);
	usec deadline = a->timers[SCTP_TIMER_RETRANSMIT];
	assert_true(deadline != USEC_NEVER);
	/* The timer belongs to the lowest number: what is sent behind it leaves it alone. */
	p.now += 10 * USEC_PER_MS;
	assert_ok(pair_send(&p, 0, 1, false, 1000));
	assert_true(sctp_write(a, p.now, data, sizeof data) > 0);
	assert_true(a->timers[SCTP_TIMER_RETRANSMIT] == deadline);
	assert_ok(pair_send(&p, 0, 2, false, 1000));
	p.now = deadline;
	sctp_transmit_on_timer(a, p.now);
	assert_true(take(&p, 0, &header, &chunk));
	assert_true(chunk.type == SCTP_DATA || chunk.type == SCTP_I_DATA);
	struct reader r = reader_of(chunk.value);
	assert_int_equal(read_u32(&r), (uint32_t)a->outstanding.first);
	/* Sent again, it has the timer anew. */
	assert_true(a->timers[SCTP_TIMER_RETRANSMIT] == p.now + sctp_rto_current(&a->rto));
	pair_deinit(&p);
}

static void the_numbers_in_flight_are_bounded(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	pair_run(&p, USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	const struct sctp_message message = {.stream = 1, .data = bytes_of_text("x")};
	for (int i = 0; i < SCTP_TSN_SPAN_MAX + 1000; i++)
		assert_ok(sctp_send(a, p.now, &message));
	uint8_t data[1200];
	for (int i = 0; i < 3000; i++) {
		/* As if everything went well, but for the answers. */
		a->congestion.cwnd = a->peer_window = 1024 * 1024;
		p.now += USEC_PER_MS;
		while (sctp_write(a, p.now, data, sizeof data) > 0) {}
		sctp_transmit_on_pace_timer(a, p.now);
		assert_true(a->outstanding.next - a->outstanding.first <= SCTP_TSN_SPAN_MAX);
	}
	assert_int_equal(a->outstanding.next - a->outstanding.first, SCTP_TSN_SPAN_MAX);
	pair_deinit(&p);
}

static void another_path_begins_with_the_initial_window(void **state)
{
	(void)state;
	struct pair p;
	pair_init(&p, 1);
	pair_connect(&p);
	for (int i = 0; i < 100; i++)
		assert_ok(pair_send(&p, 0, 0, false, 16000));
	pair_run(&p, 5 * USEC_PER_SEC);
	struct sctp_assoc *a = p.end[0].assoc;
	size_t initial = sctp_congestion_initial_window(a->congestion.mtu);
	assert_true(a->congestion.cwnd > 2 * initial);
	sctp_path_changed(a, p.now);
	assert_int_equal(a->congestion.cwnd, initial);
	assert_int_equal(a->congestion.mtu, sctp_packet_size(a));
	pair_deinit(&p);
}

TESTS(TEST(two_shutdowns_that_cross_end_in_complete), TEST(what_was_lost_goes_before_what_is_new),
	TEST(the_numbers_in_flight_are_bounded), TEST(another_path_begins_with_the_initial_window),
	TEST(an_init_that_cannot_be_is_answered_with_abort_under_its_tag),
	TEST(an_init_ack_that_cannot_be_ends_the_attempt),
	TEST(an_init_is_answered_and_leaves_nothing_behind),
	TEST(an_init_that_crosses_ours_is_answered_with_what_ours_said),
	TEST(an_unexpected_init_is_answered_with_a_new_tag_and_changes_nothing),
	TEST(an_init_in_company_or_under_a_tag_is_dropped),
	TEST(a_cookie_is_repeated_so_often_and_then_it_is_reported),
	TEST(the_timer_of_init_backs_off), TEST(a_cookie_under_another_tag_is_dropped),
	TEST(abort_and_shutdown_complete_count_under_the_right_tag_alone),
	TEST(abort_is_never_answered),
	TEST(what_comes_out_of_the_blue_is_answered_as_the_standard_has_it),
	TEST(data_during_shutdown_is_answered_at_once),
	TEST(once_the_peer_shuts_down_nothing_new_is_accepted),
	TEST(shutdown_takes_no_gap_block_back),
	TEST(shutdown_is_repeated_with_what_has_arrived_meanwhile),
	TEST(padding_is_ignored_whatever_it_holds),
	TEST(a_partial_chunk_is_dropped_and_those_before_it_count),
	TEST(nothing_new_goes_into_a_window_that_is_too_small))
