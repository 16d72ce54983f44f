/* Two ends in memory, with a network between them that a test can make lose, repeat and reorder
 * datagrams, and a clock that stands still until both ends have nothing left to do. */
#include "dtls/dtls.h"
#include "base/rng.h"
#include "dtls/limits.h"
#include "dtls/record.h"

#include <sys/time.h>

#include "test.h"

#define UNIX_TIME INT64_C(1800000000)

/* libssl's clock. */
static usec clock_us;

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
	(void)zone;
	time->tv_sec = (time_t)(clock_us / USEC_PER_SEC);
	time->tv_usec = (suseconds_t)(clock_us % USEC_PER_SEC);
	return 0;
}

enum { CLIENT, SERVER, ENDS };

struct pair {
	struct dtls_certificate *certificates[ENDS];
	struct dtls *ends[ENDS];
	size_t sent;      /* datagrams of the handshake so far, both ways */
	size_t lose_from; /* these are lost: [from, to) */
	size_t lose_to;
	size_t largest; /* datagram of the handshake */
	uint8_t last[DTLS_DATAGRAM_MAX];
	size_t last_size;
};

/* One pair at a time, and both ends know whom to expect. */
static struct pair pair_with_mtu(size_t mtu)
{
	struct pair p = {0};
	clock_us = UNIX_TIME * USEC_PER_SEC;
	for (int i = 0; i < ENDS; i++) {
		assert_ok(dtls_certificate_create(UNIX_TIME, &p.certificates[i]));
		const struct dtls_config config = {
			.certificate = p.certificates[i], .client = i == CLIENT, .mtu = mtu};
		assert_ok(dtls_create(&config, &p.ends[i]));
	}
	for (int i = 0; i < ENDS; i++)
		assert_ok(dtls_expect(p.ends[i], bytes_of_text("sha-256"),
			bytes_of_text(dtls_certificate_fingerprint(p.certificates[!i]))));
	return p;
}

static struct pair pair(void)
{
	return pair_with_mtu(0);
}

static void pair_deinit(struct pair *p)
{
	for (int i = 0; i < ENDS; i++) {
		dtls_destroy(p->ends[i]);
		dtls_certificate_destroy(p->certificates[i]);
	}
}

static bool carry_one(struct pair *p, int from)
{
	size_t size = dtls_write(p->ends[from], p->last, sizeof p->last);
	if (size == 0)
		return false;
	p->last_size = size;
	p->largest = max_size(p->largest, size);
	bool lost = p->sent >= p->lose_from && p->sent < p->lose_to;
	p->sent++;
	if (!lost)
		dtls_receive(p->ends[!from], clock_us, bytes_of(p->last, size));
	return true;
}

/* Until nothing moves without a timer. */
static void carry(struct pair *p)
{
	bool moved;
	do {
		moved = carry_one(p, CLIENT);
		moved = carry_one(p, SERVER) || moved;
	} while (moved);
}

/* To the next timer. */
static bool wait(struct pair *p)
{
	usec deadline = usec_min(dtls_deadline(p->ends[0]), dtls_deadline(p->ends[1]));
	if (deadline == USEC_NEVER)
		return false;
	assert_true(deadline >= clock_us);
	assert_true(deadline <= clock_us + 10 * USEC_PER_SEC);
	clock_us = deadline;
	for (int i = 0; i < ENDS; i++) {
		if (dtls_deadline(p->ends[i]) <= clock_us)
			dtls_advance(p->ends[i], clock_us);
	}
	return true;
}

static void start(struct pair *p)
{
	for (int i = 0; i < ENDS; i++)
		dtls_start(p->ends[i], clock_us);
}

static bool is_open(const struct pair *p)
{
	return dtls_state(p->ends[CLIENT]) == DTLS_OPEN && dtls_state(p->ends[SERVER]) == DTLS_OPEN;
}

/* Seals at one end; the record, in memory that lasts until the next call. */
static struct bytes seal(struct pair *p, int from, struct bytes plaintext)
{
	static uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_ok(dtls_seal(p->ends[from], plaintext, data, sizeof data, &size));
	assert_true(size <= plaintext.size + DTLS_OVERHEAD_MAX);
	return bytes_of(data, size);
}

