/* Application records, and what is none. */
#include "dtls/dtls.h"
#include "base/rng.h"
#include "dtls/limits.h"
#include "dtls/record.h"

#include "dtls_pair.h"

/* ---- Records ---- */

static void records_of_every_size_pass(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 2, 15, 16, 17, 1200, 16383, 16384};
	static uint8_t plaintext[16385];
	struct rng rng = rng_seeded(1);
	rng_fill(&rng, plaintext, sizeof plaintext);
	struct pair p = open_pair();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		assert_carries(&p, CLIENT, bytes_of(plaintext, sizes[i]));
		assert_carries(&p, SERVER, bytes_of(plaintext, sizes[i]));
	}
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_err(seal_into(p.ends[CLIENT], bytes_of(plaintext, 16385), data, sizeof data, &size),
		ERR_TOO_LARGE);
	assert_err(seal_into(p.ends[CLIENT], bytes_of(plaintext, 100), data,
			   100 + DTLS_OVERHEAD_MAX - 1, &size),
		ERR_TOO_LARGE);
	assert_ok(seal_into(
		p.ends[CLIENT], bytes_of(plaintext, 100), data, 100 + DTLS_OVERHEAD_MAX, &size));
	assert_int_equal(dtls_stats(p.ends[SERVER])->records_in, 8);
	assert_int_equal(dtls_stats(p.ends[SERVER])->records_out, 8);
	pair_deinit(&p);
}

static void several_records_in_one_datagram(void **state)
{
	(void)state;
	struct pair p = open_pair();
	uint8_t datagram[1200];
	struct writer w = writer_of(datagram, sizeof datagram);
	write_bytes(&w, seal(&p, CLIENT, bytes_of_text("one")));
	write_bytes(&w, seal(&p, CLIENT, bytes_of_text("two")));
	write_bytes(&w, seal(&p, CLIENT, bytes_of_text("three")));
	dtls_receive(p.ends[SERVER], clock_us, writer_bytes(&w));
	assert_reads(&p, SERVER, bytes_of_text("one"));
	assert_reads(&p, SERVER, bytes_of_text("two"));
	assert_reads(&p, SERVER, bytes_of_text("three"));
	assert_reads_nothing(&p, SERVER);
	assert_int_equal(dtls_stats(p.ends[SERVER])->dropped, 0);
	pair_deinit(&p);
}

static void what_was_not_read_makes_way(void **state)
{
	(void)state;
	struct pair p = open_pair();
	dtls_receive(p.ends[SERVER], clock_us, seal(&p, CLIENT, bytes_of_text("unread")));
	assert_carries(&p, CLIENT, bytes_of_text("next"));
	assert_int_equal(dtls_stats(p.ends[SERVER])->dropped, 1);
	pair_deinit(&p);
}

static void a_record_larger_than_the_callers_buffer_is_dropped(void **state)
{
	(void)state;
	struct pair p = open_pair();
	uint8_t data[10];
	size_t size;
	dtls_receive(p.ends[SERVER], clock_us, seal(&p, CLIENT, bytes_of_text("12345678901")));
	assert_false(dtls_read(p.ends[SERVER], data, sizeof data, &size));
	assert_int_equal(dtls_stats(p.ends[SERVER])->dropped, 1);
	dtls_receive(p.ends[SERVER], clock_us, seal(&p, CLIENT, bytes_of_text("1234567890")));
	assert_true(dtls_read(p.ends[SERVER], data, sizeof data, &size));
	assert_int_equal(size, 10);
	pair_deinit(&p);
}

static void reordered_records_pass_and_repeated_ones_do_not(void **state)
{
	(void)state;
	struct pair p = open_pair();
	uint8_t first[64], second[64];
	struct bytes record = seal(&p, CLIENT, bytes_of_text("first"));
	memcpy(first, record.data, record.size);
	struct bytes a = bytes_of(first, record.size);
	record = seal(&p, CLIENT, bytes_of_text("second"));
	memcpy(second, record.data, record.size);
	struct bytes b = bytes_of(second, record.size);

	struct dtls *server = p.ends[SERVER];
	dtls_receive(server, clock_us, b);
	assert_reads(&p, SERVER, bytes_of_text("second"));
	dtls_receive(server, clock_us, a);
	assert_reads(&p, SERVER, bytes_of_text("first"));
	dtls_receive(server, clock_us, a);
	assert_reads_nothing(&p, SERVER);
	dtls_receive(server, clock_us, b);
	assert_reads_nothing(&p, SERVER);
	assert_int_equal(dtls_stats(server)->dropped, 2);
	/* Far behind the window. */
	for (int i = 0; i < 100; i++)
		assert_carries(&p, CLIENT, bytes_of_text("more"));
	dtls_receive(server, clock_us, a);
	assert_reads_nothing(&p, SERVER);
	assert_int_equal(dtls_stats(server)->dropped, 3);
	pair_deinit(&p);
}

