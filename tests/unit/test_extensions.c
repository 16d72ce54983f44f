/* What RFC 6525, 3758 and 8260 say of the chunks that they add: ours are looked at byte by byte,
 * those of the peer are made by hand. */
#include "sctp_pair.h"

static void give(struct pair *p, enum sctp_chunk_type type, uint8_t flags, struct bytes value)
{
	uint8_t data[600];
	struct sctp_assoc *a = p->end[0].assoc;
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, a->local_tag});
	size_t place = sctp_chunk_begin(&w, type, flags);
	write_bytes(&w, value);
	sctp_chunk_end(&w, place);
	sctp_packet_seal(&w);
	sctp_receive(a, p->now, writer_bytes(&w));
}

/* The next chunk of this type that end 0 writes; false when it falls silent before. */
static bool take(struct pair *p, enum sctp_chunk_type type, struct sctp_chunk *ret_chunk)
{
	static uint8_t data[1200];
	size_t size;
	while ((size = sctp_write(p->end[0].assoc, p->now, data, sizeof data)) > 0) {
		struct sctp_header header;
		struct reader r;
		assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
		while (sctp_chunk_next(&r, ret_chunk))
			if (ret_chunk->type == type)
				return true;
	}
	return false;
}

static void begin(struct pair *p, bool interleaving)
{
	const struct sctp_config config = {.no_interleaving = !interleaving};
	pair_init_with(p, 1, config, config);
	pair_connect(p);
	pair_run(p, USEC_PER_SEC);
}

/* ---- RFC 6525 ---- */

struct outgoing_reset {
	uint32_t request, response, last_tsn;
	uint16_t streams[8];
	size_t count;
};

static struct outgoing_reset parse_request(struct sctp_chunk chunk)
{
	struct reader r = reader_of(chunk.value);
	struct outgoing_reset reset = {0};
	assert_int_equal(read_u16(&r), 13);
	size_t length = read_u16(&r);
	/* Nothing but this parameter is in the chunk. */
	assert_int_equal(length, chunk.value.size);
	reset.request = read_u32(&r);
	reset.response = read_u32(&r);
	reset.last_tsn = read_u32(&r);
	reset.count = (length - 16) / 2;
	assert_int_equal(length, 16 + 2 * reset.count);
	for (size_t i = 0; i < reset.count; i++)
		reset.streams[i] = read_u16(&r);
	assert_false(r.failed);
	return reset;
}

static void respond(struct pair *p, uint32_t request, uint32_t result)
{
	uint8_t value[12];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, 16 << 16 | 12);
	write_u32(&w, request);
	write_u32(&w, result);
	give(p, SCTP_RE_CONFIG, 0, writer_bytes(&w));
}

static void a_request_to_reset_is_as_the_standard_has_it(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	begin(&p, true);
	struct sctp_assoc *a = p.end[0].assoc;
	assert_ok(sctp_reset_stream(a, p.now, 3));
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	struct outgoing_reset first = parse_request(chunk), again;
	assert_int_equal(first.request, a->local_tsn);
	assert_int_equal(first.last_tsn, (uint32_t)(a->outstanding.next - 1));
	assert_int_equal(first.count, 1);
	assert_int_equal(first.streams[0], 3);
	/* One at a time, though there is another to ask for. */
	assert_ok(sctp_reset_stream(a, p.now, 5));
	assert_false(take(&p, SCTP_RE_CONFIG, &chunk));
	/* It is repeated as it was, under a timer that doubles. */
	usec rto = sctp_rto_current(&a->rto);
	assert_true(a->timers[SCTP_TIMER_RESET] == p.now + rto);
	p.now += rto;
	sctp_advance(a, p.now);
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	again = parse_request(chunk);
	assert_memory_equal(&first, &again, sizeof first);
	assert_int_equal(a->error_count, 1);
	assert_true(a->timers[SCTP_TIMER_RESET] == p.now + usec_min(2 * rto, SCTP_RTO_MAX));
	/* "In progress": it is repeated, and that counts as no error. */
	respond(&p, first.request, 6);
	assert_false(take(&p, SCTP_RE_CONFIG, &chunk));
	assert_int_equal(a->error_count, 0);
	p.now = a->timers[SCTP_TIMER_RESET];
	sctp_advance(a, p.now);
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	assert_int_equal(a->error_count, 0);
	again = parse_request(chunk);
	assert_int_equal(again.request, first.request);
	/* An answer to another request ends nothing; the right one does, and the next follows. */
	respond(&p, first.request + 1, 1);
	assert_true(a->timers[SCTP_TIMER_RESET] != USEC_NEVER);
	respond(&p, first.request, 1);
	struct sctp_event event;
	bool done = false;
	while (sctp_next_event(a, &event))
		done |= event.type == SCTP_EVENT_RESET_DONE && event.stream == 3;
	assert_true(done);
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	again = parse_request(chunk);
	assert_int_equal(again.request, first.request + 1);
	assert_int_equal(again.streams[0], 5);
	respond(&p, again.request, 1);
	assert_true(a->timers[SCTP_TIMER_RESET] == USEC_NEVER);
	pair_deinit(&p);
}

