/* Sealing and opening for themselves. Against libssl: test_handover.c. */
#include "dtls/record_layer.h"
#include "dtls/limits.h"

#include "base/rng.h"
#include "test.h"

static uint8_t plaintext[RECORD_PLAINTEXT_MAX + 1];

struct ends {
	struct record_layer sender, receiver;
	uint8_t record[RECORD_PLAINTEXT_MAX + 64];
};

static struct ends ends_with(const struct suite *suite)
{
	struct ends e = {0};
	struct record_key keys[2];
	struct rng rng = rng_seeded(3);
	rng_fill(&rng, keys, sizeof keys);
	for (int i = 0; i < 2; i++)
		memset(keys[i].salt + suite->salt_size, 0, SUITE_IV_SIZE - suite->salt_size);
	rng_fill(&rng, plaintext, sizeof plaintext);
	assert_ok(record_layer_init(&e.sender, suite, &keys[0], &keys[1]));
	assert_ok(record_layer_init(&e.receiver, suite, &keys[1], &keys[0]));
	return e;
}

static void ends_deinit(struct ends *e)
{
	record_layer_deinit(&e->sender);
	record_layer_deinit(&e->receiver);
}

static struct bytes seal_of_type(struct ends *e, enum dtls_record_type type, size_t plaintext_size)
{
	size_t size;
	memcpy(e->record + record_headroom(e->sender.suite), plaintext, plaintext_size);
	assert_ok(record_layer_seal(&e->sender, type, e->record, plaintext_size, &size));
	assert_int_equal(size, record_headroom(e->sender.suite) + plaintext_size + RECORD_TAILROOM);
	return bytes_of(e->record, size);
}

static struct bytes seal(struct ends *e, size_t plaintext_size)
{
	return seal_of_type(e, DTLS_RECORD_APPLICATION_DATA, plaintext_size);
}

/* The first record of what a datagram may have held. */
static bool opens(struct ends *e, struct bytes datagram, size_t plaintext_size)
{
	uint8_t data[RECORD_PLAINTEXT_MAX];
	size_t size;
	struct dtls_record record;
	if (!dtls_record_next(&datagram, &record) ||
		!record_layer_open(&e->receiver, &record, data, sizeof data, &size))
		return false;
	assert_bytes_equal(bytes_of(data, size), bytes_of(plaintext, plaintext_size));
	return true;
}

static void every_suite_and_size(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 2, 15, 16, 17, 1163, 16383, RECORD_PLAINTEXT_MAX};
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++)
			assert_true(opens(&e, seal(&e, sizes[j]), sizes[j]));
		ends_deinit(&e);
	}
}

/* RFC 6347 section 4.1 and RFC 5288 section 3. */
static void a_header_says_epoch_and_number(void **state)
{
	(void)state;
	struct ends e = ends_with(suite_find(0xc02b));
	e.sender.next = 0x010203040506;
	static const uint8_t header[] = {
		23, 0xfe, 0xfd, 0, 1, 1, 2, 3, 4, 5, 6, 0, 27, 0, 1, 1, 2, 3, 4, 5, 6};
	struct bytes record = seal(&e, 3);
	assert_bytes_equal(bytes_slice(record, 0, sizeof header), bytes_of(header, sizeof header));
	ends_deinit(&e);
	e = ends_with(suite_find(0xcca9));
	record = seal(&e, 3);
	assert_int_equal(record.size, DTLS_RECORD_HEADER_SIZE + 3 + 16);
	ends_deinit(&e);
}

/* As libssl's does, which begins anywhere. */
static void an_explicit_nonce_goes_on_where_another_has_stopped(void **state)
{
	(void)state;
	struct ends e = ends_with(suite_find(0xc02b));
	record_layer_continue(&e.sender, 5, UINT64_MAX);
	static const uint64_t expected[] = {UINT64_MAX, 0, 1};
	for (size_t i = 0; i < 3; i++) {
		struct bytes record = seal(&e, 3);
		struct reader r = reader_of(record);
		read_skip(&r, 5);
		assert_true(read_big_endian(&r, 6) == 5 + i);
		read_skip(&r, 2);
		assert_true(read_u64(&r) == expected[i]);
		assert_true(opens(&e, record, 3));
	}
	ends_deinit(&e);
}

