/* RFC 9653, as two associations keep it and against packets made by hand. */
#include "sctp_pair.h"

static struct {
	size_t zero[2], sealed[2]; /* by sender */
	size_t zero_handshake, inits, cookie_echoes;
} seen;

static bool count_checksums(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)p;
	(void)size;
	static const uint8_t zeros[4];
	uint8_t first = data[SCTP_HEADER_SIZE];
	bool zero = memcmp(data + 8, zeros, sizeof zeros) == 0;
	seen.inits += first == SCTP_INIT;
	seen.cookie_echoes += first == SCTP_COOKIE_ECHO;
	if (first == SCTP_INIT || first == SCTP_INIT_ACK || first == SCTP_COOKIE_ECHO)
		seen.zero_handshake += zero;
	else if (zero)
		seen.zero[from]++;
	else
		seen.sealed[from]++;
	return true;
}

static void exchange_with(bool first, bool second, int callers)
{
	struct pair p;
	pair_init_with(&p, 1, (struct sctp_config){.zero_checksum = first},
		(struct sctp_config){.zero_checksum = second});
	memset(&seen, 0, sizeof seen);
	p.on_packet = count_checksums;
	p.loss = 5;
	for (int end = 0; end < callers; end++)
		sctp_connect(p.end[end].assoc, p.now);
	/* Travels with COOKIE ECHO, which keeps its checksum. */
	assert_ok(pair_send(&p, 0, 0, false, 20000));
	pair_run(&p, 30 * USEC_PER_SEC);
	assert_ok(pair_send(&p, 1, 0, false, 20000));
	pair_run(&p, 30 * USEC_PER_SEC);
	for (int end = 0; end < 2; end++) {
		assert_int_equal(p.end[end].received, 1);
		assert_int_equal(sctp_stats(p.end[end].assoc)->dropped_checksum, 0);
		if (first && second) {
			assert_true(seen.zero[end] > 5);
			assert_int_equal(seen.sealed[end], 0);
		} else {
			assert_int_equal(seen.zero[end], 0);
			assert_true(seen.sealed[end] > 5);
		}
	}
	assert_true(seen.inits > 0 && seen.cookie_echoes > 0);
	assert_int_equal(seen.zero_handshake, 0);
	sctp_shutdown(p.end[0].assoc, p.now);
	pair_run(&p, 60 * USEC_PER_SEC);
	assert_int_equal(p.end[0].closed, 1);
	pair_deinit(&p);
}

static void checksums_are_left_away_only_when_both_ends_know_how(void **state)
{
	(void)state;
	for (int callers = 1; callers <= 2; callers++) {
		exchange_with(false, false, callers);
		exchange_with(true, false, callers);
		exchange_with(false, true, callers);
		exchange_with(true, true, callers);
	}
}

static void what_a_packet_needs_depends_on_what_we_have_announced(void **state)
{
	(void)state;
	enum checksum { RIGHT, WRONG, ZERO };
	static const struct {
		enum sctp_chunk_type first;
		bool announced;
		enum checksum checksum;
		bool accepted;
	} cases[] = {
		{SCTP_DATA, false, RIGHT, true},
		{SCTP_DATA, false, WRONG, false},
		{SCTP_DATA, false, ZERO, false},
		{SCTP_DATA, true, RIGHT, true},
		{SCTP_DATA, true, WRONG, false},
		{SCTP_DATA, true, ZERO, true},
		{SCTP_INIT_ACK, true, ZERO, true},
		{SCTP_COOKIE_ACK, true, ZERO, true},
		{SCTP_ABORT, true, ZERO, true},
		{SCTP_INIT, true, RIGHT, true},
		{SCTP_INIT, true, ZERO, true},
		{SCTP_COOKIE_ECHO, true, RIGHT, true},
		{SCTP_COOKIE_ECHO, true, WRONG, false},
		{SCTP_COOKIE_ECHO, true, ZERO, true},
		{SCTP_COOKIE_ECHO, false, ZERO, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t data[64];
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 1});
		sctp_chunk_write_empty(&w, cases[i].first, 0);
		if (cases[i].checksum != ZERO)
			sctp_packet_seal(&w);
		if (cases[i].checksum == WRONG)
			data[8] ^= 1;
		struct sctp_header header;
		struct reader r;
		enum err err = sctp_packet_open(writer_bytes(&w), cases[i].announced, &header, &r);
		assert_int_equal(err, cases[i].accepted ? ERR_OK : ERR_MISMATCH);
	}
}

static void an_announcement_counts_when_it_is_whole_and_single(void **state)
{
	(void)state;
	static const struct {
		uint8_t data[16];
		size_t size;
		bool announced;
	} cases[] = {
		{{0}, 0, false},
		{{0x80, 1, 0, 8, 0, 0, 0, 1}, 8, true},
		{{0x80, 1, 0, 8, 0, 0, 0, 0}, 8, false}, /* reserved */
		{{0x80, 1, 0, 8, 0, 0, 0, 2}, 8, false}, /* another method */
		{{0x80, 1, 0, 8, 1, 0, 0, 1}, 8, false},
		{{0x80, 1, 0, 4}, 4, false},
		{{0x80, 1, 0, 6, 0, 1}, 8, false},
		{{0x80, 1, 0, 12, 0, 0, 0, 1}, 12, false},
		{{0x80, 1, 0, 8, 0, 0, 0, 1, 0x80, 1, 0, 8, 0, 0, 0, 1}, 16, false},
		{{0x80, 1, 0, 8, 0, 0, 0, 2, 0x80, 1, 0, 8, 0, 0, 0, 1}, 16, false},
		{{0x80, 1, 0, 4, 0x80, 1, 0, 8, 0, 0, 0, 1}, 12, false},
		{{0xc0, 0, 0, 4, 0x80, 1, 0, 8, 0, 0, 0, 1}, 12, true},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t data[64];
		struct writer w = writer_of(data, sizeof data);
		size_t place = sctp_chunk_begin(&w, SCTP_INIT, 0);
		write_zeros(&w, 16);
		write_bytes(&w, bytes_of(cases[i].data, cases[i].size));
		sctp_chunk_end(&w, place);
		struct reader r = reader_of(writer_bytes(&w));
		struct sctp_chunk chunk;
		struct sctp_init init;
		assert_true(sctp_chunk_next(&r, &chunk));
		assert_ok(sctp_init_parse(chunk, &init));
		assert_int_equal(init.zero_checksum, cases[i].announced);
	}
}

