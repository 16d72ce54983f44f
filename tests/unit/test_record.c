#include "dtls/record.h"
#include "dtls/limits.h"

#include "test.h"

/* A record with a fragment of any bytes. */
static struct bytes make(uint8_t *data, uint8_t type, uint16_t epoch, struct bytes fragment)
{
	struct writer w = writer_of(data, DTLS_RECORD_HEADER_SIZE + fragment.size);
	write_u8(&w, type);
	write_u16(&w, 0xfefd);
	write_u16(&w, epoch);
	write_zeros(&w, 6);
	write_u16(&w, (uint16_t)fragment.size);
	write_bytes(&w, fragment);
	assert_false(w.failed);
	return writer_bytes(&w);
}

static void walks_over_the_records_of_a_datagram(void **state)
{
	(void)state;
	uint8_t data[64];
	struct bytes a = make(data, DTLS_RECORD_HANDSHAKE, 0, bytes_of_text("abc"));
	struct bytes b = make(data + a.size, DTLS_RECORD_ALERT, 1, (struct bytes){0});
	struct bytes rest = bytes_of(data, a.size + b.size);
	struct dtls_record record;
	assert_true(dtls_record_next(&rest, &record));
	assert_int_equal(record.type, DTLS_RECORD_HANDSHAKE);
	assert_int_equal(record.epoch, 0);
	assert_bytes_equal(record.fragment, bytes_of_text("abc"));
	assert_bytes_equal(record.whole, a);
	assert_true(dtls_record_next(&rest, &record));
	assert_int_equal(record.epoch, 1);
	assert_int_equal(record.fragment.size, 0);
	assert_int_equal(rest.size, 0);
	assert_false(dtls_record_next(&rest, &record));
}

static void leaves_what_is_no_whole_record(void **state)
{
	(void)state;
	uint8_t data[64];
	struct bytes whole = make(data, DTLS_RECORD_HANDSHAKE, 0, bytes_of_text("abc"));
	struct dtls_record record;
	for (size_t size = 1; size < whole.size; size++) {
		struct bytes rest = bytes_of(data, size);
		assert_false(dtls_record_next(&rest, &record));
		assert_int_equal(rest.size, size);
	}
	data[1] = 3;
	struct bytes rest = whole;
	assert_false(dtls_record_next(&rest, &record));
}

static bool is_plausible(uint8_t type, uint16_t epoch, struct bytes fragment)
{
	struct dtls_record record = {.type = type, .epoch = epoch, .fragment = fragment};
	return dtls_record_is_plausible(&record);
}

static void only_fatal_alerts_pass_in_plaintext(void **state)
{
	(void)state;
	assert_true(is_plausible(DTLS_RECORD_ALERT, 0, bytes_of("\x02\x28", 2)));
	assert_false(is_plausible(DTLS_RECORD_ALERT, 0, bytes_of("\x01\x00", 2)));
	assert_false(is_plausible(DTLS_RECORD_ALERT, 0, bytes_of("\x02\x28\x00", 3)));
	assert_false(is_plausible(DTLS_RECORD_ALERT, 0, bytes_of("\x02", 1)));
	assert_true(is_plausible(DTLS_RECORD_CHANGE_CIPHER_SPEC, 0, bytes_of("\x01", 1)));
	assert_false(is_plausible(DTLS_RECORD_CHANGE_CIPHER_SPEC, 0, bytes_of("\x02", 1)));
	assert_false(is_plausible(DTLS_RECORD_CHANGE_CIPHER_SPEC, 0, bytes_of("\x01\x01", 2)));
	assert_false(is_plausible(DTLS_RECORD_APPLICATION_DATA, 0, bytes_of("abc", 3)));
	assert_false(is_plausible(24, 0, bytes_of("abc", 3)));
}

static void encrypted_records_pass_unseen(void **state)
{
	(void)state;
	assert_true(is_plausible(DTLS_RECORD_HANDSHAKE, 1, bytes_of("garbage", 7)));
	assert_true(is_plausible(DTLS_RECORD_APPLICATION_DATA, 1, bytes_of("garbage", 7)));
	assert_false(is_plausible(24, 1, bytes_of("garbage", 7)));
	assert_false(is_plausible(19, 1, bytes_of("garbage", 7)));
	assert_false(is_plausible(DTLS_RECORD_HANDSHAKE, 2, bytes_of("garbage", 7)));
}

static void fragments_lie_within_their_message(void **state)
{
	(void)state;
	static const struct {
		uint8_t type;
		uint32_t size;
		uint16_t number;
		uint32_t offset, fragment;
		size_t present;
		bool plausible;
	} cases[] = {
		{1, 10, 0, 0, 10, 10, true},
		{1, 10, 0, 4, 6, 6, true},
		{1, 10, 0, 5, 6, 6, false},
		{1, 10, 0, 0, 10, 9, false},
		{1, 10, 0, 0, 0, 0, false},
		{1, 0, 0, 0, 0, 0, false},
		{14, 0, 0, 0, 0, 0, true},
		{14, 1, 0, 0, 1, 1, false},
		{0, 0, 0, 0, 0, 0, true},
		{0, 1, 0, 0, 1, 1, false},
		{1, 10, DTLS_MESSAGE_NUMBER_MAX, 0, 10, 10, true},
		{1, 10, DTLS_MESSAGE_NUMBER_MAX + 1, 0, 10, 10, false},
		{1, DTLS_MESSAGE_MAX, 0, 0, 10, 10, true},
		{1, DTLS_MESSAGE_MAX + 1, 0, 0, 10, 10, false},
		{1, 0xffffff, 0, 0xffffff, 0xffffff, 10, false},
	};
	uint8_t data[64];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct writer w = writer_of(data, sizeof data);
		write_u8(&w, cases[i].type);
		write_big_endian(&w, cases[i].size, 3);
		write_u16(&w, cases[i].number);
		write_big_endian(&w, cases[i].offset, 3);
		write_big_endian(&w, cases[i].fragment, 3);
		write_zeros(&w, cases[i].present);
		struct bytes once = writer_bytes(&w);
		assert_int_equal(is_plausible(DTLS_RECORD_HANDSHAKE, 0, once), cases[i].plausible);
		write_bytes(&w, once);
		assert_false(w.failed);
		assert_int_equal(is_plausible(DTLS_RECORD_HANDSHAKE, 0, writer_bytes(&w)),
			cases[i].plausible);
	}
	assert_false(is_plausible(DTLS_RECORD_HANDSHAKE, 0, (struct bytes){0}));
	assert_false(is_plausible(DTLS_RECORD_HANDSHAKE, 0, bytes_of_text("short")));
}

TESTS(TEST(walks_over_the_records_of_a_datagram), TEST(leaves_what_is_no_whole_record),
	TEST(only_fatal_alerts_pass_in_plaintext), TEST(encrypted_records_pass_unseen),
	TEST(fragments_lie_within_their_message))