static void assert_reads(struct pair *p, int at, struct bytes expected)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_true(dtls_read(p->ends[at], data, sizeof data, &size));
	assert_bytes_equal(bytes_of(data, size), expected);
}

static void assert_reads_nothing(struct pair *p, int at)
{
	uint8_t data[DTLS_DATAGRAM_MAX];
	size_t size;
	assert_false(dtls_read(p->ends[at], data, sizeof data, &size));
}

static void assert_carries(struct pair *p, int from, struct bytes plaintext)
{
	dtls_receive(p->ends[!from], clock_us, seal(p, from, plaintext));
	assert_reads(p, !from, plaintext);
	assert_reads_nothing(p, !from);
}

static struct pair open_pair(void)
{
	struct pair p = pair();
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	return p;
}

/* ---- Certificates ---- */

static void no_two_certificates_are_alike(void **state)
{
	(void)state;
	struct dtls_certificate *a, *b;
	assert_ok(dtls_certificate_create(UNIX_TIME, &a));
	assert_ok(dtls_certificate_create(UNIX_TIME, &b));
	const char *text = dtls_certificate_fingerprint(a);
	assert_string_not_equal(text, dtls_certificate_fingerprint(b));
	assert_int_equal(strlen(text), DTLS_FINGERPRINT_TEXT_MAX - 1);
	for (size_t i = 0; i < strlen(text); i++)
		assert_true(
			i % 3 == 2 ? text[i] == ':' : strchr("0123456789ABCDEF", text[i]) != NULL);
	dtls_certificate_destroy(a);
	dtls_certificate_destroy(b);
}

static void fingerprints_in_the_forms_of_sdp(void **state)
{
	(void)state;
	struct pair p = pair();
	char text[DTLS_FINGERPRINT_TEXT_MAX];
	snprintf(text, sizeof text, "%s", dtls_certificate_fingerprint(p.certificates[SERVER]));
	for (size_t i = 0; text[i]; i++) {
		if (text[i] >= 'A' && text[i] <= 'F')
			text[i] = (char)(text[i] + 32);
	}
	struct dtls *d = p.ends[CLIENT];
	assert_ok(dtls_expect(d, bytes_of_text("SHA-256"), bytes_of_text(text)));
	assert_err(dtls_expect(d, bytes_of_text("sha-1"), bytes_of_text(text)), ERR_UNSUPPORTED);
	assert_err(dtls_expect(d, bytes_of_text("md5"), bytes_of_text(text)), ERR_UNSUPPORTED);
	assert_err(dtls_expect(d, (struct bytes){0}, bytes_of_text(text)), ERR_UNSUPPORTED);
	assert_err(dtls_expect(d, bytes_of_text("sha-384"), bytes_of_text(text)), ERR_MALFORMED);
	assert_err(dtls_expect(d, bytes_of_text("sha-256"), bytes_of(text, 94)), ERR_MALFORMED);
	assert_err(dtls_expect(d, bytes_of_text("sha-256"), (struct bytes){0}), ERR_MALFORMED);
	text[2] = '-';
	assert_err(dtls_expect(d, bytes_of_text("sha-256"), bytes_of_text(text)), ERR_MALFORMED);
	text[2] = ':';
	text[0] = 'g';
	assert_err(dtls_expect(d, bytes_of_text("sha-256"), bytes_of_text(text)), ERR_MALFORMED);
	/* The good one from before still counts. */
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

/* ---- The handshake ---- */

static void both_ends_open_without_a_timer(void **state)
{
	(void)state;
	struct pair p = open_pair();
	for (int i = 0; i < ENDS; i++) {
		assert_true(dtls_deadline(p.ends[i]) == USEC_NEVER);
		assert_string_equal(dtls_error(p.ends[i]), "");
		assert_int_equal(dtls_stats(p.ends[i])->retransmissions, 0);
		assert_int_equal(dtls_stats(p.ends[i])->dropped, 0);
	}
	assert_true(p.largest <= DTLS_MTU_DEFAULT);
	assert_carries(&p, CLIENT, bytes_of_text("ping"));
	assert_carries(&p, SERVER, bytes_of_text("pong"));
	pair_deinit(&p);
}

static void the_order_of_starting_does_not_matter(void **state)
{
	(void)state;
	struct pair p = pair();
	usec before = clock_us;
	dtls_start(p.ends[CLIENT], clock_us);
	carry(&p);
	assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_NEW);
	dtls_start(p.ends[SERVER], clock_us);
	carry(&p);
	assert_true(is_open(&p));
	assert_true(clock_us == before);
	pair_deinit(&p);
}

