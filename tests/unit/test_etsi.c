/* Purposes after the groups of the ETSI conformance suite for SCTP (TS 102 369), one path and below
 * DTLS, as far as other tests do not have them: docs/conformance/etsi.md maps all. One association
 * is driven by packets that a puppet of a peer makes, and each answer is looked at. */
#include "sctp/internal.h"
#include "test.h"

#define PUPPET_TAG 77
#define PUPPET_TSN 1000
#define WHOLE (SCTP_DATA_BEGIN | SCTP_DATA_END)
#define WINDOW 100000

struct puppet {
	struct sctp_assoc *assoc;
	struct rng rng;
	usec now;
	struct writer packet; /* the one being made */
	uint8_t data[1200];
};

/* ---- The puppet's packets ---- */

static void begin(struct puppet *p, uint32_t tag)
{
	p->packet = writer_of(p->data, sizeof p->data);
	sctp_packet_begin(&p->packet, (struct sctp_header){5000, 5000, tag});
}

static void add(struct puppet *p, enum sctp_chunk_type type, uint8_t flags, struct bytes value)
{
	size_t place = sctp_chunk_begin(&p->packet, type, flags);
	write_bytes(&p->packet, value);
	sctp_chunk_end(&p->packet, place);
}

static void add_data(
	struct puppet *p, uint32_t offset, uint16_t stream, uint16_t ssn, uint8_t flags)
{
	sctp_data_write(&p->packet, &(struct sctp_data){.flags = flags,
					    .tsn = PUPPET_TSN + offset,
					    .stream = stream,
					    .ssn = ssn,
					    .ppid = offset,
					    .payload = bytes_of_text("data")});
}

static void send_packet(struct puppet *p)
{
	sctp_packet_seal(&p->packet);
	sctp_receive(p->assoc, p->now, writer_bytes(&p->packet));
}

static void give(struct puppet *p, enum sctp_chunk_type type, struct bytes value)
{
	begin(p, p->assoc->local_tag);
	add(p, type, 0, value);
	send_packet(p);
}

static void give_data(
	struct puppet *p, uint32_t offset, uint16_t stream, uint16_t ssn, uint8_t flags)
{
	begin(p, p->assoc->local_tag);
	add_data(p, offset, stream, ssn, flags);
	send_packet(p);
}

/* Acknowledges this many of the association's TSNs. */
static void give_sack(struct puppet *p, uint32_t count, uint32_t window)
{
	uint8_t value[12];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, p->assoc->local_tsn - 1 + count);
	write_u32(&w, window);
	write_u32(&w, 0);
	give(p, SCTP_SACK, writer_bytes(&w));
}

static void give_shutdown(struct puppet *p, uint32_t count)
{
	uint8_t value[4];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, p->assoc->local_tsn - 1 + count);
	give(p, SCTP_SHUTDOWN, writer_bytes(&w));
}

static struct bytes init_value(bool ack)
{
	static uint8_t value[64];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, PUPPET_TAG);
	write_u32(&w, WINDOW);
	write_u16(&w, 10);
	write_u16(&w, 10);
	write_u32(&w, PUPPET_TSN);
	if (ack) {
		size_t place = sctp_parameter_begin(&w, SCTP_PARAMETER_STATE_COOKIE);
		write_text(&w, "cookie");
		sctp_parameter_end(&w, place);
	}
	return writer_bytes(&w);
}

/* ---- The association's answers ---- */

/* The types of the chunks in its next packet, which is under the puppet's tag; 0: none. */
static size_t take(struct puppet *p, uint8_t *types, size_t max, struct sctp_chunk *ret_last)
{
	static uint8_t data[1200];
	size_t size = sctp_write(p->assoc, p->now, data, sizeof data), count = 0;
	if (size == 0)
		return 0;
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk = {0};
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	while (sctp_chunk_next(&r, &chunk)) {
		assert_true(count < max);
		types[count++] = chunk.type;
		*ret_last = chunk;
	}
	assert_false(r.failed);
	assert_int_equal(header.tag, types[0] == SCTP_INIT ? 0 : PUPPET_TAG);
	return count;
}