static void every_flipped_bit_is_noticed(void **state)
{
	(void)state;
	struct pair p = open_pair();
	uint8_t data[128];
	struct bytes record = seal(&p, CLIENT, bytes_of_text("some text"));
	memcpy(data, record.data, record.size);
	for (size_t i = 0; i < 8 * record.size; i++) {
		data[i / 8] ^= (uint8_t)(1 << i % 8);
		dtls_receive(p.ends[SERVER], clock_us, bytes_of(data, record.size));
		assert_reads_nothing(&p, SERVER);
		assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_OPEN);
		data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t size = 0; size < record.size; size++)
		dtls_receive(p.ends[SERVER], clock_us, bytes_of(data, size));
	dtls_receive(p.ends[SERVER], clock_us, bytes_of(data, record.size));
	assert_reads(&p, SERVER, bytes_of_text("some text"));
	pair_deinit(&p);
}

/* ---- Application data around the end of the handshake ---- */

/* The server is open first and sends at once; its own last flight arrives later. */
static void data_ahead_of_the_last_flight_is_kept(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	while (dtls_state(p.ends[SERVER]) == DTLS_HANDSHAKE) {
		carry_one(&p, CLIENT);
		if (dtls_state(p.ends[SERVER]) == DTLS_HANDSHAKE)
			carry_one(&p, SERVER);
	}
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_HANDSHAKE);
	dtls_receive(p.ends[CLIENT], clock_us, seal(&p, SERVER, bytes_of_text("early")));
	assert_reads_nothing(&p, CLIENT);
	carry(&p);
	assert_true(is_open(&p));
	assert_reads(&p, CLIENT, bytes_of_text("early"));
	assert_reads_nothing(&p, CLIENT);
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, 0);
	assert_carries(&p, SERVER, bytes_of_text("later"));
	pair_deinit(&p);
}

static void data_in_the_datagram_of_the_last_flight(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	while (dtls_state(p.ends[SERVER]) == DTLS_HANDSHAKE) {
		carry_one(&p, CLIENT);
		if (dtls_state(p.ends[SERVER]) == DTLS_HANDSHAKE)
			carry_one(&p, SERVER);
	}
	uint8_t datagram[2400];
	size_t size = dtls_write(p.ends[SERVER], datagram, sizeof datagram);
	struct writer w = writer_of(datagram + size, sizeof datagram - size);
	write_bytes(&w, seal(&p, SERVER, bytes_of_text("at once")));
	assert_false(w.failed);
	dtls_receive(p.ends[CLIENT], clock_us, bytes_of(datagram, size + w.size));
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_OPEN);
	assert_reads(&p, CLIENT, bytes_of_text("at once"));
	pair_deinit(&p);
}

/* ---- Garbage ---- */