static void what_comes_before_the_start_is_limited(void **state)
{
	(void)state;
	struct pair p = pair();
	uint8_t hello[DTLS_DATAGRAM_MAX];
	dtls_start(p.ends[CLIENT], clock_us);
	size_t size = dtls_write(p.ends[CLIENT], hello, sizeof hello);
	struct dtls *server = p.ends[SERVER];
	size_t fit = DTLS_EARLY_BYTES_MAX / (size + 2);
	for (size_t i = 0; i < fit; i++)
		dtls_receive(server, clock_us, bytes_of(hello, size));
	assert_int_equal(dtls_stats(server)->dropped, 0);
	dtls_receive(server, clock_us, bytes_of(hello, size));
	assert_int_equal(dtls_stats(server)->dropped, 1);
	dtls_receive(server, clock_us, bytes_of_text("garbage"));
	assert_int_equal(dtls_stats(server)->dropped, 2);
	dtls_start(server, clock_us);
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

static void every_single_loss_is_made_good(void **state)
{
	(void)state;
	struct pair p = open_pair();
	size_t datagrams = p.sent;
	pair_deinit(&p);
	assert_true(datagrams >= 4);
	for (size_t lost = 0; lost < datagrams; lost++) {
		p = pair();
		p.lose_from = lost;
		p.lose_to = lost + 1;
		usec before = clock_us;
		start(&p);
		carry(&p);
		for (int i = 0; i < 3 && !is_open(&p); i++) {
			assert_true(wait(&p));
			carry(&p);
		}
		assert_true(is_open(&p));
		assert_true(clock_us - before <= DTLS_TIMEOUT_DEFAULT_US);
		assert_true(dtls_stats(p.ends[0])->retransmissions +
				    dtls_stats(p.ends[1])->retransmissions >
			    0);
		assert_carries(&p, CLIENT, bytes_of_text("ping"));
		assert_carries(&p, SERVER, bytes_of_text("pong"));
		pair_deinit(&p);
	}
}

static void long_silences_end_in_success_when_the_network_heals(void **state)
{
	(void)state;
	for (size_t from = 0; from < 4; from++) {
		struct pair p = pair();
		p.lose_from = from;
		p.lose_to = from + 8;
		usec before = clock_us;
		start(&p);
		carry(&p);
		while (!is_open(&p)) {
			assert_true(wait(&p));
			carry(&p);
		}
		assert_true(clock_us - before < 15 * USEC_PER_SEC);
		pair_deinit(&p);
	}
}

static void gives_up_after_half_a_minute_of_silence(void **state)
{
	(void)state;
	struct pair p = pair();
	p.lose_to = SIZE_MAX;
	usec before = clock_us;
	start(&p);
	carry(&p);
	while (dtls_state(p.ends[CLIENT]) == DTLS_HANDSHAKE) {
		assert_true(wait(&p));
		carry(&p);
	}
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_FAILED);
	assert_string_equal(dtls_error(p.ends[CLIENT]), "handshake failed: read timeout expired");
	assert_true(clock_us - before > 20 * USEC_PER_SEC);
	assert_true(clock_us - before < 40 * USEC_PER_SEC);
	assert_true(dtls_deadline(p.ends[CLIENT]) == USEC_NEVER);
	pair_deinit(&p);
}