static struct sctp_chunk assert_answer(struct puppet *p, uint8_t first, uint8_t second)
{
	uint8_t types[8] = {0};
	struct sctp_chunk last = {0};
	size_t count = take(p, types, sizeof types, &last);
	assert_int_equal(count, second ? 2 : 1);
	assert_int_equal(types[0], first);
	assert_int_equal(types[1], second);
	return last;
}

static void assert_silent(struct puppet *p)
{
	uint8_t data[1200];
	assert_int_equal(sctp_write(p->assoc, p->now, data, sizeof data), 0);
}

/* What a SACK says of TSNs received. */
static uint32_t cumulative_of(struct sctp_chunk chunk)
{
	struct sctp_sack sack;
	assert_ok(sctp_sack_parse(chunk, &sack));
	return sack.cumulative - PUPPET_TSN + 1;
}

static void assert_message(struct puppet *p, uint32_t ppid)
{
	struct sctp_event event;
	do
		assert_true(sctp_next_event(p->assoc, &event));
	while (event.type == SCTP_EVENT_CONNECTED);
	assert_int_equal(event.type, SCTP_EVENT_MESSAGE);
	assert_int_equal(event.message.ppid, ppid);
}

static bool has_event(struct puppet *p)
{
	struct sctp_event event;
	while (sctp_next_event(p->assoc, &event))
		if (event.type != SCTP_EVENT_CONNECTED)
			return true;
	return false;
}

static void send_message(struct puppet *p)
{
	assert_ok(sctp_send(
		p->assoc, p->now, &(struct sctp_message){.data = bytes_of_text("hello")}));
}

/* ---- The states ---- */

static void go_to(struct puppet *p, enum sctp_state state)
{
	*p = (struct puppet){.rng = rng_seeded(1), .now = USEC_PER_SEC};
	assert_ok(sctp_create(
		&(struct sctp_config){
			.local_port = 5000, .remote_port = 5000, .streams = 10, .rng = &p->rng},
		p->now, &p->assoc));
	if (state == SCTP_CLOSED)
		return;
	sctp_connect(p->assoc, p->now);
	assert_answer(p, SCTP_INIT, 0);
	if (state == SCTP_COOKIE_WAIT)
		return;
	give(p, SCTP_INIT_ACK, init_value(true));
	assert_answer(p, SCTP_COOKIE_ECHO, 0);
	if (state == SCTP_COOKIE_ECHOED)
		return;
	give(p, SCTP_COOKIE_ACK, (struct bytes){0});
	if (state == SCTP_SHUTDOWN_PENDING || state == SCTP_SHUTDOWN_RECEIVED) {
		send_message(p);
		assert_answer(p, SCTP_DATA, 0);
	}
	if (state == SCTP_SHUTDOWN_PENDING || state == SCTP_SHUTDOWN_SENT)
		sctp_shutdown(p->assoc, p->now);
	if (state == SCTP_SHUTDOWN_SENT)
		assert_answer(p, SCTP_SHUTDOWN, 0);
	if (state == SCTP_SHUTDOWN_RECEIVED || state == SCTP_SHUTDOWN_ACK_SENT)
		give_shutdown(p, 0);
	if (state == SCTP_SHUTDOWN_ACK_SENT)
		assert_answer(p, SCTP_SHUTDOWN_ACK, 0);
	assert_int_equal(sctp_state(p->assoc), state);
	assert_silent(p);
}

static void end(struct puppet *p)
{
	sctp_destroy(p->assoc);
}

/* ---- Association establishment (AS) ---- */

static void an_init_ack_under_another_tag_is_dropped(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_COOKIE_WAIT);
	begin(&p, p.assoc->local_tag ^ 1);
	add(&p, SCTP_INIT_ACK, 0, init_value(true));
	send_packet(&p);
	assert_silent(&p);
	assert_int_equal(sctp_state(p.assoc), SCTP_COOKIE_WAIT);
	assert_int_equal(sctp_stats(p.assoc)->dropped_tag, 1);
	give(&p, SCTP_INIT_ACK, init_value(true));
	assert_answer(&p, SCTP_COOKIE_ECHO, 0);
	end(&p);
}

