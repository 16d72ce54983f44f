#include "base/text.h"

#include <stdlib.h>

#include "test.h"

static void numbers_are_strict(void **state)
{
	(void)state;
	uint32_t small;
	uint64_t large;
	assert_true(text_to_u32("4294967295", &small));
	assert_true(small == UINT32_MAX);
	assert_true(text_to_u64("18446744073709551615", &large));
	assert_true(large == UINT64_MAX);
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x1", "1a", "18446744073709551616"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(text_to_u64(bad[i], &large));
	assert_false(text_to_u32("4294967296", &small));
}

static void base64_round_trips_at_every_length(void **state)
{
	(void)state;
	uint8_t data[64], back[64];
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 37 + 200);
	for (size_t size = 0; size <= sizeof data; size++) {
		char *plain = base64_encode(bytes_of(data, size));
		char *url = base64url_encode(bytes_of(data, size));
		size_t got;
		assert_true(base64_decode(bytes_of_text(plain), back, sizeof back, &got));
		assert_bytes_equal(bytes_of(back, got), bytes_of(data, size));
		assert_true(base64_decode(bytes_of_text(url), back, sizeof back, &got));
		assert_bytes_equal(bytes_of(back, got), bytes_of(data, size));
		free(plain);
		free(url);
	}
}

static void base64_refuses_what_it_would_not_write(void **state)
{
	(void)state;
	uint8_t out[8];
	size_t size;
	static const char *const bad[] = {"A", "AB!=", "AB=C", "QQ=", "QR==", "AAAAAAAAAAAAAAAA"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(base64_decode(bytes_of_text(bad[i]), out, sizeof out, &size));
	assert_true(base64_decode(bytes_of_text("QQ=="), out, sizeof out, &size));
	assert_int_equal(size, 1);
}

static void hex_round_trips(void **state)
{
	(void)state;
	static const uint8_t data[] = {0x00, 0x7f, 0x80, 0xff};
	char text[9];
	uint8_t back[4];
	hex_encode(bytes_of(data, sizeof data), text);
	assert_string_equal(text, "007f80ff");
	assert_true(hex_decode("007F80ff", back, sizeof back));
	assert_memory_equal(back, data, sizeof data);
	assert_false(hex_decode("007f80f", back, sizeof back));
	assert_false(hex_decode("007f80fg", back, sizeof back));
}

static void utf8_refuses_what_rfc_3629_forbids(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{"", true},
		{"plain", true},
		{"gr\xc3\xbc\xc3\x9f", true},
		{"\xe2\x82\xac", true},
		{"\xf0\x9f\x98\x80", true},
		{"\xc0\xaf", false},         /* overlong */
		{"\xe0\x80\xaf", false},     /* overlong */
		{"\xed\xa0\x80", false},     /* surrogate */
		{"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
		{"\xe2\x82", false},         /* cut off */
		{"\x80", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(utf8_is_valid(bytes_of_text(cases[i].text)), cases[i].valid);
		/* Wherever it is cut, and behind as many other characters. */
		char text[64];
		size_t before = 0;
		for (; before < 20; before++) {
			snprintf(text, sizeof text, "%.*s%s", (int)before, "abcdefghijklmnopqrst",
				cases[i].text);
			struct bytes whole = bytes_of_text(text);
			assert_int_equal(utf8_is_valid(whole), cases[i].valid);
			struct utf8 utf8 = {0};
			bool is_good = utf8_goes_on(&utf8, bytes_slice(whole, 0, before + 1)) &&
				       utf8_goes_on(&utf8, bytes_slice(whole, before + 1, 64));
			assert_int_equal(is_good && utf8.missing == 0, cases[i].valid);
		}
	}
	assert_false(utf8_is_valid(bytes_of("a\0b", 3)));
	struct utf8 utf8 = {0};
	assert_true(utf8_goes_on(&utf8, bytes_of("a\0b", 3)));
}

static void every_character_is_valid_and_no_other_sequence(void **state)
{
	(void)state;
	/* Of all that begin as one character of so many bytes, as many as there are such
	 * characters. */
	static const uint8_t first[] = {0, 0, 0xc0, 0xe0};
	size_t valid[4] = {0};
	for (size_t size = 1; size <= 3; size++) {
		for (uint32_t i = (uint32_t)first[size] << 8 * (size - 1); i < 1u << 8 * size;
			i++) {
			uint8_t text[sizeof i];
			struct writer w = writer_of(text, size);
			struct utf8 utf8 = {0};
			write_big_endian(&w, i, size);
			valid[size] += utf8_goes_on(&utf8, writer_bytes(&w)) && utf8.missing == 0;
		}
	}
	assert_int_equal(valid[1], 128);
	assert_int_equal(valid[2], 0x800 - 0x80);
	assert_int_equal(valid[3], 0x10000 - 0x800 - 0x800);
}

static void copies_say_when_they_do_not_fit(void **state)
{
	(void)state;
	char to[4];
	assert_true(text_copy(to, sizeof to, "abc"));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof to, "abcd"));
	assert_string_equal(to, "");
}

static void sizes_are_in_powers_of_1024(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t size;
	} right[] = {{"0", 0}, {"1048576", 1048576}, {"1024k", 1048576}, {"1M", 1048576},
		{"2G", (uint64_t)2 << 30}};
	static const char *const wrong[] = {"", "k", "1kk", "1T", "-1", "1 M", "3G", "9999999999"};
	uint64_t size;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		assert_true(bytes_to_size(bytes_of_text(right[i].text), (uint64_t)2 << 30, &size));
		assert_true(size == right[i].size);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(bytes_to_size(bytes_of_text(wrong[i]), (uint64_t)2 << 30, &size));
}

TESTS(TEST(sizes_are_in_powers_of_1024), TEST(numbers_are_strict),
	TEST(base64_round_trips_at_every_length), TEST(base64_refuses_what_it_would_not_write),
	TEST(hex_round_trips), TEST(utf8_refuses_what_rfc_3629_forbids),
	TEST(every_character_is_valid_and_no_other_sequence), TEST(copies_say_when_they_do_not_fit))