static void equal_plaintexts_look_different(void **state)
{
	(void)state;
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		uint8_t first[64];
		size_t headroom = record_headroom(&suites[i]);
		struct bytes record = seal(&e, 16);
		memcpy(first, record.data, record.size);
		record = seal(&e, 16);
		assert_memory_not_equal(first + headroom, record.data + headroom, 32);
		ends_deinit(&e);
	}
}

static void every_changed_bit_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		struct bytes record = seal(&e, 20);
		for (size_t bit = 0; bit < 8 * record.size; bit++) {
			e.record[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(opens(&e, record, 20));
			e.record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		/* None of them has moved the window. */
		assert_true(opens(&e, record, 20));
		ends_deinit(&e);
	}
}

static void every_cut_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		struct bytes record = seal(&e, 20);
		for (size_t size = 0; size < record.size; size++)
			assert_false(opens(&e, bytes_slice(record, 0, size), 20));
		/* With a header that says so, down to nothing at all. */
		uint16_t whole = (uint16_t)(record.size - DTLS_RECORD_HEADER_SIZE);
		for (uint16_t size = 0; size < whole; size++) {
			e.record[11] = (uint8_t)(size >> 8);
			e.record[12] = (uint8_t)size;
			assert_false(opens(&e, record, 20));
		}
		e.record[12] = (uint8_t)whole;
		assert_true(opens(&e, record, 20));
		ends_deinit(&e);
	}
}

static void other_epochs_versions_and_types_do_not_open(void **state)
{
	(void)state;
	struct ends e = ends_with(&suites[0]);
	uint8_t data[64];
	size_t size;
	struct dtls_record good, bad;
	struct bytes rest = seal(&e, 20);
	assert_true(dtls_record_next(&rest, &good));
	for (int i = 0; i < 6; i++) {
		bad = good;
		uint64_t forged = e.receiver.forged;
		bad.epoch = i == 0 ? 0 : i == 1 ? 2 : 1;
		bad.version = i == 2 ? 0xfeff : i == 3 ? 0xfefc : DTLS_VERSION_1_2;
		bad.type = i == 4 ? DTLS_RECORD_ALERT : bad.type;
		bad.sequence = i == 5 ? 1 : bad.sequence;
		assert_false(record_layer_open(&e.receiver, &bad, data, sizeof data, &size));
		/* The first four are not even tried. */
		assert_int_equal(e.receiver.forged, forged + (i >= 4));
	}
	assert_true(record_layer_open(&e.receiver, &good, data, sizeof data, &size));
	ends_deinit(&e);
}

static void a_record_that_does_not_fit_stays_unopened(void **state)
{
	(void)state;
	struct ends e = ends_with(&suites[0]);
	uint8_t data[20];
	size_t size;
	struct dtls_record record;
	struct bytes rest = seal(&e, 20);
	assert_true(dtls_record_next(&rest, &record));
	assert_false(record_layer_open(&e.receiver, &record, data, 19, &size));
	assert_true(record_layer_open(&e.receiver, &record, data, 20, &size));
	ends_deinit(&e);
}

/* By a peer that breaks RFC 5246 section 6.2.1. */
static void more_than_the_largest_plaintext_is_refused(void **state)
{
	(void)state;
	static uint8_t fragment[RECORD_PLAINTEXT_MAX + 1 + 24], data[sizeof fragment];
	struct ends e = ends_with(&suites[0]);
	size_t size;
	struct dtls_record record = {.type = DTLS_RECORD_APPLICATION_DATA,
		.epoch = 1,
		.version = DTLS_VERSION_1_2,
		.fragment = bytes_of(fragment, sizeof fragment)};
	assert_false(record_layer_open(&e.receiver, &record, data, sizeof data, &size));
	assert_int_equal(e.receiver.forged, 0);
	record.fragment.size--;
	assert_false(record_layer_open(&e.receiver, &record, data, sizeof data, &size));
	assert_int_equal(e.receiver.forged, 1);
	ends_deinit(&e);
}