static void random_datagrams_do_no_harm(void **state)
{
	(void)state;
	struct rng rng = rng_seeded(7);
	struct pair p = pair();
	start(&p);
	bool moved = true;
	while (moved) {
		for (int end = 0; end < ENDS; end++) {
			for (int i = 0; i < 200; i++) {
				uint8_t garbage[200];
				rng_fill(&rng, garbage, sizeof garbage);
				/* Half of them look like a record. */
				struct writer w = writer_of(garbage, DTLS_RECORD_HEADER_SIZE);
				if (i % 2) {
					write_u8(&w, (uint8_t)(20 + rng_below(&rng, 4)));
					write_u16(&w, 0xfefd);
					write_u16(&w, (uint16_t)rng_below(&rng, 2));
					write_zeros(&w, 2);
					write_u32(&w, rng_u32(&rng));
					write_u16(&w, (uint16_t)rng_below(&rng, 187));
				}
				size_t size = 1 + (size_t)rng_below(&rng, sizeof garbage);
				dtls_receive(p.ends[end], clock_us, bytes_of(garbage, size));
				assert_reads_nothing(&p, end);
			}
		}
		moved = carry_one(&p, CLIENT);
		moved = carry_one(&p, SERVER) || moved;
	}
	assert_true(is_open(&p));
	assert_true(dtls_stats(p.ends[SERVER])->dropped > 0);
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

/* Repeats every datagram of the handshake, once at once and once at the end. */
static void repeated_flights_do_no_harm(void **state)
{
	(void)state;
	static struct {
		uint8_t data[1200];
		size_t size;
		int to;
	} seen[64];
	size_t count = 0;
	struct pair p = pair();
	start(&p);
	bool moved = true;
	while (moved) {
		moved = false;
		for (int from = 0; from < ENDS; from++) {
			uint8_t data[DTLS_DATAGRAM_MAX];
			size_t size = dtls_write(p.ends[from], data, sizeof data);
			if (size == 0)
				continue;
			moved = true;
			assert_true(count < 64);
			memcpy(seen[count].data, data, size);
			seen[count].size = size;
			seen[count++].to = !from;
			dtls_receive(p.ends[!from], clock_us, bytes_of(data, size));
			dtls_receive(p.ends[!from], clock_us, bytes_of(data, size));
		}
	}
	assert_true(is_open(&p));
	for (size_t i = 0; i < count; i++)
		dtls_receive(p.ends[seen[i].to], clock_us, bytes_of(seen[i].data, seen[i].size));
	assert_true(is_open(&p));
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

/* libssl 3.0.19 ends the connection over them. */
static void records_too_short_for_their_cipher_do_no_harm(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	bool moved = true;
	while (moved) {
		for (uint8_t type = 20; type <= 23; type++) {
			for (uint8_t size = 0; size < 40; size++) {
				uint8_t record[DTLS_RECORD_HEADER_SIZE + 40] = {
					type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, type, size, 0, size};
				struct bytes whole =
					bytes_of(record, DTLS_RECORD_HEADER_SIZE + (size_t)size);
				dtls_receive(p.ends[SERVER], clock_us, whole);
				dtls_receive(p.ends[CLIENT], clock_us, whole);
				assert_reads_nothing(&p, CLIENT);
				assert_reads_nothing(&p, SERVER);
			}
		}
		moved = carry_one(&p, CLIENT);
		moved = carry_one(&p, SERVER) || moved;
	}
	assert_true(is_open(&p));
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

/* RFC 6347 section 4.1: what is not authenticated says nothing once the keys are there. */
static void plaintext_alerts_do_not_end_an_open_connection(void **state)
{
	(void)state;
	static const uint8_t fatal[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40};
	static const uint8_t closing[] = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 98, 0, 2, 1, 0};
	struct pair p = open_pair();
	dtls_receive(p.ends[CLIENT], clock_us, bytes_of(fatal, sizeof fatal));
	dtls_receive(p.ends[CLIENT], clock_us, bytes_of(closing, sizeof closing));
	assert_true(is_open(&p));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

static void the_queue_of_flights_is_limited(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	/* Nobody pulls, and the timer goes on. */
	while (dtls_state(p.ends[CLIENT]) == DTLS_HANDSHAKE)
		assert_true(wait(&p));
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size, total = 0;
	while ((size = dtls_write(p.ends[CLIENT], data, sizeof data)) > 0)
		total += size;
	assert_true(total <= DTLS_QUEUE_BYTES_MAX);
	pair_deinit(&p);
}

static void a_datagram_larger_than_any_record_is_dropped(void **state)
{
	(void)state;
	static const uint8_t data[DTLS_DATAGRAM_MAX + 1] = {23, 0xfe, 0xfd, 0, 1};
	struct pair p = open_pair();
	dtls_receive(p.ends[CLIENT], clock_us, bytes_of(data, sizeof data));
	dtls_receive(p.ends[CLIENT], clock_us, (struct bytes){0});
	assert_int_equal(dtls_stats(p.ends[CLIENT])->dropped, 2);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

TESTS_WITH_BOTH_RECORDS(TEST(records_of_every_size_pass), TEST(several_records_in_one_datagram),
	TEST(what_was_not_read_makes_way), TEST(a_record_larger_than_the_callers_buffer_is_dropped),
	TEST(reordered_records_pass_and_repeated_ones_do_not), TEST(every_flipped_bit_is_noticed),
	TEST(data_ahead_of_the_last_flight_is_kept), TEST(data_in_the_datagram_of_the_last_flight),
	TEST(random_datagrams_do_no_harm), TEST(records_too_short_for_their_cipher_do_no_harm),
	TEST(repeated_flights_do_no_harm), TEST(plaintext_alerts_do_not_end_an_open_connection),
	TEST(the_queue_of_flights_is_limited), TEST(a_datagram_larger_than_any_record_is_dropped))