static void answers_to_requests_are_as_the_standard_has_them(void **state)
{
	(void)state;
	struct pair p;
	struct sctp_chunk chunk;
	begin(&p, true);
	struct sctp_assoc *a = p.end[0].assoc;
	uint32_t number = p.end[1].assoc->local_tsn;
	/* SSN/TSN reset, more outgoing and more incoming streams: none of which we do. */
	static const uint16_t types[] = {15, 17, 18};
	for (size_t i = 0; i < 3; i++, number++) {
		uint8_t value[12];
		struct writer w = writer_of(value, sizeof value);
		write_u32(&w, (uint32_t)types[i] << 16 | (types[i] == 15 ? 8 : 12));
		write_u32(&w, number);
		if (types[i] != 15)
			write_u32(&w, 5 << 16);
		for (int twice = 0; twice < 2; twice++) {
			give(&p, SCTP_RE_CONFIG, 0, writer_bytes(&w));
			assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
			struct reader r = reader_of(chunk.value);
			/* Without the two fields that are for SSN/TSN resets alone. */
			assert_int_equal(chunk.value.size, 12);
			assert_int_equal(read_u32(&r), 16 << 16 | 12);
			assert_int_equal(read_u32(&r), number);
			assert_int_equal(read_u32(&r), SCTP_RESET_DENIED);
			assert_true(a->timers[SCTP_TIMER_RESET] == USEC_NEVER);
		}
	}
	/* Two requests in one chunk are answered in one. */
	uint8_t value[26];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, 13 << 16 | 16);
	write_u32(&w, number);
	write_u32(&w, 0);
	write_u32(&w, (uint32_t)a->tracker.cumulative);
	write_u32(&w, 14 << 16 | 10);
	write_u32(&w, number + 1);
	write_u16(&w, 4);
	assert_ok(pair_send(&p, 0, 4, false, 10));
	uint8_t data[1200];
	while (sctp_write(a, p.now, data, sizeof data) > 0) {}
	give(&p, SCTP_RE_CONFIG, 0, writer_bytes(&w));
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	struct reader r = reader_of(chunk.value);
	assert_int_equal(chunk.value.size, 24);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(read_u32(&r), 16 << 16 | 12);
		assert_int_equal(read_u32(&r), number + i);
		assert_int_equal(read_u32(&r), SCTP_RESET_PERFORMED);
	}
	/* And our own request, that the peer asked for, names its. */
	w = writer_of(value, sizeof value);
	write_u32(&w, (uint32_t)(a->outstanding.next - 1));
	write_u32(&w, 100000);
	write_u32(&w, 0);
	give(&p, SCTP_SACK, 0, writer_bytes(&w));
	assert_true(take(&p, SCTP_RE_CONFIG, &chunk));
	struct outgoing_reset ours = parse_request(chunk);
	assert_int_equal(ours.streams[0], 4);
	assert_int_equal(ours.response, number + 1);
	pair_deinit(&p);
}