/* RFC 9260 sections 5.2.3 and 5.2.5. */
static void answers_of_the_handshake_that_nobody_waits_for_are_dropped(void **state)
{
	(void)state;
	for (int s = SCTP_CLOSED; s <= SCTP_SHUTDOWN_ACK_SENT; s++)
		for (int ack = 0; ack < 2; ack++) {
			if (s == (ack ? SCTP_COOKIE_WAIT : SCTP_COOKIE_ECHOED))
				continue;
			struct puppet p;
			go_to(&p, (enum sctp_state)s);
			usec deadline = sctp_deadline(p.assoc);
			give(&p, ack ? SCTP_INIT_ACK : SCTP_COOKIE_ACK,
				ack ? init_value(true) : (struct bytes){0});
			assert_silent(&p);
			assert_int_equal(sctp_state(p.assoc), s);
			assert_true(sctp_deadline(p.assoc) == deadline);
			end(&p);
		}
}

/* Section 5.1: DATA may be bundled with COOKIE ECHO and COOKIE ACK, behind them. */
static void data_that_comes_with_the_cookie_is_taken_and_answered_behind_cookie_ack(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_CLOSED);
	begin(&p, 0);
	add(&p, SCTP_INIT, 0, init_value(false));
	send_packet(&p);
	struct sctp_init ack;
	assert_ok(sctp_init_parse(assert_answer(&p, SCTP_INIT_ACK, 0), &ack));
	uint8_t cookie[SCTP_COOKIE_SIZE];
	assert_int_equal(ack.cookie.size, sizeof cookie);
	memcpy(cookie, ack.cookie.data, sizeof cookie);
	begin(&p, ack.tag);
	add(&p, SCTP_COOKIE_ECHO, 0, bytes_of(cookie, sizeof cookie));
	add_data(&p, 0, 0, 0, WHOLE);
	send_packet(&p);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_COOKIE_ACK, SCTP_SACK)), 1);
	assert_message(&p, 0);
	end(&p);
}

static void data_that_comes_with_cookie_ack_is_taken(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_COOKIE_ECHOED);
	begin(&p, p.assoc->local_tag);
	add(&p, SCTP_COOKIE_ACK, 0, (struct bytes){0});
	add_data(&p, 0, 0, 0, WHOLE);
	send_packet(&p);
	assert_int_equal(sctp_state(p.assoc), SCTP_ESTABLISHED);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_SACK, 0)), 1);
	assert_message(&p, 0);
	end(&p);
}

/* ---- Association termination (AT) ---- */

/* Section 9.2: SHUTDOWN ACK comes behind everything that was accepted. */
static void shutdown_ack_waits_until_all_is_acknowledged(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_SHUTDOWN_RECEIVED);
	give_sack(&p, 0, WINDOW);
	assert_silent(&p);
	give_shutdown(&p, 0);
	assert_silent(&p);
	give_sack(&p, 1, WINDOW);
	assert_answer(&p, SCTP_SHUTDOWN_ACK, 0);
	give(&p, SCTP_SHUTDOWN_COMPLETE, (struct bytes){0});
	assert_silent(&p);
	assert_int_equal(sctp_state(p.assoc), SCTP_CLOSED);
	assert_true(sctp_deadline(p.assoc) == USEC_NEVER);
	end(&p);
}

static void shutdown_waits_until_all_is_acknowledged_and_says_what_came(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_SHUTDOWN_PENDING);
	give_data(&p, 0, 0, 0, WHOLE);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_SACK, 0)), 1);
	give_sack(&p, 1, WINDOW);
	struct sctp_chunk shutdown = assert_answer(&p, SCTP_SHUTDOWN, 0);
	struct reader r = reader_of(shutdown.value);
	assert_int_equal(read_u32(&r), PUPPET_TSN);
	give(&p, SCTP_SHUTDOWN_ACK, (struct bytes){0});
	assert_answer(&p, SCTP_SHUTDOWN_COMPLETE, 0);
	assert_int_equal(sctp_state(p.assoc), SCTP_CLOSED);
	end(&p);
}