/* The INIT ACK that an association which knows how gives to such an INIT. */
static bool init_ack_announces(bool announced)
{
	struct pair p;
	struct sctp_config config = {.zero_checksum = true};
	pair_init_with(&p, 1, config, config);
	struct sctp_assoc *a = p.end[0].assoc;
	const struct sctp_init init = {.tag = 77,
		.window = 100000,
		.outgoing = 5,
		.incoming = 5,
		.tsn = 9,
		.zero_checksum = announced};
	uint8_t data[2048];
	struct writer w = writer_of(data, sizeof data);
	sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 0});
	sctp_init_write(&w, &init, NULL);
	sctp_packet_seal(&w);
	sctp_receive(a, p.now, writer_bytes(&w));
	struct sctp_header header;
	struct reader r;
	struct sctp_chunk chunk;
	struct sctp_init ack;
	size_t size = sctp_write(a, p.now, data, sizeof data);
	assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
	assert_true(sctp_chunk_next(&r, &chunk));
	assert_int_equal(chunk.type, SCTP_INIT_ACK);
	assert_ok(sctp_init_parse(chunk, &ack));
	pair_deinit(&p);
	return ack.zero_checksum;
}

static void who_does_not_announce_it_is_not_told_of_it(void **state)
{
	(void)state;
	assert_true(init_ack_announces(true));
	assert_false(init_ack_announces(false));
}

/* Takes the checksum of the first INIT and the first COOKIE ECHO, as no peer may. */
static bool strip_checksum(struct pair *p, int from, uint8_t *data, size_t size)
{
	(void)from;
	(void)size;
	uint8_t first = data[SCTP_HEADER_SIZE];
	int bit = first == SCTP_INIT ? 1 : first == SCTP_COOKIE_ECHO ? 2 : 0;
	if (bit && !(p->counter & bit)) {
		p->counter |= bit;
		memset(data + 8, 0, 4);
	}
	return true;
}

static void zero_is_accepted_from_our_announcement_on_and_not_before(void **state)
{
	(void)state;
	for (int announced = 0; announced < 2; announced++) {
		struct pair p;
		const struct sctp_config knows = {.zero_checksum = true};
		pair_init_with(&p, 1, (struct sctp_config){.zero_checksum = announced}, knows);
		p.on_packet = strip_checksum;
		sctp_connect(p.end[0].assoc, p.now);
		pair_run(&p, 30 * USEC_PER_SEC);
		assert_int_equal(p.counter, 3);
		/* The INIT comes before end 1 has said anything. The cookie comes behind its INIT
		 * ACK, which announces nothing to who did not announce it. */
		assert_int_equal(sctp_stats(p.end[1].assoc)->dropped_checksum, announced ? 1 : 2);
		assert_int_equal(p.end[0].connected, 1);
		assert_int_equal(p.end[1].connected, 1);
		pair_deinit(&p);
	}
}

static void an_answer_to_what_is_out_of_the_blue_has_its_checksum(void **state)
{
	(void)state;
	struct pair p;
	const struct sctp_config config = {.zero_checksum = true};
	pair_init_with(&p, 1, config, config);
	pair_connect(&p);
	struct sctp_assoc *a = p.end[0].assoc;
	sctp_abort(a, p.now);
	pair_drain(&p);
	static const uint8_t types[] = {SCTP_SACK, SCTP_SHUTDOWN_ACK};
	for (size_t i = 0; i < sizeof types; i++) {
		uint8_t data[1200];
		struct writer w = writer_of(data, sizeof data);
		sctp_packet_begin(&w, (struct sctp_header){5000, 5000, 4711});
		sctp_chunk_write_empty(&w, (enum sctp_chunk_type)types[i], 0);
		sctp_packet_seal(&w);
		sctp_receive(a, p.now, writer_bytes(&w));
		size_t size = sctp_write(a, p.now, data, sizeof data);
		struct sctp_header header;
		struct reader r;
		assert_true(size > 0);
		assert_ok(sctp_packet_open(bytes_of(data, size), false, &header, &r));
		assert_int_equal(header.tag, 4711);
	}
	pair_deinit(&p);
}

TESTS(TEST(an_answer_to_what_is_out_of_the_blue_has_its_checksum),
	TEST(checksums_are_left_away_only_when_both_ends_know_how),
	TEST(what_a_packet_needs_depends_on_what_we_have_announced),
	TEST(an_announcement_counts_when_it_is_whole_and_single),
	TEST(who_does_not_announce_it_is_not_told_of_it),
	TEST(zero_is_accepted_from_our_announcement_on_and_not_before))