static void the_round_trip_sets_the_first_timeout(void **state)
{
	(void)state;
	static const struct {
		usec round_trip, timeout;
	} cases[] = {
		{0, DTLS_TIMEOUT_MIN_US},
		{60 * USEC_PER_MS, 120 * USEC_PER_MS},
		{800 * USEC_PER_MS, DTLS_TIMEOUT_FIRST_MAX_US},
		{INT64_MAX, DTLS_TIMEOUT_FIRST_MAX_US},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct pair p = pair();
		struct dtls *client = p.ends[CLIENT];
		dtls_set_round_trip(client, cases[i].round_trip);
		dtls_start(client, clock_us);
		assert_true(dtls_deadline(client) == clock_us + cases[i].timeout);
		clock_us = dtls_deadline(client);
		dtls_advance(client, clock_us);
		assert_true(dtls_deadline(client) == clock_us + 2 * cases[i].timeout);
		pair_deinit(&p);
	}
}

static void advancing_too_early_changes_nothing(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	usec deadline = dtls_deadline(p.ends[CLIENT]);
	clock_us += 10 * USEC_PER_MS;
	dtls_advance(p.ends[CLIENT], clock_us);
	assert_true(dtls_deadline(p.ends[CLIENT]) == deadline);
	assert_int_equal(dtls_stats(p.ends[CLIENT])->retransmissions, 0);
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
}

static void flights_fit_the_smallest_mtu(void **state)
{
	(void)state;
	struct pair p = pair_with_mtu(DTLS_MTU_MIN);
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	assert_true(p.largest <= DTLS_MTU_MIN);
	pair_deinit(&p);
}

/* A path that takes less than was thought, and says nothing. */
static void flights_shrink_when_large_datagrams_vanish(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	uint8_t data[DTLS_DATAGRAM_MAX];
	for (int round = 0; round < 20 && !is_open(&p); round++) {
		for (int i = 0; i < 8; i++) {
			int from = i % 2;
			size_t size;
			while ((size = dtls_write(p.ends[from], data, sizeof data)) > 0) {
				if (size <= DTLS_MTU_FALLBACK)
					dtls_receive(p.ends[!from], clock_us, bytes_of(data, size));
			}
		}
		wait(&p);
	}
	assert_true(is_open(&p));
	pair_deinit(&p);
}

/* ---- Who the other side is ---- */

static void expect_another(struct pair *p, int at)
{
	assert_ok(dtls_expect(p->ends[at], bytes_of_text("sha-256"),
		bytes_of_text(dtls_certificate_fingerprint(p->certificates[at]))));
}

static void a_wrong_fingerprint_fails_both_ends(void **state)
{
	(void)state;
	for (int deceived = 0; deceived < ENDS; deceived++) {
		struct pair p = pair();
		expect_another(&p, deceived);
		start(&p);
		carry(&p);
		assert_int_equal(dtls_state(p.ends[deceived]), DTLS_FAILED);
		assert_string_equal(dtls_error(p.ends[deceived]),
			"peer certificate does not have the expected fingerprint");
		assert_int_equal(dtls_state(p.ends[!deceived]), DTLS_FAILED);
		assert_non_null(strstr(dtls_error(p.ends[!deceived]), "alert bad certificate"));
		for (int i = 0; i < ENDS; i++) {
			uint8_t data[64];
			size_t size;
			assert_true(dtls_deadline(p.ends[i]) == USEC_NEVER);
			assert_reads_nothing(&p, i);
			assert_err(
				dtls_seal(p.ends[i], bytes_of_text("x"), data, sizeof data, &size),
				ERR_STATE);
		}
		pair_deinit(&p);
	}
}