static void without_stream_numbers_all_streams_are_reset(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, true);
	for (uint16_t stream = 2; stream < 5; stream++)
		assert_ok(pair_send(&p, 1, stream, false, 10));
	pair_run(&p, USEC_PER_SEC);
	assert_int_equal(p.end[0].received, 3);
	struct sctp_assoc *a = p.end[0].assoc;
	uint8_t value[16];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, 13 << 16 | 16);
	write_u32(&w, p.end[1].assoc->local_tsn);
	write_u32(&w, 0);
	write_u32(&w, (uint32_t)a->tracker.cumulative);
	give(&p, SCTP_RE_CONFIG, 0, writer_bytes(&w));
	pair_drain(&p);
	assert_int_equal(p.end[0].stream_resets, 3);
	pair_deinit(&p);
}

/* ---- RFC 3758 ---- */

static void send_limited(struct pair *p, uint16_t stream, bool unordered)
{
	static const uint8_t zeros[3000];
	const struct sctp_message message = {.stream = stream,
		.unordered = unordered,
		.reliability = SCTP_LIMITED_RETRANSMITS,
		.data = bytes_of(zeros, sizeof zeros)};
	assert_ok(sctp_send(p->end[0].assoc, p->now, &message));
}

/* All data of three messages is lost, two of them ordered: what is told of it. */
static void a_forward_tsn_names_what_was_given_up(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct pair p;
		struct sctp_chunk chunk;
		uint8_t data[1200];
		begin(&p, interleaving);
		struct sctp_assoc *a = p.end[0].assoc;
		send_limited(&p, 7, false);
		send_limited(&p, 8, true);
		send_limited(&p, 9, false);
		while (sctp_write(a, p.now, data, sizeof data) > 0) {}
		uint32_t last = (uint32_t)(a->outstanding.next - 1);
		size_t window = a->congestion.cwnd;
		p.now = a->timers[SCTP_TIMER_RETRANSMIT];
		sctp_transmit_on_timer(a, p.now);
		/* The loss counts for the window, though nothing is sent again. */
		assert_true(a->congestion.cwnd < window);
		window = a->congestion.cwnd;
		assert_true(take(&p, interleaving ? SCTP_I_FORWARD_TSN : SCTP_FORWARD_TSN, &chunk));
		assert_int_equal(chunk.flags, 0);
		struct reader r = reader_of(chunk.value);
		assert_int_equal(read_u32(&r), last);
		size_t names = 0, unordered = 0;
		bool seen[16] = {0};
		while (r.rest.size > 0) {
			uint16_t stream = read_u16(&r), reserved_or_ssn = read_u16(&r);
			assert_true(stream >= 7 && stream <= 9);
			assert_false(seen[stream]);
			seen[stream] = true;
			names++;
			if (interleaving) {
				assert_int_equal(reserved_or_ssn & 0xfffe, 0);
				assert_int_equal(reserved_or_ssn & 1, stream == 8);
				unordered += reserved_or_ssn & 1;
				assert_int_equal(read_u32(&r), 0);
			} else {
				/* No unordered message is named. */
				assert_int_not_equal(stream, 8);
				assert_int_equal(reserved_or_ssn, 0);
			}
		}
		assert_false(r.failed);
		assert_int_equal(names, interleaving ? 3 : 2);
		assert_int_equal(unordered, interleaving);
		/* It is out of the books, and a timer runs that repeats it. */
		assert_int_equal(a->outstanding.in_flight, 0);
		assert_true(a->timers[SCTP_TIMER_RETRANSMIT] != USEC_NEVER);
		/* That it is acknowledged makes no window grow. */
		uint64_t acked = sctp_stats(a)->bytes_acked;
		uint8_t value[12];
		struct writer w = writer_of(value, sizeof value);
		write_u32(&w, last);
		write_u32(&w, 100000);
		write_u32(&w, 0);
		give(&p, SCTP_SACK, 0, writer_bytes(&w));
		assert_int_equal(a->congestion.cwnd, window);
		assert_true(sctp_stats(a)->bytes_acked == acked);
		assert_true(sctp_transmit_is_done(a));
		assert_true(a->timers[SCTP_TIMER_RETRANSMIT] == USEC_NEVER);
		pair_deinit(&p);
	}
}