static void records_open_once_and_in_any_order(void **state)
{
	(void)state;
	static uint8_t records[100][64];
	struct ends e = ends_with(&suites[0]);
	size_t size = 0;
	for (size_t i = 0; i < 100; i++) {
		struct bytes record = seal(&e, 20);
		size = record.size;
		memcpy(records[i], record.data, size);
	}
	for (size_t i = 0; i < 100; i++)
		assert_true(opens(&e, bytes_of(records[i * 37 % 100], size), 20));
	for (size_t i = 0; i < 100; i++)
		assert_false(opens(&e, bytes_of(records[i], size), 20));
	/* A repetition is not a forgery. */
	assert_int_equal(e.receiver.forged, 0);
	ends_deinit(&e);
}

/* ---- Limits ---- */

static enum err try_to_seal(struct ends *e, enum dtls_record_type type)
{
	size_t size;
	return record_layer_seal(&e->sender, type, e->record, 2, &size);
}

static void no_number_is_used_after_the_last(void **state)
{
	(void)state;
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		e.sender.next = DTLS_SEQUENCE_MAX - DTLS_SEQUENCE_RESERVE;
		assert_ok(try_to_seal(&e, DTLS_RECORD_APPLICATION_DATA));
		assert_err(try_to_seal(&e, DTLS_RECORD_APPLICATION_DATA), ERR_LIMIT);
		/* The reserve is for alerts, and has an end too. */
		for (int n = 0; n < DTLS_SEQUENCE_RESERVE; n++) {
			memcpy(e.record + record_headroom(&suites[i]), plaintext, 2);
			assert_ok(try_to_seal(&e, DTLS_RECORD_ALERT));
		}
		assert_err(try_to_seal(&e, DTLS_RECORD_ALERT), ERR_LIMIT);
		assert_true(e.sender.next == DTLS_SEQUENCE_MAX + 1);
		/* The very last one is a record like all others. */
		assert_true(opens(&e,
			bytes_of(e.record, record_headroom(&suites[i]) + 2 + RECORD_TAILROOM), 2));
		ends_deinit(&e);
	}
}

static void a_key_seals_only_so_many_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < suite_count; i++) {
		struct ends e = ends_with(&suites[i]);
		(void)seal(&e, 1163);
		assert_int_equal(e.sender.blocks, 73 + 1);
		bool is_limited = suites[i].explicit_size > 0;
		e.sender.blocks = DTLS_SEALED_BLOCKS_MAX - 1;
		assert_ok(try_to_seal(&e, DTLS_RECORD_APPLICATION_DATA));
		assert_err(try_to_seal(&e, DTLS_RECORD_APPLICATION_DATA),
			is_limited ? ERR_LIMIT : ERR_OK);
		assert_ok(try_to_seal(&e, DTLS_RECORD_ALERT));
		ends_deinit(&e);
	}
}

static void forgeries_wear_a_key_out(void **state)
{
	(void)state;
	struct ends e = ends_with(&suites[0]);
	e.receiver.forged = DTLS_FORGERIES_MAX - 1;
	assert_false(record_layer_is_worn(&e.receiver));
	struct bytes record = seal(&e, 20);
	e.record[record.size - 1] ^= 1;
	assert_false(opens(&e, record, 20));
	assert_true(record_layer_is_worn(&e.receiver));
	ends_deinit(&e);
}

static void nothing_is_left_of_the_keys(void **state)
{
	(void)state;
	static const struct record_layer zero;
	struct ends e = ends_with(&suites[0]);
	ends_deinit(&e);
	assert_memory_equal(&e.sender, &zero, sizeof zero);
	/* As with an object that never had any. */
	ends_deinit(&e);
}

TESTS(TEST(every_suite_and_size), TEST(a_header_says_epoch_and_number),
	TEST(an_explicit_nonce_goes_on_where_another_has_stopped),
	TEST(equal_plaintexts_look_different), TEST(every_changed_bit_is_noticed),
	TEST(every_cut_is_noticed), TEST(other_epochs_versions_and_types_do_not_open),
	TEST(a_record_that_does_not_fit_stays_unopened),
	TEST(more_than_the_largest_plaintext_is_refused), TEST(records_open_once_and_in_any_order),
	TEST(no_number_is_used_after_the_last), TEST(a_key_seals_only_so_many_blocks),
	TEST(forgeries_wear_a_key_out), TEST(nothing_is_left_of_the_keys))