static void longer_hashes_are_checked_too(void **state)
{
	(void)state;
	struct pair p = pair();
	char zeros[3 * 64] = "";
	for (size_t i = 0; i < 64; i++)
		memcpy(zeros + 3 * i, "00:", 3);
	assert_ok(dtls_expect(p.ends[CLIENT], bytes_of_text("sha-512"), bytes_of(zeros, 191)));
	start(&p);
	carry(&p);
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_FAILED);
	pair_deinit(&p);
}

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
	assert_err(dtls_seal(p.ends[CLIENT], bytes_of(plaintext, 16385), data, sizeof data, &size),
		ERR_TOO_LARGE);
	assert_err(dtls_seal(p.ends[CLIENT], bytes_of(plaintext, 100), data,
			   100 + DTLS_OVERHEAD_MAX - 1, &size),
		ERR_TOO_LARGE);
	assert_ok(dtls_seal(
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

/* ---- The end ---- */

static void a_close_reaches_the_other_side(void **state)
{
	(void)state;
	for (int closing = 0; closing < ENDS; closing++) {
		struct pair p = open_pair();
		dtls_close(p.ends[closing]);
		dtls_close(p.ends[closing]);
		assert_int_equal(dtls_state(p.ends[closing]), DTLS_CLOSED);
		carry(&p);
		assert_int_equal(dtls_state(p.ends[!closing]), DTLS_CLOSED);
		assert_string_equal(dtls_error(p.ends[!closing]), "");
		uint8_t data[64];
		size_t size;
		assert_err(
			dtls_seal(p.ends[!closing], bytes_of_text("x"), data, sizeof data, &size),
			ERR_STATE);
		pair_deinit(&p);
	}
}

static void what_was_sent_before_the_close_is_read(void **state)
{
	(void)state;
	struct pair p = open_pair();
	uint8_t datagram[1200];
	struct writer w = writer_of(datagram, sizeof datagram);
	write_bytes(&w, seal(&p, CLIENT, bytes_of_text("last words")));
	dtls_close(p.ends[CLIENT]);
	size_t size = dtls_write(p.ends[CLIENT], datagram + w.size, sizeof datagram - w.size);
	assert_true(size > 0);
	dtls_receive(p.ends[SERVER], clock_us, bytes_of(datagram, w.size + size));
	assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_OPEN);
	assert_reads(&p, SERVER, bytes_of_text("last words"));
	assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_CLOSED);
	pair_deinit(&p);
}

static void a_close_before_or_during_the_handshake(void **state)
{
	(void)state;
	struct pair p = pair();
	dtls_close(p.ends[SERVER]);
	assert_int_equal(dtls_state(p.ends[SERVER]), DTLS_CLOSED);
	dtls_start(p.ends[CLIENT], clock_us);
	carry(&p);
	dtls_close(p.ends[CLIENT]);
	assert_int_equal(dtls_state(p.ends[CLIENT]), DTLS_CLOSED);
	assert_true(dtls_deadline(p.ends[CLIENT]) == USEC_NEVER);
	dtls_advance(p.ends[CLIENT], clock_us);
	pair_deinit(&p);
}

TESTS(TEST(no_two_certificates_are_alike), TEST(fingerprints_in_the_forms_of_sdp),
	TEST(both_ends_open_without_a_timer), TEST(the_order_of_starting_does_not_matter),
	TEST(what_comes_before_the_start_is_limited), TEST(every_single_loss_is_made_good),
	TEST(long_silences_end_in_success_when_the_network_heals),
	TEST(gives_up_after_half_a_minute_of_silence), TEST(the_round_trip_sets_the_first_timeout),
	TEST(advancing_too_early_changes_nothing), TEST(flights_fit_the_smallest_mtu),
	TEST(flights_shrink_when_large_datagrams_vanish), TEST(a_wrong_fingerprint_fails_both_ends),
	TEST(longer_hashes_are_checked_too), TEST(records_of_every_size_pass),
	TEST(several_records_in_one_datagram), TEST(what_was_not_read_makes_way),
	TEST(a_record_larger_than_the_callers_buffer_is_dropped),
	TEST(reordered_records_pass_and_repeated_ones_do_not), TEST(every_flipped_bit_is_noticed),
	TEST(data_ahead_of_the_last_flight_is_kept), TEST(data_in_the_datagram_of_the_last_flight),
	TEST(random_datagrams_do_no_harm), TEST(repeated_flights_do_no_harm),
	TEST(plaintext_alerts_do_not_end_an_open_connection), TEST(the_queue_of_flights_is_limited),
	TEST(a_datagram_larger_than_any_record_is_dropped), TEST(a_close_reaches_the_other_side),
	TEST(what_was_sent_before_the_close_is_read), TEST(a_close_before_or_during_the_handshake))
