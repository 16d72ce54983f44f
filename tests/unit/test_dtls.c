/* The handshake, who the other side is, and the end. */
#include "dtls/dtls.h"
#include "dtls/limits.h"

#include "dtls_pair.h"

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

static void a_certificate_may_forget_its_key_once_it_is_in_use(void **state)
{
	(void)state;
	struct pair p = pair();
	for (size_t i = 0; i < ENDS; i++) {
		dtls_certificate_forget_key(p.certificates[i]);
		assert_int_equal(strlen(dtls_certificate_fingerprint(p.certificates[i])),
			DTLS_FINGERPRINT_TEXT_MAX - 1);
	}
	start(&p);
	carry(&p);
	assert_true(is_open(&p));
	pair_deinit(&p);
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

/* Somewhere in the handshake datagrams of one end, from the start until it waits. */
static bool end_says(struct pair *p, int from, struct bytes what)
{
	bool said = false;
	while (carry_one(p, from))
		said = said || memmem(p->last, p->last_size, what.data, what.size) != NULL;
	return said;
}

/* RFC 5764 section 4.1.1: the extension's number, its size, the size of the list, the profiles, and
 * no MKI. pion fails a handshake without it, channels or media. */
static void media_is_offered_and_accepted_as_some_peers_require(void **state)
{
	(void)state;
	const uint8_t offered[] = {0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0};
	const uint8_t accepted[] = {0, 14, 0, 5, 0, 2, 0, 7, 0};
	struct pair p = pair();
	start(&p);
	assert_true(end_says(&p, CLIENT, bytes_of(offered, sizeof offered)));
	assert_true(end_says(&p, SERVER, bytes_of(accepted, sizeof accepted)));
	carry(&p);
	assert_true(is_open(&p));
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
				seal_into(p.ends[i], bytes_of_text("x"), data, sizeof data, &size),
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
			seal_into(p.ends[!closing], bytes_of_text("x"), data, sizeof data, &size),
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

/* RFC 8261 section 5: "the DTLS layer MUST NOT use any compression algorithm". */
static void no_compression_is_offered(void **state)
{
	(void)state;
	struct pair p = pair();
	start(&p);
	size_t size = dtls_write(p.ends[CLIENT], p.last, sizeof p.last);
	assert_true(size > 0);
	/* Record, handshake, version and random; then what has a length before it. */
	struct reader r = reader_of(bytes_of(p.last, size));
	read_skip(&r, 13 + 12 + 2 + 32);
	read_skip(&r, read_u8(&r));  /* session */
	read_skip(&r, read_u8(&r));  /* cookie */
	read_skip(&r, read_u16(&r)); /* suites */
	assert_int_equal(read_u8(&r), 1);
	assert_int_equal(read_u8(&r), 0); /* null */
	assert_false(r.failed);
	pair_deinit(&p);
}

TESTS_WITH_BOTH_RECORDS(TEST(no_compression_is_offered), TEST(no_two_certificates_are_alike),
	TEST(fingerprints_in_the_forms_of_sdp), TEST(both_ends_open_without_a_timer),
	TEST(media_is_offered_and_accepted_as_some_peers_require),
	TEST(the_order_of_starting_does_not_matter), TEST(what_comes_before_the_start_is_limited),
	TEST(every_single_loss_is_made_good),
	TEST(long_silences_end_in_success_when_the_network_heals),
	TEST(gives_up_after_half_a_minute_of_silence), TEST(the_round_trip_sets_the_first_timeout),
	TEST(advancing_too_early_changes_nothing), TEST(flights_fit_the_smallest_mtu),
	TEST(a_certificate_may_forget_its_key_once_it_is_in_use),
	TEST(flights_shrink_when_large_datagrams_vanish), TEST(a_wrong_fingerprint_fails_both_ends),
	TEST(longer_hashes_are_checked_too), TEST(a_close_reaches_the_other_side),
	TEST(what_was_sent_before_the_close_is_read), TEST(a_close_before_or_during_the_handshake))