/* ---- RFC 8260 ---- */

static void reserved_bits_of_the_peer_are_ignored(void **state)
{
	(void)state;
	struct pair p;
	begin(&p, true);
	struct sctp_assoc *a = p.end[0].assoc;
	uint32_t tsn = p.end[1].assoc->local_tsn;
	uint8_t value[20];
	struct writer w = writer_of(value, sizeof value);
	write_u32(&w, tsn);
	write_u32(&w, 3 << 16 | 0xffff); /* stream, reserved */
	write_u32(&w, 0);
	write_u32(&w, 51);
	write_text(&w, "data");
	give(&p, SCTP_I_DATA, 0xf0 | SCTP_DATA_BEGIN | SCTP_DATA_END, writer_bytes(&w));
	assert_int_equal(a->inbox.messages, 1);
	/* A message on stream 3 is passed over, ordered although all other bits are set. */
	w = writer_of(value, sizeof value);
	write_u32(&w, tsn + 1);
	write_u32(&w, 3 << 16 | 0xfffe);
	write_u32(&w, 1);
	give(&p, SCTP_I_FORWARD_TSN, 0xff, writer_bytes(&w));
	w = writer_of(value, sizeof value);
	write_u32(&w, tsn + 2);
	write_u32(&w, 3 << 16);
	write_u32(&w, 2);
	write_u32(&w, 51);
	write_text(&w, "next");
	give(&p, SCTP_I_DATA, SCTP_DATA_BEGIN | SCTP_DATA_END, writer_bytes(&w));
	assert_int_equal(a->inbox.messages, 2);
	pair_deinit(&p);
}

/* Section 3.6, and RFC 8831 section 6.4: a stream of twice the priority gets twice as much. */
static void streams_share_by_their_priorities(void **state)
{
	(void)state;
	for (int interleaving = 0; interleaving < 2; interleaving++) {
		struct pair p;
		begin(&p, interleaving);
		struct sctp_assoc *a = p.end[0].assoc;
		static const uint16_t priorities[] = {128, 256, 512};
		static const uint8_t zeros[1000];
		size_t sent[3] = {0};
		for (uint16_t i = 0; i < 3; i++) {
			assert_ok(sctp_set_priority(a, (uint16_t)(i + 1), priorities[i]));
			const struct sctp_message message = {
				.stream = (uint16_t)(i + 1), .data = bytes_of(zeros, sizeof zeros)};
			for (int n = 0; n < 700; n++)
				assert_ok(sctp_send(a, p.now, &message));
		}
		for (int n = 0; n < 700; n++) {
			struct sctp_slice slice;
			assert_true(sctp_queue_cut(&a->queue, 1000, &slice));
			sent[slice.message->stream->id - 1] += slice.size;
			sctp_queue_finish(&a->queue, &slice);
		}
		assert_in_range(sent[0], 95000, 105000);
		assert_in_range(sent[1], 195000, 205000);
		assert_in_range(sent[2], 395000, 405000);
		pair_deinit(&p);
	}
}

TESTS(TEST(a_request_to_reset_is_as_the_standard_has_it),
	TEST(answers_to_requests_are_as_the_standard_has_them),
	TEST(without_stream_numbers_all_streams_are_reset),
	TEST(a_forward_tsn_names_what_was_given_up), TEST(reserved_bits_of_the_peer_are_ignored),
	TEST(streams_share_by_their_priorities))