/* Section 8.5.1 C: "... MUST be silently discarded" but in SHUTDOWN-ACK-SENT. */
static void a_shutdown_complete_that_nobody_waits_for_is_dropped(void **state)
{
	(void)state;
	for (int s = SCTP_CLOSED; s < SCTP_SHUTDOWN_ACK_SENT; s++) {
		struct puppet p;
		go_to(&p, (enum sctp_state)s);
		give(&p, SCTP_SHUTDOWN_COMPLETE, (struct bytes){0});
		assert_silent(&p);
		assert_int_equal(sctp_state(p.assoc), s);
		end(&p);
	}
}

/* ---- Invalid messages (I) ---- */

static void before_it_is_established_nothing_but_the_handshake_is_listened_to(void **state)
{
	(void)state;
	static const enum sctp_state states[] = {SCTP_CLOSED, SCTP_COOKIE_WAIT, SCTP_COOKIE_ECHOED};
	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
		struct puppet p;
		go_to(&p, states[i]);
		give_data(&p, 0, 0, 0, WHOLE);
		give_sack(&p, 0, WINDOW);
		give_shutdown(&p, 0);
		give(&p, SCTP_HEARTBEAT, bytes_of("\0\1\0\10abcd", 8));
		give(&p, SCTP_FORWARD_TSN, bytes_of("\0\0\3\xff", 4));
		assert_silent(&p);
		assert_false(has_event(&p));
		assert_int_equal(sctp_state(p.assoc), states[i]);
		/* Nor later. */
		if (states[i] == SCTP_CLOSED) {
			sctp_connect(p.assoc, p.now);
			assert_answer(&p, SCTP_INIT, 0);
		}
		if (states[i] != SCTP_COOKIE_ECHOED) {
			give(&p, SCTP_INIT_ACK, init_value(true));
			assert_answer(&p, SCTP_COOKIE_ECHO, 0);
		}
		give(&p, SCTP_COOKIE_ACK, (struct bytes){0});
		assert_int_equal(sctp_state(p.assoc), SCTP_ESTABLISHED);
		assert_silent(&p);
		end(&p);
	}
}

static void a_packet_for_another_port_is_dropped(void **state)
{
	(void)state;
	static const struct sctp_header headers[] = {{5001, 5000, 0}, {5000, 5001, 0}};
	for (size_t i = 0; i < 2; i++) {
		struct puppet p;
		go_to(&p, SCTP_ESTABLISHED);
		struct sctp_header header = headers[i];
		header.tag = p.assoc->local_tag;
		p.packet = writer_of(p.data, sizeof p.data);
		sctp_packet_begin(&p.packet, header);
		add_data(&p, 0, 0, 0, WHOLE);
		send_packet(&p);
		assert_silent(&p);
		assert_false(has_event(&p));
		assert_int_equal(sctp_stats(p.assoc)->dropped_malformed, 1);
		end(&p);
	}
}

/* ---- Duplicate messages (D) ---- */

static void a_repeated_shutdown_is_answered_again(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_SHUTDOWN_ACK_SENT);
	for (int i = 0; i < 3; i++) {
		give_shutdown(&p, 0);
		assert_answer(&p, SCTP_SHUTDOWN_ACK, 0);
		assert_silent(&p);
		assert_int_equal(sctp_state(p.assoc), SCTP_SHUTDOWN_ACK_SENT);
	}
	end(&p);
}

/* ---- Fault handling (F), error and abort handling ---- */

static void an_error_of_any_cause_is_survived_and_not_answered(void **state)
{
	(void)state;
	for (int s = SCTP_COOKIE_WAIT; s <= SCTP_SHUTDOWN_ACK_SENT; s++)
		for (uint8_t cause = 0; cause < 16; cause++) {
			/* That one has a meaning while the cookie is under way. */
			if (s == SCTP_COOKIE_ECHOED && cause == SCTP_CAUSE_STALE_COOKIE)
				continue;
			struct puppet p;
			go_to(&p, (enum sctp_state)s);
			const uint8_t value[] = {0, cause, 0, 8, 1, 2, 3, 4};
			give(&p, SCTP_ERROR, bytes_of(value, sizeof value));
			assert_silent(&p);
			assert_int_equal(sctp_state(p.assoc), s);
			end(&p);
		}
}

static void an_abort_ends_the_association_in_every_state(void **state)
{
	(void)state;
	for (int s = SCTP_COOKIE_WAIT; s <= SCTP_SHUTDOWN_ACK_SENT; s++) {
		struct puppet p;
		go_to(&p, (enum sctp_state)s);
		give(&p, SCTP_ABORT, bytes_of("\0\14\0\10gone", 8));
		assert_silent(&p);
		assert_int_equal(sctp_state(p.assoc), SCTP_CLOSED);
		assert_true(sctp_deadline(p.assoc) == USEC_NEVER);
		assert_true(has_event(&p));
		assert_false(has_event(&p));
		end(&p);
	}
}

/* ---- Data transfer and streams (DT, S) ---- */

static void ordered_data_waits_for_its_stream_alone_and_unordered_data_for_nothing(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_ESTABLISHED);
	/* The first of stream 1 is missing. */
	give_data(&p, 1, 1, 1, WHOLE);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_SACK, 0)), 0);
	assert_false(has_event(&p));
	give_data(&p, 2, 2, 0, WHOLE);
	assert_message(&p, 2);
	give_data(&p, 3, 1, 0, WHOLE | SCTP_DATA_UNORDERED);
	assert_message(&p, 3);
	give_data(&p, 4, 1, 2, WHOLE);
	assert_false(has_event(&p));
	give_data(&p, 0, 1, 0, WHOLE);
	assert_message(&p, 0);
	assert_message(&p, 1);
	assert_message(&p, 4);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_SACK, 0)), 5);
	end(&p);
}

static void messages_in_one_packet_are_all_taken_and_acknowledged_once(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_ESTABLISHED);
	begin(&p, p.assoc->local_tag);
	for (uint16_t i = 0; i < 5; i++)
		add_data(&p, i, 0, i, WHOLE);
	send_packet(&p);
	assert_int_equal(cumulative_of(assert_answer(&p, SCTP_SACK, 0)), 5);
	assert_silent(&p);
	for (uint32_t i = 0; i < 5; i++)
		assert_message(&p, i);
	end(&p);
}

/* ---- Acknowledgement (A) ---- */

/* Section 6.2.1 D i: "If the Cumulative TSN Ack is less than the Cumulative TSN Ack Point, then
 * drop the SACK chunk." */
static void an_older_sack_changes_nothing(void **state)
{
	(void)state;
	struct puppet p;
	go_to(&p, SCTP_ESTABLISHED);
	for (int i = 0; i < 3; i++) {
		send_message(&p);
		assert_answer(&p, SCTP_DATA, 0);
	}
	give_sack(&p, 2, 50000);
	assert_int_equal(p.assoc->peer_window, 50000);
	size_t in_flight = sctp_stats(p.assoc)->in_flight;
	usec deadline = sctp_deadline(p.assoc);
	give_sack(&p, 1, 0);
	assert_int_equal(p.assoc->peer_window, 50000);
	assert_int_equal(sctp_stats(p.assoc)->in_flight, in_flight);
	assert_true(sctp_deadline(p.assoc) == deadline);
	/* The same number again tells another window. */
	give_sack(&p, 2, 40000);
	assert_int_equal(p.assoc->peer_window, 40000);
	end(&p);
}

TESTS(TEST(an_init_ack_under_another_tag_is_dropped),
	TEST(answers_of_the_handshake_that_nobody_waits_for_are_dropped),
	TEST(data_that_comes_with_the_cookie_is_taken_and_answered_behind_cookie_ack),
	TEST(data_that_comes_with_cookie_ack_is_taken),
	TEST(shutdown_ack_waits_until_all_is_acknowledged),
	TEST(shutdown_waits_until_all_is_acknowledged_and_says_what_came),
	TEST(a_shutdown_complete_that_nobody_waits_for_is_dropped),
	TEST(before_it_is_established_nothing_but_the_handshake_is_listened_to),
	TEST(a_packet_for_another_port_is_dropped), TEST(a_repeated_shutdown_is_answered_again),
	TEST(an_error_of_any_cause_is_survived_and_not_answered),
	TEST(an_abort_ends_the_association_in_every_state),
	TEST(ordered_data_waits_for_its_stream_alone_and_unordered_data_for_nothing),
	TEST(messages_in_one_packet_are_all_taken_and_acknowledged_once),
	TEST(an_older_sack_changes_nothing))
